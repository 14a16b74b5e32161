"""What waits to be sent to one socket.

A frame is sent where it comes up: at once where the server lets us, else by stepping its `send` by
hand. As long as the peer takes what it is sent that is all there is, with no queue and no task. Only
when `send` has to wait does a task go on with it, and later frames queue up behind, up to a bound.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from realtime.traffic import KEY, sent

Message = dict[str, Any]


class Writer:
    """Sends frames in the order in which they are given.

    `send` is the ASGI server's; `at_once` sends a text without it, or returns False. At most `frames` of at most `size` bytes together may wait (one may
    always). For the next one, all that waits is dropped and `full` is called: it should end the socket.
    """

    __slots__ = ("_at_once", "_frames", "_full", "_room", "_send", "_size", "_task", "_waiting", "closed")

    def __init__(
        self, send: Callable[[Any], Awaitable[None]], *, at_once: Callable[[str], bool] | None = None, frames: int, size: int, full: Callable[[], None]
    ) -> None:
        self.closed = False
        """Nothing more is taken: the peer is gone, or has been told to go."""
        self._send: Any = send
        self._at_once = at_once or _never
        self._frames = frames
        self._size = size
        self._full = full
        self._room = size
        self._waiting: deque[tuple[Message, int]] = deque()
        self._task: asyncio.Task[None] | None = None

    def write(self, frame: str) -> None:
        """Send one frame, now or after those that wait."""
        sent[frame[KEY]] += 1
        self.put(frame)

    def put(self, frame: str) -> None:
        """The same, for frames that are counted elsewhere."""
        if self.closed or (self._task is None and self._at_once(frame)):
            return
        message = {"type": "websocket.send", "text": frame}
        if self._task is None:
            self._step(message)
        else:
            self._queue(message, len(frame.encode()))

    def close(self, code: int) -> None:
        """Close the socket, after what waits."""
        if not self.closed:
            message = {"type": "websocket.close", "code": code}
            if self._task is None:
                self._step(message)
            else:
                self._waiting.append((message, 0))
            self.closed = True

    @property
    def waits(self) -> bool:
        """Whether something was written that is not sent yet."""
        return self._task is not None

    async def drained(self) -> None:
        """Return when nothing waits."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def stop(self) -> None:
        """Send nothing more. What waits is dropped."""
        self.closed = True
        self._full = _nothing  # the socket's: it and this would hold each other
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _queue(self, message: Message, size: int) -> None:
        if self._waiting and (len(self._waiting) >= self._frames or size > self._room):
            self._waiting.clear()
            self._full()
            return
        self._room -= size
        self._waiting.append((message, size))

    def _step(self, message: Message) -> None:
        sending: Coroutine[Any, Any, None] = self._send(message)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except OSError:  # the peer is gone
            self.closed = True
            return
        self._room = self._size
        self._task = asyncio.create_task(self._go_on(_Rest(sending, waits_for)))

    async def _go_on(self, rest: _Rest) -> None:
        try:
            await rest
            while self._waiting:
                message, size = self._waiting.popleft()
                self._room += size
                await self._send(message)
        except OSError:
            self.closed = True
        finally:
            self._task = None


def _never(text: str) -> bool:
    return False


def _nothing() -> None: ...


class _Rest:
    """What is left of a coroutine that was stepped once and then waited for something."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        while True:
            step: Callable[[Any], Any] = self._coroutine.send
            try:
                sent = yield waits_for
            except BaseException as error:
                step, sent = self._coroutine.throw, error
            try:
                waits_for = step(sent)
            except StopIteration:
                return
