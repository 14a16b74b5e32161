"""Server-sent events, for clients that cannot use sockets: the bell's socket in another dress.

A GET is made to look like a socket's handshake, and what the consumer sends becomes the events of an
endless answer. So who may listen, what comes in which order, the heartbeats, the limits and the end of
a credential are those of the bell's socket, and a stream has no connection to Redis of its own.

A browser's `EventSource` comes back by itself when a stream ends, with the number of the last event that
it has got, and gives up for good on any answer but 200. So a refusal that will pass is a stream that ends
at once and says when to come back; only one that will not is an HTTP status.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from realtime.handshake import is_welcome
from realtime.http_protocol import HttpProtocol
from realtime.refusals import SERVICE_RESTART, TEMPORARY, Refusal, http_problem
from realtime.routing import in_place
from realtime.server import CLOSE_WAIT
from realtime.sockets import STREAM, NotificationSocket
from realtime.worker import draining

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

# Milliseconds after which a client comes back:
_AFTER_A_BREAK: Final = (1000, 3000)  # a whole shop does so when its server has gone
_AFTER_GOODBYE: Final = (200, 1200)  # another worker is there
_AFTER_REFUSAL: Final = (3000, 8000)

_PLACES: Final = frozenset({"connected", "heartbeat"})  # their number says up to where all was sent
EVENTS: Final = frozenset({"notification", "notification_state"}) | _PLACES
"""Types of frames that a stream carries."""

_bell: Final = NotificationSocket.as_asgi()


class _Frame(msgspec.Struct):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    seq: int = 0


class _Place(msgspec.Struct):
    seq: int
    epoch: str = ""


_frame: Final = msgspec.json.Decoder(_Frame)
_place: Final = msgspec.json.Decoder(_Place)


class EventStreams:
    """Answers GET at STREAM, with and without a trailing slash. Everything else is the application's."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET" and scope["path"].strip("/") == STREAM:
            await EventStream(scope, send).run(scope, receive)
        else:
            await self.application(scope, receive, send)


class EventStream:
    """One stream. It is to its consumer what the server's protocol is to a socket's."""

    on_pong: Callable[[bytes], None] | None = None  # there are none
    farewell: Callable[[int], str | None] | None = None  # a stream just ends, and its client comes back

    def __init__(self, scope: Mapping[str, Any], send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        self._server: HttpProtocol | None = scope.get("extensions", {}).get("switchboard")  # Daphne has none
        self._headers = _for_pages(scope)
        self._send = send
        self._gone: asyncio.Future[int] = self._loop.create_future()
        self._connecting, self._started = True, False
        self._epoch = b""
        self._last_words = b""
        self._refusal: Mapping[str, Any] = {}
        self._pinging: asyncio.Task[None] | None = None

    async def run(self, scope: Mapping[str, Any], receive: Receive) -> None:
        """Answer the request, until one of the two sides ends it."""
        watching = self._loop.create_task(self._watch(receive))
        if self._server is not None:
            self._server.on_drain = self._goodbye
        try:
            await in_place(_bell, self._as_socket(scope), self._receive, self._take)
            if self._started and not watching.done():
                await self._finish(watching)
        finally:
            watching.cancel()
            if self._server is not None:
                self._server.on_drain = None

    # What the consumer uses of a server's protocol

    @property
    def heard_at(self) -> float:
        """When the peer was last heard; now, where the server does not let us see it."""
        return self._server.heard_at if self._server is not None else self._loop.time()

    def ping(self, payload: bytes = b"") -> None:
        """Send a comment, which a peer that is there acknowledges."""
        if self._started and self._pinging is None:
            self._pinging = self._loop.create_task(self._body(b":\n\n"))
            self._pinging.add_done_callback(self._pinged)

    def leave(self, code: int, frame: str | None = None) -> None:
        """End the stream, whether or not the peer reads. The consumer is told that it has gone."""
        if not self._gone.done():
            self._gone.set_result(code)

    # What the consumer sees of a socket

    def _as_socket(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        known = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        return {
            **scope,
            "type": "websocket",
            "subprotocols": [],
            "address": STREAM,
            "last_event_id": known.get(b"last-event-id", ""),
            "extensions": {"websocket.http.response": {}, "switchboard": self},
        }

    async def _receive(self) -> Mapping[str, Any]:
        if not self._connecting:
            return {"type": "websocket.disconnect", "code": await self._gone}
        self._connecting = False
        return {"type": "websocket.connect"}

    async def _take(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "websocket.send":
                if event := self._event(message["text"]):
                    await self._body(event)
            case "websocket.accept":
                await self._start()
                await self._body(_retry(*_AFTER_A_BREAK))
            case "websocket.http.response.start":
                self._refusal = message
            case "websocket.http.response.body":
                await self._refuse(message["body"])

    # The answer

    async def _start(self, *more: tuple[bytes, bytes]) -> None:
        self._started = True
        stream = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store, no-transform"),
            (b"x-accel-buffering", b"no"),  # nginx would keep events back
            (b"connection", b"close"),  # whoever comes back may find another worker
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": [*stream, *self._headers, *more]})

    async def _body(self, chunk: bytes) -> None:
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    def _event(self, text: str) -> bytes:
        """A frame as an event; nothing for one that a stream does not carry, such as an error: EventSource has one of its own."""
        frame = _frame.decode(text)
        if frame.type not in EVENTS:
            return b""
        seq = frame.seq
        if frame.type in _PLACES:
            place = _place.decode(frame.data)
            seq, self._epoch = place.seq, place.epoch.encode() or self._epoch
        return b"id: %b:%d\nevent: %b\ndata: %b\n\n" % (self._epoch, seq, frame.type.encode(), frame.data)

    async def _finish(self, watching: asyncio.Task[None]) -> None:
        """End the answer. A peer that takes nothing is dropped after CLOSE_WAIT."""
        try:
            async with asyncio.timeout(CLOSE_WAIT):
                await self._send({"type": "http.response.body", "body": self._last_words})
        except TimeoutError:
            self._abort()
            await asyncio.wait([watching])  # until the server knows, for it takes an answer without an end for a mistake
        else:
            self._loop.call_later(CLOSE_WAIT, self._abort)

    async def _refuse(self, body: bytes) -> None:
        said = {name.lower(): value for name, value in self._refusal["headers"]}
        code = said[b"x-websocket-error-code"]
        headers = [line for line in self._refusal["headers"] if line[0].lower() != b"content-type"]
        if code.decode() in TEMPORARY:
            wait = 1000 * int(said.get(b"retry-after", b"0"))
            passing = _AFTER_GOODBYE if draining.is_set() else _AFTER_REFUSAL
            await self._start(*headers)
            self._last_words = b": %b\n%b" % (code, _retry(*((wait, wait * 5 // 4) if wait else passing)))
            return
        answer = http_problem(Refusal(code.decode(), detail=msgspec.json.decode(body)["message"]))
        answer["X-WebSocket-Error-Message"] = said[b"x-websocket-error-message"].decode()  # in English: a header has no language
        lines = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
        length = (b"content-length", b"%d" % len(answer.content))
        await self._send({"type": "http.response.start", "status": answer.status_code, "headers": [*lines, *self._headers, length]})
        await self._send({"type": "http.response.body", "body": answer.content})

    # How it ends

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.leave(1001)

    def _goodbye(self) -> None:
        if not self._gone.done():
            self._last_words = _retry(*_AFTER_GOODBYE)
            self.leave(SERVICE_RESTART)

    def _pinged(self, task: asyncio.Task[None]) -> None:
        self._pinging = None

    def _abort(self) -> None:
        if self._server is not None:
            self._server.abort()


def _for_pages(scope: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """What lets a page of a listed site read the answer."""
    known = {name.lower(): value for name, value in scope["headers"]}
    origin = known.get(b"origin")
    allowed = origin is not None and is_welcome(origin.decode("latin-1"), known.get(b"host", b"").decode("latin-1"))
    readable = (b"access-control-expose-headers", b"X-WebSocket-Error-Code, X-WebSocket-Error-Message, Retry-After")
    return [(b"vary", b"Origin"), *([(b"access-control-allow-origin", origin), readable] if allowed and origin else [])]


def _retry(low: int, high: int) -> bytes:
    return b"retry: %d\n\n" % random.randint(low, high)
