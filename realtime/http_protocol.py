"""The protocol our workers speak with everybody else: Uvicorn's, a last call before it hangs up, and what a stream cannot see.

It hands itself to the application as `scope["extensions"]["switchboard"]`.
"""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LAST_CALL: Final = 1.0
"""Seconds a connection on which nothing is being asked stays open when the worker goes: the request may be on its way.

A proxy that lets go of unused connections sooner, as that of `deploy/nginx` does, never meets one just closing."""

_LAST_ACK: Final = slice(56, 60)  # of Linux's `struct tcp_info`: tcpi_last_ack_recv, in milliseconds


class HttpProtocol(HttpToolsProtocol):
    """One connection. Uvicorn closes an idle one at a drain unheard, and its client cannot know whether the request was done."""

    on_drain: Callable[[], None] | None = None
    """Called when the worker drains, at some moment of the next `drain_spread` seconds: an answer without an end should end."""

    _leaving = False

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
        if self._leaving and self.cycle is not None:  # a socket's handshake has none
            self.cycle.keep_alive = False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.cycle is not None:
            self.cycle.scope.get("extensions", {}).clear()  # this is in there, and would hold itself

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        cycle.scope["extensions"] = {"switchboard": self}
        super()._start_asgi_task(cycle, app)

    def _drain(self) -> None:
        if self.on_drain is not None:
            self.on_drain()
