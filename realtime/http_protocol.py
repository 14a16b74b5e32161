"""The protocol our workers speak with everybody else: Uvicorn's, a last call before it hangs up, and what a stream cannot see.

It hands itself to the application as `scope["extensions"]["switchboard"]`.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import uuid
from asyncio.transports import Transport
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from accounts.problems import Problem, answer

LAST_CALL: Final = 1.0
"""Seconds a connection on which nothing has been asked yet stays open when the worker goes: the request may be on its way."""
HEAD_LIMIT: Final = 64 * 1024
"""Bytes of a request before its body, as far as they have to be kept while more may come."""

_LAST_ACK: Final = slice(56, 60)  # of Linux's `struct tcp_info`: tcpi_last_ack_recv, in milliseconds


class HttpProtocol(HttpToolsProtocol):
    """One connection. Uvicorn closes a new one at a drain unheard, and its client cannot know whether the request was done."""

    on_drain: Callable[[], None] | None = None
    """Called when the worker drains, at some moment of the next `drain_spread` seconds: an answer without an end should end."""

    _leaving = False
    _due: asyncio.TimerHandle | None = None  # there from when a request may begin until all of it has come
    _head: int | None = None  # bytes of a head that has begun and not ended

    @property
    def heard_at(self) -> float:
        """When the peer last acknowledged what it was sent, in the event loop's time; now, where the system does not say.

        Who reads a stream says nothing more, but its system does.
        """
        now: float = self.loop.time()
        if sys.platform != "linux" or self.transport.is_closing():
            return now
        try:
            told = self.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_ACK.stop)
        except OSError:  # no TCP
            return now
        return now - int.from_bytes(told[_LAST_ACK], sys.byteorder) / 1000

    def abort(self) -> None:
        """Drop the connection now, whatever is still to be sent."""
        self.transport.abort()

    # A request comes in time and in bounds: whoever holds a connection open without asking anything holds a file, too

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        if self._due is None:
            self._expect()
        super().data_received(data)
        if self._head is not None and self.parser is not None:
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "TOO_LARGE", f"The head of a request may have {HEAD_LIMIT // 1024} KiB.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        if self._due is None:
            self._expect()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._expect_no_more()

    def handle_websocket_upgrade(self) -> None:
        self._expect_no_more()
        super().handle_websocket_upgrade()

    def _expect(self) -> None:
        self._due = self.loop.call_later(settings.SWITCHBOARD.request_wait, self._give_up)

    def _expect_no_more(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        if self.flow.read_paused:  # it is we who do not listen
            self._expect()
        elif self._head is None and self.cycle is None:  # a browser's spare connection, perhaps, that nobody needed
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "TIMEOUT", "The request did not come whole in time. Send it again.")

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, "INVALID_REQUEST", "This is no HTTP request that can be understood.")

    def _refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        """Answer with a problem document in ASCII English, unless an answer is under way, and hang up."""
        self._expect_no_more()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "code": code, "request_id": str(uuid.uuid4())}
            body = json.dumps(problem).encode()
            head = f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            self.transport.write(head.encode() + body)
        self.transport.close()

    # How it ends

    def shutdown(self) -> None:
        if self._leaving or self.cycle is not None:
            super().shutdown()
            if self.on_drain is not None:
                self.loop.call_later(random.uniform(0, settings.SWITCHBOARD.drain_spread), self._drain)
        else:
            self._leaving = True
            self.loop.call_later(LAST_CALL, self.shutdown)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, and so has no address: a problem document, like every other error for programs."""
        problem = answer(Problem("INVALID_REQUEST"))
        lines = [b"HTTP/1.1 400 Bad Request", *(f"{name}: {value}".encode("latin-1") for name, value in problem.items())]
        lines += [b"Content-Length: %d" % len(problem.content), b"Connection: close", b"", problem.content]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._head = None
        if self._leaving and self.cycle is not None:  # a socket's handshake has none
            self.cycle.keep_alive = False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._expect_no_more()
        if self.cycle is not None:
            self.cycle.scope.get("extensions", {}).clear()  # this is in there, and would hold itself

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        cycle.scope["extensions"] = {"switchboard": self}
        super()._start_asgi_task(cycle, app)

    def _drain(self) -> None:
        if self.on_drain is not None:
            self.on_drain()
