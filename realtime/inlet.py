"""What a socket's client says: read at a bounded pace, done one after the other, and answered where it cannot be done."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from msgspec import UNSET, UnsetType

from notifications import wire
from notifications.wire import Command
from realtime.events import Error, ErrorData
from realtime.pace import Pace, Ruling
from realtime.refusals import TOO_FAST, Refusal
from realtime.traffic import COMMANDS, COMMANDS_REFUSED, SLOWED

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[Any]]


class Socket(Protocol):
    """What is needed of a socket. A command of type `x` is done by its method `do_x`."""

    ending: bool
    language: str
    tells_errors: bool

    @property
    def accepts(self) -> Mapping[str, type[Command]]: ...
    def tell(self, frame: str) -> None: ...
    def end(self, refusal: Refusal) -> None: ...


async def read(socket: Socket, receive: Receive) -> None:
    """Read until the peer has gone."""
    options, clock = settings.SWITCHBOARD, asyncio.get_running_loop().time
    pace = Pace(rate=options.ws_frame_rate, burst=options.ws_frame_burst, patience=options.ws_frame_patience)
    asked = clock()
    while (message := await receive())["type"] != "websocket.disconnect":
        if not socket.ending:
            now = clock()
            ruling, wait = pace.frame(now, idle=now - asked)
            if wait:
                SLOWED.add()
                await asyncio.sleep(wait)
            with translation.override(socket.language):
                await _obey(socket, message.get("text"), message.get("bytes") or b"", ruling)
        asked = clock()


async def _obey(socket: Socket, text: str | None, binary: bytes, ruling: Ruling) -> None:
    """Read one frame and do it. The one place where errors become frames; none of them ends the socket."""
    if len(binary if text is None else text.encode()) > settings.SWITCHBOARD.ws_frame_limit:
        socket.end(Refusal("MESSAGE_TOO_BIG"))
        return
    if ruling is Ruling.END:
        socket.end(Refusal("RATE_LIMITED", detail=TOO_FAST, retry_after=settings.SWITCHBOARD.ws_frame_patience))
        return
    try:
        command = wire.decode(text, socket.accepts)
        COMMANDS.add(str(command.__struct_config__.tag))
        if ruling is Ruling.REFUSE:
            raise wire.Refused("RATE_LIMITED", str(TOO_FAST), getattr(command, "client_message_id", None))
        await getattr(socket, f"do_{command.__struct_config__.tag}")(command)
    except wire.Refused as refused:
        named = ErrorData(client_message_id=refused.client_message_id) if refused.client_message_id else UNSET
        _complain(socket, refused.code, refused.text, named)
    except Refusal as refusal:
        _complain(socket, refusal.code, str(refusal.text))
    except Exception:
        request_id = uuid.uuid4().hex
        logger.exception("A command failed", extra={"request_id": request_id})
        text = _("This could not be done, and it is our fault. If it happens again, tell us this number: %(id)s.") % {"id": request_id}
        _complain(socket, "MESSAGE_PROCESSING_ERROR", text, ErrorData(request_id=request_id))


def _complain(socket: Socket, code: str, text: str, data: ErrorData | UnsetType = UNSET) -> None:
    COMMANDS_REFUSED.add(code)
    if socket.tells_errors:
        socket.tell(wire.encode(Error(error_code=code, message=text, timestamp=timezone.now(), data=data)))
