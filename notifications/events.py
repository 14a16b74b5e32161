"""What users are told about their notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from notifications.wire import OPEN_ITEM, OPEN_SEQ, Durable, Shape

TOPIC = "notification"
Status = Literal["unread", "read"]


class NotificationData(Shape, kw_only=True):
    """The notification itself. `message` and `content` are the same text: one old client reads one, one the other."""

    id: msgspec.Raw = OPEN_ITEM
    type: str
    title: str
    message: str
    content: str
    data: dict[str, Any]
    link: str
    source: str
    status: Status
    created_at: datetime


class NotificationSent(Durable, kw_only=True, tag="notification"):
    """The user has a new notification."""

    topic: ClassVar[str] = TOPIC
    notification_type: str
    timestamp: datetime
    data: NotificationData


class NotificationStateData(Shape, kw_only=True):
    """Which notifications changed: those in `ids`, or with `all_up_to` all whose id is at most that. `unread_count` is true at `as_of`."""

    ids: list[int]
    all_up_to: int | None = None
    status: Status | Literal["deleted"]
    unread_count: Annotated[int, msgspec.Meta(ge=0)]
    as_of: msgspec.Raw = OPEN_SEQ


class NotificationStateChanged(Durable, kw_only=True, tag="notification_state"):
    """Notifications were read, unread or deleted, or came silently; every socket of the user is told."""

    topic: ClassVar[str] = TOPIC
    data: NotificationStateData
