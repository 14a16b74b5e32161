"""What is not done, and why. Each way in says it as its clients understand it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.problems import Problem
from notifications.content import storage_problem

Code = Literal["INVALID", "FORBIDDEN", "NOT_FOUND", "CONFLICT"]

FRAME_CODES: Final[dict[str, str]] = {"INVALID": "INVALID_MESSAGE", "CONFLICT": "INVALID_MESSAGE", "FORBIDDEN": "FORBIDDEN", "NOT_FOUND": "NOT_FOUND"}
"""How a socket calls them. REST has them as they are."""


class Declined(Exception):
    """`code` says why, `text` what to do, and `field` what it is about, if it is about one.

    A lazy text is read in the language of whoever asks for it, who may be another than was active when it came up.
    """

    def __init__(self, code: Code, text: Promise | str, field: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self._text = text

    def __str__(self) -> str:
        return self.sentence

    @property
    def text(self) -> str:
        """In the active language."""
        return str(self._text)

    @property
    def sentence(self) -> str:
        """The text, with the field that it is about."""
        return _("The field “%(field)s”: %(text)s") % {"field": self.field, "text": self.text} if self.field else self.text


def check_text(text: str, field: str, longest: int, *, needed: bool = False) -> None:
    """Raises Declined for a text that is too long, cannot be stored, or is empty though it is `needed`."""
    problem = _("Must not be longer than %(n)d characters.") % {"n": longest} if len(text) > longest else storage_problem(text)
    if needed and not text:
        problem = _("Must not be empty.")
    if problem:
        raise Declined("INVALID", problem, field)


def another_message(field: str = "client_message_id") -> Declined:
    """The client has called another message so before."""
    return Declined("CONFLICT", gettext_lazy("Another message was sent under this name. Give each message a name of its own."), field)


@contextmanager
def as_problem(**names: str) -> Iterator[None]:
    """What is declined in here, as REST says it. `names` are the request's own for fields that it calls otherwise."""
    try:
        yield
    except Declined as refused:
        field = names.get(refused.field, refused.field)
        errors = {field: [refused.text]} if field else None
        if refused.code == "INVALID":
            detail = _("Correct these fields: %(fields)s.") % {"fields": field} if errors else refused.text
            raise Problem("INVALID_REQUEST", detail=detail, errors=errors) from refused
        raise Problem(refused.code, detail=refused.text, errors=errors) from refused
