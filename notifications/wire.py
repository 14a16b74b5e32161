"""What goes over the wire: how an event or a command is declared, encoded and decoded.

Each is a typed struct, declared once, beside the feature that it belongs to; what is not declared is
refused. A frame is one JSON object whose `type` stands first.

A durable event's body is encoded once for all its recipients. What differs between them, the number
in their stream and the id of their own row, is left open as a slot and spliced in. A slot is a
control character, which valid JSON never contains, so no text of a user can look like one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

SEQ_SLOT: Final = "\x01"
ITEM_SLOT: Final = "\x02"
OPEN_SEQ: Final = msgspec.Raw(SEQ_SLOT.encode())
OPEN_ITEM: Final = msgspec.Raw(ITEM_SLOT.encode())
MAX_SEQ: Final = 2**53 - 1  # what a JavaScript number holds exactly

_encoder = msgspec.json.Encoder()


class Shape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A JSON object inside a frame."""


class Event(Shape, tag_field="type", tag=""):
    """What the server tells. Not numbered: the newest wins and a lost one is not repeated."""


class Durable(Event, kw_only=True, tag=""):
    """What the server tells and keeps: it has a number in every recipient's stream."""

    topic: ClassVar[str]  # what sockets filter by
    seq: msgspec.Raw = OPEN_SEQ


class Command(Shape, tag_field="type", tag=""):
    """What a client asks."""


def encode(event: Event) -> str:
    """The event's JSON text; of a durable one with its slots open."""
    return _encoder.encode(event).decode()


def splice(body: str, *, seq: int, item: int | None = None) -> str:
    """Fill a durable body's slots: the finished frame for one recipient."""
    frame = body.replace(SEQ_SLOT, str(seq))
    return frame if item is None else frame.replace(ITEM_SLOT, str(item), 1)


class Refused(Exception):
    """A frame from a client that is not understood: the contract's code, and a text that names the field."""

    def __init__(self, code: str, text: str, client_message_id: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.client_message_id = client_message_id


def decode(frame: str | None, accepted: Mapping[str, type[Command]]) -> Command:
    """Read one frame (None: it was binary) as one of the `accepted` commands, by type.

    Raises Refused, with a text in the active language.
    """
    if frame is None:
        raise Refused("INVALID_JSON", _("Send text frames that hold JSON; binary ones are not understood."))
    try:
        message = msgspec.json.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Refused("INVALID_JSON", _("This frame is not JSON.")) from error
    if not isinstance(message, dict):
        raise Refused("INVALID_MESSAGE", _("A frame must be a JSON object with a “type”."))
    kind = message.get("type")
    if not isinstance(kind, str):
        raise Refused("INVALID_MESSAGE", _problem("type", _("is missing") if kind is None else _("must be text")))
    if kind not in accepted:
        known = ", ".join(sorted(accepted))
        text = _("“type” is “%(kind)s”; this socket understands %(known)s.") % {"kind": kind[:50], "known": known}
        raise Refused("UNKNOWN_MESSAGE_TYPE", text)
    try:
        return msgspec.convert(message, accepted[kind])
    except (msgspec.ValidationError, RecursionError) as error:
        named = message.get("client_message_id", message.get("clientMessageId"))
        raise Refused("INVALID_MESSAGE", explain(error), named if isinstance(named, str) and len(named) <= 100 else None) from error


# What msgspec says, and how we say it: it has no translations.
_REASONS: Final = (
    (re.compile(r"missing required field `(?P<field>[^`]+)`"), gettext_noop("is missing")),
    (re.compile(r"contains unknown field `(?P<field>[^`]+)`"), gettext_noop("is not known here")),
    (re.compile(r"of length <= (?P<n>\d+)"), gettext_noop("is longer than %(n)s")),
    (re.compile(r"of length >= (?P<n>\d+)"), gettext_noop("is shorter than %(n)s")),
    (re.compile(r"Expected `\w+` >= (?P<n>-?\d+)"), gettext_noop("must be at least %(n)s")),
    (re.compile(r"Expected `\w+` <= (?P<n>-?\d+)"), gettext_noop("must be at most %(n)s")),
    (re.compile(r"Invalid (enum )?value"), gettext_noop("is none of the allowed values")),
    (re.compile(r"Expected `(?P<n>[^`]+)`"), gettext_noop("must be of type %(n)s")),
)


def explain(error: Exception) -> str:
    """A sentence in the active language that names the field a frame was refused for."""
    said = str(error)
    path = re.search(r"at `\$\.?(?P<path>[^`]*)`$", said)
    where = path["path"][:100] if path else ""
    for pattern, reason in _REASONS:
        found = pattern.search(said)
        if found:
            groups = found.groupdict()
            field = ".".join(part for part in (where, groups.get("field", "")[:100]) if part)
            return _problem(field or "type", _(reason) % {"n": groups.get("n", "")})
    return _problem(where or "type", _("is not understood"))


def _problem(field: str, reason: str) -> str:
    return _("The field “%(field)s” %(reason)s.") % {"field": field, "reason": reason}
