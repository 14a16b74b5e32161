"""The protocol our workers speak with sockets: Uvicorn's, and what an ASGI application cannot see.

It hands itself to the consumer as `scope["extensions"]["switchboard"]`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from asyncio.transports import BaseTransport
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

from django.conf import settings
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.exceptions import InvalidState
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request, Response

from realtime import upgrades
from realtime.cork import Cork
from realtime.framing import framed
from realtime.refusals import SERVICE_RESTART, restart_frame

CLOSE_WAIT: Final = 2.0
"""Seconds a peer has to take our last frames and to hang up, before we do."""

_EMPTY_CLOSE: Final = Frame(Opcode.CLOSE, b"").serialize(mask=False)
_NORMAL_CLOSE: Final = Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=False)

_warnings: Final = logging.getLogger("switchboard.websockets")
_warnings.setLevel(logging.WARNING)


class SocketProtocol(WebSocketsSansIOProtocol):
    """One socket. The consumer and the keeper may use what is public here, on the event loop only."""

    on_pong: Callable[[bytes], None] | None
    """Called with the payload of every protocol pong."""
    farewell: Callable[[int], str | None]
    """Makes the frame that precedes the close when the worker drains, given `retry_after_ms`; None: no frame."""

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # The debug lines hold the request line, and with it a token; one line for each of thousands who come says nothing.
        self.conn.debug, self.conn.logger, self.logger = False, _warnings, _warnings
        self._heard_at = self.loop.time()
        self.on_pong = None
        self.farewell = restart_frame
        self._failed = self._parting = False
        self._flows = False  # whether frames may be sent, and the peer takes them

    @property
    def heard_at(self) -> float:
        """When the peer last sent anything, a protocol pong too, in the event loop's time.

        While something waits for the application, nothing more is read: that is no silence of the peer's.
        """
        return self._heard_at if self.queue.empty() else self.loop.time()

    def abort(self) -> None:
        """Drop the connection now. A close would wait for a stalled peer to read what is queued for it."""
        self.transport.abort()

    def ping(self, payload: bytes = b"") -> None:
        """Send a protocol ping of at most 125 bytes; every well-behaved peer answers with the same payload."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.conn.send_ping(payload)
            self._flush()

    def send_text(self, text: str) -> bool:
        """Send a text frame at once. False: the peer does not take what it is sent, or has gone, and nothing was sent.

        It is ASGI's `send` without the coroutine and the message, which would cost a quarter of a push.
        """
        if self._flows:
            self.transport.write(framed(text))
        return self._flows

    def leave(self, code: int, frame: str | None = None) -> None:
        """Send a last frame and close, whether or not the peer reads. The application is told that it has gone.

        The ASGI way, to send and to close, waits for a stalled peer to take what is queued for it.
        """
        if self.close_sent or not self.handshake_complete or self.transport.is_closing():
            return
        try:
            if frame is not None:
                self.conn.send_text(frame.encode())
            self.conn.send_close(code)
        except InvalidState:  # the peer was faster
            return
        self._end(code, "", hang_up=False)

    def shutdown(self) -> None:
        """The worker drains: say goodbye at some moment of the next `drain_spread` seconds, so that not all clients return at once."""
        self.loop.call_later(random.uniform(0, settings.SWITCHBOARD.drain_spread), self._say_goodbye)

    # What arrives

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if self._failed:
            return
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self._refuse(HTTPStatus.BAD_REQUEST, "INVALID_REQUEST", "This handshake is not understood.")

    def handle_connect(self, event: Request) -> None:
        if (wrong := upgrades.mistake(event)) is not None:
            self._refuse(HTTPStatus.BAD_REQUEST, "INVALID_REQUEST", wrong)
            return
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["extensions"]["switchboard"] = self  # type: ignore[assignment]

    def start_keepalive(self) -> None:
        super().start_keepalive()
        self._flows = True
        del self.request, self.response  # several KiB per socket
        if self._parting:
            self.loop.call_soon(self._say_goodbye)  # unless the application refuses it, which it then has done

    def handle_cont(self, event: Frame) -> None:
        # An empty fragment adds nothing to the message's size, which is what is bounded.
        if event.data:
            self.frames.append(bytes(event.data))
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        data, self.frames = b"".join(self.frames), []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": data})
        else:
            try:
                self.queue.put_nowait({"type": "websocket.receive", "text": data.decode()})
            except UnicodeDecodeError:
                self.conn.fail(1007, "not UTF-8")
                self.handle_parser_exception()
                return
        self._stop_reading()

    def handle_ping(self) -> None:
        pongs = self.conn.data_to_send()
        if not self.close_sent:  # reading goes on then, for the peer's own close frame
            self.transport.write(b"".join(pongs))

    def handle_pong(self, event: Frame) -> None:
        super().handle_pong(event)
        if self.on_pong is not None:
            self.on_pong(bytes(event.data))

    def handle_close(self, event: Frame) -> None:
        self._flows = False
        if not event.data:
            # A peer that names no code is told 1000, for an old client stays away on that code only.
            self.conn.writes = [_NORMAL_CLOSE if write == _EMPTY_CLOSE else write for write in self.conn.writes]
        super().handle_close(event)

    def connection_made(self, transport: BaseTransport) -> None:
        before: Any = cast(asyncio.Transport, transport).get_protocol()
        before.parser = None  # Uvicorn's for HTTP holds it, and is held by it, for as long as the collector leaves them
        super().connection_made(Cork(transport))  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        self._flows = False
        super().connection_lost(exc)
        self.conn.parser.close()  # or the two hold each other

    def handle_parser_exception(self) -> None:
        """The peer broke the protocol, and `conn` has its close frame ready (1002, 1007 or 1009)."""
        close = self.conn.close_sent
        self._failed = True
        self._end(close.code if close else 1006, close.reason if close else "", hang_up=True)

    # What waits to be sent

    def pause_writing(self) -> None:
        """The peer takes nothing: listen no more, or each of its pings would leave a pong waiting here."""
        super().pause_writing()
        self._flows = False
        if not self.close_sent:
            self._stop_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._flows = not self.close_sent
        if self.queue.empty():
            self._read_on()

    def _stop_reading(self) -> None:
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()

    def _read_on(self) -> None:
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    # The application

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close":
            self._flows = False
        await super().send(message)

    async def receive(self) -> ASGIReceiveEvent:
        """The next message, and reading goes on when it was the last that waits and the peer takes what we send."""
        message = await self.queue.get()
        if self.queue.empty():
            self._heard_at = self.loop.time()  # we begin to listen only now
            if self.writable.is_set():
                self._read_on()
        return message

    async def run_asgi(self) -> None:
        """Run the application for this connection. Uvicorn's own calls a denied handshake an error, and ends a crash with 1006."""
        try:
            await self.app(self.scope, self.receive, self.send)
            crashed = not (self.handshake_complete or self.initial_response)
            if crashed:
                self.logger.error("The application ended without answering the handshake.")
        except (ClientDisconnected, asyncio.CancelledError):
            crashed = False
        except Exception:
            self.logger.exception("Exception in ASGI application")
            crashed = True
        self.scope["extensions"].clear()  # this is in there, and would hold itself
        if crashed:
            self._crash()
        if self.close_timer is None:
            self.transport.close()

    def _crash(self) -> None:
        if not self.handshake_complete:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", "Something went wrong here.")
        else:
            self.leave(1011)

    # How we leave

    def _say_goodbye(self) -> None:
        self.stop_keepalive()
        if self.disconnected:
            return
        if self.close_sent or self.transport.is_closing():
            self.loop.call_later(CLOSE_WAIT, self.transport.abort)
        elif not self.handshake_complete:
            # Only the application knows how this client has to be refused, so it has to answer first.
            self._parting = True
        else:
            self.leave(SERVICE_RESTART, self.farewell(random.randrange(200, 1200)))

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        """Answer the handshake by HTTP, before the consumer has done so. `message` is ASCII English."""
        if self.initial_response is not None or self.disconnected:
            return
        body = json.dumps({"error_code": code, "message": message}).encode()
        headers = Headers([("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")])
        headers["X-WebSocket-Error-Code"], headers["X-WebSocket-Error-Message"] = code, message
        self.conn.writes = [Response(status, status.phrase, headers, body).serialize()]
        self.handshake_complete = self._failed = True
        self._end(1006, "", hang_up=True)

    def _end(self, code: int, reason: str, *, hang_up: bool) -> None:
        """Send what is ready and be gone when the peer is, or after CLOSE_WAIT; `hang_up`: it has nothing to answer.

        Closing at once, with bytes unread, would make the kernel send a reset that can overtake our close frame.
        """
        self.stop_keepalive()
        self.disconnected = self.close_sent = True
        self._flows = False
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.writable.set()
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(CLOSE_WAIT, self.transport.abort)
        if self.transport.is_closing():
            return
        self._flush()
        if hang_up and self.transport.can_write_eof():
            self.transport.write_eof()
        self._read_on()

    def _flush(self) -> None:
        self.transport.write(b"".join(self.conn.data_to_send()))
