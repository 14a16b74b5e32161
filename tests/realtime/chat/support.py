"""Support sessions for tests, and their addresses."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Message, Session
from realtime.chat.posting import post
from tests.realtime.chat.conftest import wants

SESSIONS = "/api/v1/sessions"


def at(session: Session | UUID, call: str = "") -> str:
    """The address of a session, or of a call on it."""
    number = session.public_id if isinstance(session, Session) else session
    return f"{SESSIONS}/{number}{'/' if call else ''}{call}"


def some_channel() -> str:
    """A channel that no other test's sessions came by."""
    return f"T-{secrets.token_hex(6)}"


def asked(customer: User, text: str = "Where is my parcel?", *, agent: User | None = None, **more: Any) -> Session:
    """A session that this customer has begun, and that this agent has taken if there is one."""
    session = services.open_session(customer=customer, text=text, **more).session
    if agent is not None:
        services.claim(agent=agent, session_id=session.public_id)
        # Nothing is owed, or on a slow day routing would take it from an agent who has no connection.
        Session.objects.filter(pk=session.pk).update(owed_since=None)
    session.refresh_from_db()
    return session


def say(sender: User, session: Session, text: str = "Hello!", *, note: bool = False, name: str = "") -> Message:
    """Write there, from Python."""
    return post(wants(sender, text, session, name, note=note)).message


def texts(answer: Any) -> list[str]:
    """What the messages of a page say; the system's are left out."""
    return [each["text"] for each in answer.json()["results"] if each["senderType"] != "SYSTEM"]


def ids(answer: Any) -> list[str]:
    """The sessions, or the messages, of a page."""
    return [each["id"] for each in answer.json()["results"]]
