"""What was said in a support session, to be looked at and taken along."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from django.db.models import F
from django.utils.translation import gettext as _

from realtime.chat import words
from realtime.chat.models import Message, Session, Transfer

Kind = Literal["customer", "agent", "system", "note", "transfer"]

_SPEAKS: Final[dict[str, Kind]] = {"CUSTOMER": "customer", "AGENT": "agent", "SYSTEM": "system"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said or done, and by whom: a name."""

    at: datetime
    kind: Kind
    author: str
    text: str

    @property
    def kind_name(self) -> str:
        """The kind, in the active language."""
        return {"customer": _("customer"), "agent": _("agent"), "system": _("system"), "note": _("note"), "transfer": _("transfer")}[self.kind]


def lines_of(sessions: Sequence[Session], *, most: int, internal: bool) -> list[list[Line]]:
    """What was said in each session, oldest first: of its newest `most` messages, and at most as many transfers altogether.

    Without what is `internal` it is what the customer could see: no notes, no transfers, and agents under
    the name that customers know. It takes two queries, of however many sessions.
    """
    messages: dict[int, list[Line]] = defaultdict(list)
    transfers: dict[int, list[Line]] = defaultdict(list)
    of = {session.pk: session for session in sessions}
    # A session's places have no holes, so the first that is wanted is known.
    said = Message.objects.filter(session__in=of, order__gt=F("session__newest") - most).select_related("sender").order_by("session_id", "order")
    for message in said if internal else said.filter(is_note=False):
        messages[message.session_id].append(_said(of[message.session_id], message, internal=internal))
    if internal:
        newest = Transfer.objects.filter(session__in=of).select_related("from_agent", "to_agent", "by").order_by("-pk")[:most]
        for transfer in reversed(newest):
            transfers[transfer.session_id].append(_moved(transfer))
    return [list(_by_time(messages[session.pk], transfers[session.pk])) for session in sessions]


def texts_of(sessions: Sequence[Session], *, most: int, internal: bool) -> dict[str, str]:
    """A text of each session, by the name of its file.

    What people have written is indented from its second line on, so that nobody can write what looks
    like somebody else's line.
    """
    found = lines_of(sessions, most=most, internal=internal)
    return {f"session-{session.public_id}.txt": _text(session, lines, most) for session, lines in zip(sessions, found, strict=True)}


def zipped(texts: dict[str, str]) -> bytes:
    """Those texts in one archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return packed.getvalue()


def _said(session: Session, message: Message, *, internal: bool) -> Line:
    kind: Kind = "note" if message.is_note else _SPEAKS[message.sender_type]
    if kind == "system":
        author = _("System")
    elif kind == "customer":
        author = session.customer.shown_name
    elif internal:
        author = message.sender.shown_name if message.sender else _("A deleted account")
    else:
        author = words.agent_name(message.sender)
    return Line(message.created_at, kind, author, words.text_of(message))


def _moved(transfer: Transfer) -> Line:
    nobody = _("nobody")
    text = _("from %(from)s to %(to)s: %(reason)s") % {
        "from": transfer.from_agent.shown_name if transfer.from_agent else nobody,
        "to": transfer.to_agent.shown_name if transfer.to_agent else nobody,
        "reason": transfer.get_reason_display(),
    }
    author = transfer.by.shown_name if transfer.by else _("System")
    return Line(transfer.created_at, "transfer", author, f"{text}\n{transfer.note}" if transfer.note else text)


def _by_time(messages: Iterable[Line], transfers: list[Line]) -> Iterator[Line]:
    """Messages keep their order, whatever the clocks of the workers said."""
    place = 0
    for message in messages:
        while place < len(transfers) and transfers[place].at <= message.at:
            yield transfers[place]
            place += 1
        yield message
    yield from transfers[place:]


def _text(session: Session, lines: Iterable[Line], most: int) -> str:
    head = {
        _("support session"): str(session.public_id),
        _("subject"): session.subject,
        _("customer"): session.customer.shown_name,
        _("channel"): session.channel,
        _("status"): str(session.get_status_display()),
        _("opened"): _utc(session.opened_at),
        _("closed"): _utc(session.closed_at) if session.closed_at else "",
        _("rating"): f"{session.rating} {session.comment}" if session.rating else "",
    }
    written = [f"{name}: {_one_line(value)}" for name, value in head.items() if value]
    if session.newest > most:
        written += ["", _("Only the newest %(count)d messages are here.") % {"count": most}]
    return "\n".join([*written, "", *map(_written, lines), ""])


def _written(line: Line) -> str:
    text = "\n    ".join(line.text.splitlines())
    return f"[{_utc(line.at)}] {_one_line(line.author)} ({line.kind_name}): {text}"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _one_line(text: str) -> str:
    return " ".join(text.split())
