"""What people are told of what was written to them, and of the support sessions they have a part in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from msgspec import Meta

from notifications.wire import Durable, Event, Shape
from realtime.chat.models import LONGEST_NAME, LONGEST_TEXT

DIRECT = "direct"
OWN_DIRECT = "direct.own"
SUPPORT = "support"
OWN_SUPPORT = "support.own"
MISSED = "support.missed"  # of no stream: told by a socket that has just opened

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Name = Annotated[str, Meta(max_length=LONGEST_NAME)]


class DirectData(Shape, kw_only=True):
    """The message itself. `client_message_id` is what its sender's client called it, or empty."""

    id: UUID
    from_user_id: int
    from_username: str
    to_user_id: int
    message: Text
    timestamp: datetime
    client_message_id: Name


class DirectMessageSent(Durable, kw_only=True, tag="chat"):
    """Somebody has written to the user."""

    topic: ClassVar[str] = DIRECT
    timestamp: datetime
    data: DirectData


class OwnDirectMessageSent(DirectMessageSent, kw_only=True, tag="chat"):
    """The user itself has written. A topic of its own, because old clients would take it for somebody else's."""

    topic: ClassVar[str] = OWN_DIRECT


class MessageData(Shape, kw_only=True, rename="camel"):
    """A message of a support session. `agent_name` is empty unless an agent has written, `sender_id` null where the system speaks."""

    id: UUID
    session_id: UUID
    sender_type: Literal["CUSTOMER", "AGENT", "SYSTEM"]
    sender_id: int | None
    agent_name: str
    text: Text
    is_mine: bool
    created_at: datetime
    client_message_id: Name


class MessageSent(Durable, kw_only=True, tag="message"):
    """Somebody has written in one of the user's support sessions."""

    topic: ClassVar[str] = SUPPORT
    message: MessageData


class OwnMessageSent(MessageSent, kw_only=True, tag="message"):
    """The user itself has written. A topic of its own, because the old agent console takes every message for the customer's."""

    topic: ClassVar[str] = OWN_SUPPORT


class OfflineMessage(MessageSent, kw_only=True, tag="offline_message"):
    """A message that none of the user's sockets has confirmed, sent again to one that has just connected."""

    topic: ClassVar[str] = MISSED


class OfflineMessagesComplete(Event, kw_only=True, tag="offline_messages_complete"):
    """So many of them were sent."""

    count: Annotated[int, Meta(ge=0)]


class NoteWritten(Durable, kw_only=True, tag="note"):
    """An agent has written a note, for agents only. Of another type than messages, so that no client shows it to a customer."""

    topic: ClassVar[str] = SUPPORT
    note: MessageData


class OwnNoteWritten(NoteWritten, kw_only=True, tag="note"):
    """The user itself has written one."""

    topic: ClassVar[str] = OWN_SUPPORT


class Person(Shape, kw_only=True, rename="camel"):
    """Somebody by the name that others may see."""

    user_id: int
    name: str


class SessionData(Shape, kw_only=True, rename="camel"):
    """A support session. `reason` is what has happened to it; `note` is what an agent was told at a transfer, and empty for the customer."""

    id: UUID
    status: Literal["waiting", "open", "closed"]
    reason: Literal["opened", "assigned", "transferred", "returned", "closed", "reopened", "rated", "moved", "renamed"]
    channel: str
    subject: str
    customer: Person
    agent: Person | None
    opened_at: datetime
    waiting_since: datetime | None
    assigned_at: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    rating: Annotated[int, Meta(ge=1, le=5)] | None
    comment: str
    note: str = ""


class SessionChanged(Durable, kw_only=True, tag="session"):
    """Something has become of a support session; `reason` says what."""

    topic: ClassVar[str] = SUPPORT
    session: SessionData


class QueueData(Shape, kw_only=True, rename={"session_id": "sessionId"}):
    """`position` counts from 1. `estimate_s`: seconds it will take, judged by the last hours; null where these say nothing."""

    session_id: UUID
    position: Annotated[int, Meta(ge=1)]
    waiting: Annotated[int, Meta(ge=1)]
    estimate_s: Annotated[int, Meta(ge=0)] | None = None


class Queue(Event, kw_only=True, tag="queue"):
    """Where a waiting customer stands."""

    topic: ClassVar[str] = SUPPORT
    data: QueueData


class WaitingData(Shape, kw_only=True):
    """`count`: customers that wait, 1,000 at most."""

    count: Annotated[int, Meta(ge=0, le=1000)]


class Waiting(Event, kw_only=True, tag="waiting"):
    """The queue has changed: for agents and staff, who then ask who waits."""

    topic: ClassVar[str] = OWN_SUPPORT
    data: WaitingData


class ReadData(Shape, kw_only=True, rename="camel"):
    """`up_to` is the newest message that was read."""

    session_id: UUID
    user_id: int
    up_to: UUID


class MessagesRead(Durable, kw_only=True, tag="read"):
    """Somebody has read a session's messages up to one."""

    topic: ClassVar[str] = SUPPORT
    data: ReadData


class LookingData(Shape, kw_only=True, rename="camel"):
    """The agents that look at a session, with oneself."""

    session_id: UUID
    agents: list[Person]


class Looking(Event, kw_only=True, tag="looking"):
    """Which agents have a session open just now; told to these."""

    topic: ClassVar[str] = SUPPORT
    data: LookingData
