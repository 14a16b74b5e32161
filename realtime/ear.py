"""The end of a connection to Redis that only listens.

redis-py has opened it. Its transport gets a protocol of ours, which reads many messages at a time and
hands each on where it is read: redis-py's own way costs 8 to 10 µs a message, this one 0.6. A
connection that is lost is noticed at once, and one that has fallen silent by a ping.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

import hiredis

LOOK: Final = 1.5
"""Seconds between two looks at a listening connection. Silent at one, it is pinged; still silent two looks later at the most, given up."""

_INCOMPLETE: Final = object()


class Ear(asyncio.Protocol):
    """The protocol of a connection that redis-py has opened and that only listens from now on.

    `hear` is called with the name and the content of each message, `take` with whatever else Redis says.
    """

    def __init__(self, connection: Any, *, hear: Callable[[bytes, bytes], None], take: Callable[[Any], None]) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        """Raises when the connection is lost."""
        self._hear = hear
        self._take = take
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._transport: asyncio.Transport = connection._writer.transport
        self._before = self._transport.get_protocol()
        self._transport.set_protocol(self)
        self._heard, self._silent = True, 0
        self._due = loop.time() + LOOK
        self._timer = loop.call_later(LOOK, self._look)

    def ask(self, command: str, names: Iterable[str] = ()) -> None:
        """Send one command, if there is still somebody to send it to."""
        words: Any = (command, *names)
        if not self._transport.is_closing():  # uvloop raises then
            self._transport.write(hiredis.pack_command(words))

    def hang_up(self) -> None:
        """Close, and say nothing more."""
        self._timer.cancel()
        self._hear = lambda name, content: None
        self._take = lambda reply: None
        self._transport.abort()

    def give_up(self, error: Exception) -> None:
        """The connection is of no use: let `lost` raise."""
        self._timer.cancel()
        if not self.lost.done():
            self.lost.set_exception(error)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _INCOMPLETE:
                if isinstance(reply, list) and len(reply) == 3 and reply[0] == b"message":
                    self._hear(reply[1], reply[2])
                else:
                    self._take(reply)
        except hiredis.ProtocolError as error:
            self.give_up(ConnectionError(f"Redis is not understood: {error}"))

    def eof_received(self) -> None:
        self.give_up(ConnectionError("Redis closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._before.connection_lost(exc)  # redis-py waits for it when it closes
        self.give_up(exc if isinstance(exc, OSError) else ConnectionError("the connection to Redis is lost"))

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        # Where this worker itself stood still, Redis may have spoken and not been read yet.
        if self._heard or loop.time() > self._due + LOOK / 2:
            self._heard, self._silent = False, 0
        else:
            self._silent += 1
        if self._silent == 2:
            self.give_up(ConnectionError("Redis does not answer"))
            return
        if self._silent == 1:
            self.ask("PING")
        self._due = loop.time() + LOOK
        self._timer = loop.call_later(LOOK, self._look)
