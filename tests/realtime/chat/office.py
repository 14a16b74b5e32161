"""Support sessions as somebody of the staff finds them."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from notifications import backlog
from realtime.chat import services
from realtime.chat.events import SUPPORT
from realtime.chat.models import Message, Session
from realtime.chat.posting import post
from tests.realtime.chat.conftest import wants

SESSIONS = "/admin/chat/session/"
BLOCKS = "/admin/chat/block/"
AGENTS = "/admin/accounts/agent/"


def asked(customer: User, text: str = "Where is my parcel?", **more: str) -> Session:
    """The customer's session, with something that it has written."""
    return services.open_session(customer=customer, text=text, **more).session


def wrote(agent: User, session: Session, text: str, *, note: bool = False) -> Message:
    """The agent whose session it is answers, or leaves a note."""
    return post(wants(agent, text, session, note=note)).message


def answered(agent: User, customer: User, **more: str) -> Session:
    """A session that the agent has answered: routing leaves it with the agent, who has no connection."""
    session = asked(customer, **more)
    services.claim(agent=agent, session_id=session.public_id)
    return wrote(agent, session, "A moment, please.").session


def kept(customer: User, *, messages: int = 1, **fields: Any) -> Session:
    """A closed session of some days ago with so many messages, stored without telling anybody."""
    long_ago = timezone.now() - timedelta(days=3)
    given = {"status": "closed", "opened_at": long_ago, "closed_at": long_ago + timedelta(hours=1), "channel": "WEB", "newest": messages, **fields}
    session = Session.objects.create(customer=customer, **given)
    said = (Message(session=session, order=order, sender=customer, sender_type="CUSTOMER", text=f"line {order}.") for order in range(1, messages + 1))
    Message.objects.bulk_create(said)
    return session


def told(user: User, kind: str) -> list[dict[str, Any]]:
    """What the frames of one type say that this user was sent, in order."""
    frames = [json.loads(frame) for _, frame in backlog.page(user.pk, [SUPPORT], after=0).frames]
    return [frame[kind] for frame in frames if frame["type"] == kind]


def token() -> str:
    """A word that stands nowhere else, to search for."""
    return f"needle{secrets.token_hex(5)}"


def page_of(session: Session) -> str:
    return f"{SESSIONS}{session.pk}/change/"
