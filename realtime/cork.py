"""Frames that are written within one turn of the event loop leave in one system call.

The system call is most of what a frame costs. Redis is read many messages at a time, so a burst for
one socket, a broadcast, a resume and the beginning of a socket need few of them.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, Final

MOST: Final = 64 * 1024
"""Bytes that one socket may hold back; more leave at once, or a long repair would pass by the transport's own bound."""


class Cork:
    """An asyncio transport that holds back what is written until the end of the turn."""

    __slots__ = ("_held", "_size", "_transport", "_turn")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._turn = _Turn.of_this_loop()
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send these bytes at the end of this turn, with all others."""
        if not self._held:
            self._turn.add(self)
        self._held.append(data)
        self._size += len(data)
        if self._size > MOST:
            self.flush()

    def flush(self) -> None:
        """Send now what is held back."""
        held = self._held
        if held:
            self._held, self._size = [], 0
            if not self._transport.is_closing():
                self._transport.write(held[0] if len(held) == 1 else b"".join(held))

    def close(self) -> None:
        """Close, after what is held back."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Say that nothing follows what is held back."""
        self.flush()
        self._transport.write_eof()

    # All else that the protocol needs, by name: a `__getattr__` would make each write slower.

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def abort(self) -> None:
        self._transport.abort()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class _Turn:
    """The corks of one event loop that hold something back."""

    _of_loop: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn]] = weakref.WeakKeyDictionary()

    @classmethod
    def of_this_loop(cls) -> _Turn:
        return cls._of_loop.setdefault(asyncio.get_running_loop(), cls())

    def __init__(self) -> None:
        self._corks: list[Cork] = []

    def add(self, cork: Cork) -> None:
        if not self._corks:
            asyncio.get_running_loop().call_soon(self._end)
        self._corks.append(cork)

    def _end(self) -> None:
        corks, self._corks = self._corks, []
        for cork in corks:
            cork.flush()
