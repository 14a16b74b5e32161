"""The protocol our workers speak with everybody else: Uvicorn's, and a last call before it hangs up."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LAST_CALL: Final = 1.0
"""Seconds a connection on which nothing has been asked yet stays open when the worker goes: the request may be on its way."""


class HttpProtocol(HttpToolsProtocol):
    """One connection. Uvicorn closes a new one at a drain unheard, and its client cannot know whether the request was done."""

    _leaving = False

    def shutdown(self) -> None:
        if self._leaving or self.cycle is not None:
            super().shutdown()
        else:
            self._leaving = True
            self.loop.call_later(LAST_CALL, self.shutdown)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._leaving and self.cycle is not None:  # a socket's handshake has none
            self.cycle.keep_alive = False
