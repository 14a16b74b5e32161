"""The protocol our workers speak with everybody else: Uvicorn's, a last call before it hangs up, and what a stream cannot see.

It hands itself to the application as `scope["extensions"]["switchboard"]`.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
from asyncio.transports import Transport
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from accounts.problems import Problem, answer

LAST_CALL: Final = 1.0
"""Seconds a connection on which nothing is being asked stays open when the worker goes: the request may be on its way.

A proxy that lets go of unused connections sooner, as that of `deploy/nginx` does, never meets one just closing."""
HEAD_LIMIT: Final = 64 * 1024
"""Bytes of a request before its body, as far as they have to be kept while more may come."""

_LAST_ACK: Final = slice(56, 60)  # of Linux's `struct tcp_info`: tcpi_last_ack_recv, in milliseconds


class HttpProtocol(HttpToolsProtocol):
    """One connection. Uvicorn closes an idle one at a drain unheard, and its client cannot know whether the request was done."""

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
                self._refuse("HEAD_TOO_LARGE")

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
            self._refuse("TIMEOUT")

    def send_400_response(self, msg: str) -> None:
        self._refuse("INVALID_REQUEST")

    def _refuse(self, code: str) -> None:
        """Answer with a problem document, like every other error for programs, unless an answer is under way; and hang up."""
        self._expect_no_more()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            problem = answer(Problem(code))
            lines = [f"HTTP/1.1 {problem.status_code} {problem.reason_phrase}".encode()]
            lines += [f"{name}: {value}".encode("latin-1") for name, value in problem.items()]
            lines += [b"Content-Length: %d" % len(problem.content), b"Connection: close", b"", problem.content]
            self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    # How it ends

    def shutdown(self) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if self._leaving or busy:
            super().shutdown()
            if self.on_drain is not None:
                self.loop.call_later(random.uniform(0, settings.SWITCHBOARD.drain_spread), self._drain)
        else:
            self._leaving = True
            self.loop.call_later(LAST_CALL, self.shutdown)

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
