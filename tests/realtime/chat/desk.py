"""Support sessions that are served already, and what is written in them from Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from notifications.models import Entry
from realtime.chat.models import Confirmation, Message, Participant, Session
from realtime.chat.posting import Sent, post, post_all
from tests.realtime.chat.conftest import CHAT, Open, wants
from tests.sockets import Frame, Socket


def served(customer: User, agent: User | None) -> Session:
    """An open session of these two, or one that waits. Past routing, which would give it to whoever is there."""
    now = timezone.now()
    status = Session.Status.OPEN if agent else Session.Status.WAITING
    session = Session.objects.create(customer=customer, agent=agent, channel="WEB", status=status, waiting_since=None if agent else now)
    for user in filter(None, (customer, agent)):
        Participant.objects.create(session=session, user=user)
    return session


def says(sender: User, text: str, session: Session, name: str = "", *, note: bool = False) -> Message:
    """Write in a session."""
    return post(wants(sender, text, session, name, note=note)).message


def says_all(sender: User, texts: Iterable[str], session: Session) -> None:
    """Write many, which nobody is taken to wait for: so the agent may be away for longer than the grace."""
    for outcome in post_all([wants(sender, text, session) for text in texts]):
        assert isinstance(outcome, Sent), outcome
    Session.objects.filter(pk=session.pk).update(owed_since=None)


def shut(session: Session) -> None:
    """Close it, past routing."""
    Session.objects.filter(pk=session.pk).update(status=Session.Status.CLOSED, closed_at=timezone.now(), owed_since=None, waiting_since=None)


def confirmed(user: User) -> int:
    """Up to which number of its stream a user's sockets have said that messages arrived."""
    return Confirmation.objects.filter(user=user).values_list("seq", flat=True).first() or 0


def stream(user: User) -> str:
    """All that a user was ever told, as it stands in the database."""
    return "\n".join(Entry.objects.filter(user=user).order_by("seq").values_list("body__text", flat=True))


def write(socket: Socket, session: Session | UUID | str | None, text: object = "Hello!", name: str = "", **more: object) -> None:
    """Write in a session, over a socket."""
    public_id = session.public_id if isinstance(session, Session) else session
    named = {"clientMessageId": name} if name else {}
    socket.send({"type": "message", "sessionId": str(public_id) if isinstance(public_id, UUID) else public_id, "text": text, **named, **more})


def refused(socket: Socket) -> Frame:
    """The next error, without what differs each time."""
    frame = socket.until("error")
    del frame["timestamp"]
    return frame


def of_type(frames: Iterable[Frame], *types: str) -> list[Frame]:
    """Those of these types, in order."""
    return [frame for frame in frames if frame["type"] in types]


# What was missed


def come(opened: Open, user: User, **how: Any) -> Socket:
    """Connect to the support chat; all that was missed has come."""
    return opened(user, CHAT, **how)


def missed(socket: Socket) -> list[str]:
    """What it was sent as missed, whose number must have been told."""
    found = [frame["message"]["text"] for frame in of_type(socket.frames, "offline_message")]
    assert [frame["count"] for frame in of_type(socket.frames, "offline_messages_complete")] == [len(found)]
    return found


def at_once_missed(opened: Open, user: User) -> list[str]:
    """What a newcomer is sent as missed, who says nothing about it."""
    socket = come(opened, user, new=True)
    found = missed(socket)
    socket.close()
    return found
