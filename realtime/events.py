"""What every socket tells about itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, UnsetType

from notifications.wire import MAX_SEQ, Event, Shape

Place = Annotated[int, Meta(ge=0, le=MAX_SEQ)]
Count = Annotated[int, Meta(ge=0)]


class ConnectedData(Shape, kw_only=True):
    """`seq` is where this socket begins: the client's cursor if `resumed`, else the newest number."""

    message: str
    user_id: int
    online_count: Count | UnsetType = UNSET
    seq: Place
    epoch: str
    resumed: bool
    heartbeat_interval: float
    connection_id: str


class Connected(Event, kw_only=True, tag="connected"):
    """The socket is open; also the answer to `resume`."""

    data: ConnectedData
    timestamp: datetime


class HeartbeatData(Shape, kw_only=True):
    """Everything up to `seq` that this socket carries has been sent before this frame."""

    seq: Place
    online_count: Count | UnsetType = UNSET


class Heartbeat(Event, kw_only=True, tag="heartbeat"):
    """Sent every WS_HEARTBEAT_INTERVAL seconds."""

    data: HeartbeatData
    timestamp: datetime


class Pong(Event, kw_only=True, tag="pong"):
    """The answer to `ping`; `client_timestamp` is what the client sent."""

    timestamp: datetime
    client_timestamp: Any = None


class TokenExpiringData(Shape, kw_only=True):
    expires_at: datetime


class TokenExpiring(Event, kw_only=True, tag="token_expiring"):
    """The socket's credential ends soon; `auth` renews it."""

    data: TokenExpiringData


class ErrorData(Shape, kw_only=True):
    """`client_message_id` is what the client called the message that was refused; `request_id` finds a mistake of ours in the log."""

    client_message_id: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET


class Error(Event, kw_only=True, tag="error"):
    """Something was refused or failed. With a `close_code` the socket is closed next."""

    error_code: str
    message: str
    timestamp: datetime
    data: ErrorData | UnsetType = UNSET
    close_code: Annotated[int, Meta(ge=1000, le=4999)] | UnsetType = UNSET
    reconnect: bool | UnsetType = UNSET
    retry_after_ms: Count | UnsetType = UNSET


EVERYWHERE: Final[tuple[type[Event], ...]] = (Connected, Heartbeat, Pong, TokenExpiring, Error)
"""What every socket may tell."""
