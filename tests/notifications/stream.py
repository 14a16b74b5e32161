"""What the tests see of a user's stream: the very frames that a socket would send."""

from __future__ import annotations

import json
from typing import Any

from accounts.models import User
from notifications import backlog
from notifications.events import TOPIC


def frames(user: User) -> list[dict[str, Any]]:
    """All that the user's stream holds, in order."""
    return [json.loads(frame) for _, frame in backlog.page(user.pk, [TOPIC], after=0).frames]


def last(user: User) -> dict[str, Any]:
    """The newest of them."""
    return frames(user)[-1]


def head(user: User) -> int:
    """The newest number of the stream; 0 if the user was never told anything."""
    return backlog.heads([user.pk]).get(user.pk, 0)
