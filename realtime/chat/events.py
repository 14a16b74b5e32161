"""What people are told of what was written to them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from notifications.wire import Durable, Shape

DIRECT = "direct"
OWN_DIRECT = "direct.own"


class DirectData(Shape, kw_only=True):
    """The message itself. `client_message_id` is what its sender's client called it, or empty."""

    id: UUID
    from_user_id: int
    from_username: str
    to_user_id: int
    message: str
    timestamp: datetime
    client_message_id: str


class DirectMessageSent(Durable, kw_only=True, tag="chat"):
    """Somebody has written to the user."""

    topic: ClassVar[str] = DIRECT
    timestamp: datetime
    data: DirectData


class OwnDirectMessageSent(DirectMessageSent, kw_only=True, tag="chat"):
    """The user itself has written. A topic of its own, because old clients would take it for somebody else's."""

    topic: ClassVar[str] = OWN_DIRECT
