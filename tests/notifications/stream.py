"""Telling somebody something, and what is then seen in its stream: the very frames that a socket would send."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.models import User
from notifications import backlog
from notifications.events import TOPIC, NotificationData, NotificationSent
from notifications.models import Notification
from notifications.services import notify


def told(users: Any, **changes: Any) -> Sequence[Notification]:
    """Tell them something; `changes` are what differs."""
    return notify(**{"users": users, "type": "mention", "title": "Hello", "message": "Bob mentions you", **changes})


def frames(user: User) -> list[dict[str, Any]]:
    """All that the user's stream holds, in order."""
    return [json.loads(frame) for _, frame in backlog.page(user.pk, [TOPIC], after=0).frames]


def last(user: User) -> dict[str, Any]:
    """The newest of them."""
    return frames(user)[-1]


def head(user: User) -> int:
    """The newest number of the stream; 0 if the user was never told anything."""
    return backlog.heads([user.pk]).get(user.pk, 0)


def hello(created_at: datetime, text: str = "Hello") -> NotificationSent:
    """An event to send through the door itself, with nothing behind it."""
    data = NotificationData(type="mention", title=text, message=text, content=text, data={}, link="", source="", status="unread", created_at=created_at)
    return NotificationSent(notification_type="mention", timestamp=created_at, data=data)
