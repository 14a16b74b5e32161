"""What is told of people: who is here, how they are, and that they type."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Raw, UnsetType

from notifications.wire import Event, Shape


class UserStatusData(Shape, kw_only=True):
    user_id: int
    status: Literal["online", "offline"]
    timestamp: datetime


class UserStatus(Event, kw_only=True, tag="user_status"):
    """A member or an agent has come or gone. Never about oneself; counts go on from the last `connected` by one each."""

    data: UserStatusData


class PresenceData(Shape, kw_only=True):
    user_id: int
    status: Literal["online", "away", "busy", "offline"]
    data: Raw = Raw(b"{}")


class Presence(Event, kw_only=True, tag="presence"):
    """How somebody is, with what its client said besides."""

    data: PresenceData


class TypingData(Shape, kw_only=True):
    user_id: int
    is_typing: bool
    context: str | UnsetType = UNSET


class Typing(Event, kw_only=True, tag="typing"):
    """Somebody types. Forget it after 10 s; it is not said again."""

    data: TypingData
