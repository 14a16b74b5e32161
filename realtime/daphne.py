"""Daphne, which serves `runserver`, with what it lacks.

That is the denial response; a `send` that waits for a peer that does not read, and a `receive` that
stops reading from one that sends more than is taken; a close that does not wait; a long queue for
connections; and logs without query strings. What a socket's consumer sees is as in `server.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from uvicorn.protocols.utils import ClientDisconnected

from realtime.server import CLOSE_WAIT
from realtime.supervisor import BACKLOG, drop_the_unreachable

Application = Callable[[Any, Callable[[], Awaitable[Any]], Any], Awaitable[Any]]


class DaphneProtocol(WebSocketProtocol):  # type: ignore[misc]
    """One socket. It hands itself to the consumer as `scope["extensions"]["switchboard"]`."""

    denial: dict[str, Any] | None = None
    on_pong: Callable[[bytes], None] | None = None
    farewell: Callable[[int], str | None] | None = None
    """Never called: Daphne ends without a goodbye."""

    # What the consumer may use

    @property
    def heard_at(self) -> float:
        """Now: Daphne itself drops peers that leave its pings unanswered."""
        return asyncio.get_running_loop().time()

    def abort(self) -> None:
        """Drop the connection now."""
        self.dropConnection(abort=True)

    def ping(self, payload: bytes = b"") -> None:
        """Send a protocol ping of at most 125 bytes."""
        if self.state == self.STATE_OPEN:
            self.sendPing(payload)

    def leave(self, code: int, frame: str | None = None) -> None:
        """Send a last frame and close, whether or not the peer reads: after CLOSE_WAIT it is dropped."""
        if self.state == self.STATE_OPEN:
            if frame is not None:
                self.sendMessage(frame.encode())
            self.sendCloseFrame(code=code)
            self._read_on()

    # Both directions in step with the peer

    def onConnect(self, request: Any) -> Any:
        """A handshake has come."""
        self.writable = asyncio.Event()
        self.writable.set()
        self.read_paused = False
        return super().onConnect(request)

    def onOpen(self) -> None:
        """The handshake is done."""
        super().onOpen()
        # The transport tells its producer when too much waits to be sent. Until now that was the HTTP channel.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)

    def pauseProducing(self) -> None:
        """The peer takes nothing: send no more, and listen no more, or each of its pings would leave a pong waiting here."""
        self.writable.clear()
        self.transport.doWrite()  # Twisted would wait for the next turn of the loop, and take any burst for a peer that does not read
        if self.state == self.STATE_OPEN and not self.writable.is_set():
            self._stop_reading()

    def resumeProducing(self) -> None:
        """The peer has taken all that waited."""
        self.writable.set()
        if self.application_queue.empty():
            self._read_on()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.writable.set()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A frame has come. No more are read until the application has taken it."""
        super().onMessage(payload, isBinary)
        if self.state == self.STATE_OPEN:
            self._stop_reading()

    def onPong(self, payload: bytes) -> None:
        """A protocol pong has come that is not the answer to Daphne's own ping."""
        if self.on_pong is not None:
            self.on_pong(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection is gone."""
        super().onClose(wasClean, code, reason)
        if hasattr(self, "writable"):
            self.writable.set()

    async def take(self, receive: Callable[[], Awaitable[Any]]) -> Any:
        """The next message, and reading goes on when it was the last that waits and the peer takes what we send."""
        message = await receive()
        if self.application_queue.empty() and self.writable.is_set():
            self._read_on()
        return message

    def _stop_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self.transport.pauseProducing()

    def _read_on(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self.transport.resumeProducing()

    # The denial response

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Take what the application sends."""
        if message["type"] == "websocket.http.response.start":
            self.denial = {"status": message["status"], "headers": list(message.get("headers", [])), "body": b""}
        elif message["type"] == "websocket.http.response.body" and self.denial is not None:
            self.denial["body"] += message.get("body", b"")
            if not message.get("more_body", False):
                self.serverReject()
        else:
            super().handle_reply(message)

    def sendHttpErrorResponse(self, code: int, reason: str, responseHeaders: Any = None) -> None:
        """Answer a handshake that is refused, with the application's response if it gave one."""
        if self.denial is None:
            super().sendHttpErrorResponse(code, reason, responseHeaders)
            return
        status, body = HTTPStatus(self.denial["status"]), self.denial["body"]
        headers = [*self.denial["headers"], (b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
        lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode()), *(b"%s: %s" % header for header in headers)]
        self.sendData(b"\r\n".join(lines) + b"\r\n\r\n" + body)


class DaphneServer(Server):  # type: ignore[misc]
    """Daphne's server with that protocol."""

    def __init__(self, application: Application, endpoints: Sequence[str], **options: Any) -> None:
        longer = [f"{endpoint}:backlog={BACKLOG}" if endpoint.startswith("tcp:") else endpoint for endpoint in endpoints]
        # `ready_callable` is called when the factory has been made and nobody has connected yet. Below zero, no socket is too old.
        super().__init__(_in_step(application), longer, ready_callable=self._speak, websocket_timeout=-1, **options)

    def _speak(self) -> None:
        self.ws_factory.protocol = DaphneProtocol
        # Who breaks the protocol is told so (1002, 1007, 1009) and not just dropped.
        self.ws_factory.setProtocolOptions(closeHandshakeTimeout=CLOSE_WAIT, failByDrop=False)

    def listen_success(self, port: Any) -> None:
        """Take note of a port that listens."""
        drop_the_unreachable(port.socket)
        super().listen_success(port)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start the application for one connection."""
        if scope["type"] == "websocket":
            scope["extensions"] = {"websocket.http.response": {}, "switchboard": protocol}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Hand what the application sends to its connection, as soon as a socket's peer takes it. Raises ClientDisconnected."""
        if isinstance(protocol, DaphneProtocol):
            await protocol.writable.wait()
            if protocol not in self.connections or "disconnected" in self.connections[protocol]:
                raise ClientDisconnected
        await super().handle_reply(protocol, message)

    def log_action(self, protocol: str, action: str, details: dict[str, Any]) -> None:
        """Write one line; a query string may hold a token and stays out of it."""
        super().log_action(protocol, action, {**details, "path": details["path"].partition("?")[0]})


def _in_step(application: Application) -> Application:
    """The application, with a `receive` that tells the protocol of a socket what was taken."""

    async def in_step(scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        if scope["type"] == "websocket":
            receive = partial(scope["extensions"]["switchboard"].take, receive)
        try:
            await application(scope, receive, send)
        except ClientDisconnected:
            pass  # it was told in time

    return in_step
