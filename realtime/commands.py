"""What a client may ask on every socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta

from notifications.wire import MAX_SEQ, Command

Seq = Annotated[int, Meta(ge=0, le=MAX_SEQ)]
Cursor = Seq | Annotated[str, Meta(max_length=40)]


class Ping(Command, kw_only=True, tag="ping"):
    """Answered with `pong`, which repeats the timestamp."""

    timestamp: int | float | Annotated[str, Meta(max_length=100)] | None = None


class Resume(Command, kw_only=True, tag="resume"):
    """Send again all after `since`, a number or `epoch:number`."""

    since: Cursor


class Ack(Command, kw_only=True, tag="ack"):
    """Everything up to `seq` has arrived."""

    seq: Seq


class Auth(Command, kw_only=True, tag="auth"):
    """Renew the credential of this socket, for the same user."""

    token: Annotated[str, Meta(max_length=8192)]


EVERYWHERE: Final[Mapping[str, type[Command]]] = {"ping": Ping, "resume": Resume, "ack": Ack, "auth": Auth}
