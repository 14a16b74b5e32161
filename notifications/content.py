"""What a notification says: checked before anything is stored, in every language it will be told in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from notifications.models import Notification, valid_type
from notifications.wire import MAX_SEQ

Text = str | Promise

DATA_BYTES: Final = 4096  # of the JSON text; every socket of every recipient gets it
DATA_DEPTH: Final = 8  # far below where any client's JSON reader gives up
KNOWN_TYPES: Final = ("new_follower", "new_like", "new_comment", "comment_reply", "mention", "analysis", "system")
"""Types that clients know by name. Any other slug is allowed."""

_COLUMNS: Final = {column.name: column for column in Notification._meta.fields}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Browsers drop these from an address or read them as "/", so that what they open is not what was checked.
_UNSAFE_IN_LINK: Final = re.compile(r"[\x00-\x20\x7f\\]")


class Words(NamedTuple):
    """Title and message in one language."""

    title: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Content:
    """What is said, whoever it is said to. `texts` has the words by language, the default language's always."""

    type: str
    texts: Mapping[str, Words]
    link: str
    data: dict[str, Any]
    source: str

    @classmethod
    def checked(cls, *, type: str, title: Text, message: Text, link: str = "", data: Mapping[str, Any] | None = None, source: str = "") -> Content:
        """The content, trimmed. Raises ValidationError with a text for each field that is wrong.

        Lazy texts are rendered in every language of the site: who reads them decides, not who writes.
        """
        texts = {language: Words(_rendered(title, language), _rendered(message, language)) for language in _languages(title, message)}
        type, source, link = _trimmed(type), _trimmed(source), _trimmed(link)
        problems = {
            "type": _type_problem(type),
            "title": next(filter(None, (_text_problem("title", words.title) for words in texts.values())), None),
            "message": next(filter(None, (_text_problem("message", words.message) for words in texts.values())), None),
            "link": _link_problem(link),
            "source": _text_problem("source", source),
        }
        plain: dict[str, Any] = {}
        try:
            plain = _plain_object({} if data is None else data)
        except ValueError as error:
            problems["data"] = str(error)
        found = {field: [problem] for field, problem in problems.items() if problem}
        if found:
            raise ValidationError(found)
        return cls(type=type, texts=texts, link=link, data=plain, source=source)

    def words(self, language: str) -> Words:
        """The words for somebody who reads `language`."""
        return self.texts.get(language) or self.texts[settings.LANGUAGE_CODE]


def _languages(*texts: Text) -> list[str]:
    if any(isinstance(text, Promise) for text in texts):
        return list(dict.fromkeys([settings.LANGUAGE_CODE, *dict(settings.LANGUAGES)]))
    return [settings.LANGUAGE_CODE]


def _rendered(text: Text, language: str) -> Any:
    if isinstance(text, Promise):
        with translation.override(language):
            text = str(text)
    return _trimmed(text)


def _trimmed(text: Any) -> Any:
    """The text as plain `str` (a SafeString, say, could not be encoded). What is no text stays as it is, to be refused."""
    return text.strip() if isinstance(text, str) else text


def _type_problem(value: object) -> str | None:
    problem = _text_problem("type", value)
    if problem is None:
        try:
            valid_type(value)
        except ValidationError as error:
            return str(error.messages[0])
    return problem


def _text_problem(field: str, value: object) -> str | None:
    column = _COLUMNS[field]
    if not isinstance(value, str):
        return _("Must be text.")
    if not value and not column.blank:
        return _("Must not be empty.")
    longest = column.max_length
    if longest is not None and len(value) > longest:
        return _("Must not be longer than %(n)d characters.") % {"n": longest}
    return storage_problem(value)


def storage_problem(text: str) -> str | None:
    """What both databases and every JSON reader could not hold of a text, or None."""
    if "\x00" in text:
        return _("Must not contain a NUL character.")
    if _SURROGATE.search(text):
        return _("Must not contain half of a surrogate pair.")
    return None


def _link_problem(link: Any) -> str | None:
    problem = _text_problem("link", link)
    if problem or not link:
        return problem
    wrong = _("Must be a path of this site, such as /orders/7, or an address that begins with http:// or https://.")
    if _UNSAFE_IN_LINK.search(link):
        return wrong
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return wrong
    if parts.scheme in ("http", "https"):
        return None if host else wrong
    # Without a scheme, two slashes still lead to another host.
    return wrong if parts.scheme or link.startswith("//") else None


def plain_json(value: object, depth: int = DATA_DEPTH) -> Any:
    """A copy that holds JSON's own types only. Raises ValueError for what JSON, JavaScript or PostgreSQL cannot hold."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        problem = storage_problem(value)
        if problem:
            raise ValueError(problem)
        return "".join(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(_("Must not contain NaN or Infinity."))
        return float(value)
    if isinstance(value, int):
        if abs(value) > MAX_SEQ:
            raise ValueError(_("Must not contain whole numbers beyond 2^53, which JavaScript rounds; write them as text."))
        return int(value)
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        raise ValueError(_("Must not be nested deeper than %(n)d levels.") % {"n": DATA_DEPTH})
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError(_("Names of members must be text."))
        return {plain_json(key): plain_json(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(each, depth - 1) for each in value]
    raise ValueError(_("Must hold JSON values only, not %(kind)s.") % {"kind": type(value).__name__})


def _plain_object(data: object) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ValueError(_("Must be a JSON object."))
    plain: dict[str, Any] = plain_json(data)
    if len(msgspec.json.encode(plain)) > DATA_BYTES:
        raise ValueError(_("Must not be longer than %(n)d bytes of JSON.") % {"n": DATA_BYTES})
    return plain
