"""Questions of many coroutines, asked together.

When a worker dies, its thousands of clients come to another one in the same second, each with the
same few questions to Redis and the database. Asked one by one they cost a round trip each, most of
it overhead; asked by the hundred they cost next to nothing.
"""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

Work = Callable[[Sequence[K]], Awaitable[Sequence[T]]]
"""Answers questions, in their order. The same question is put once."""


class Batch(Generic[K, T]):
    """Puts questions to `work`, at most `limit` at a time and `at_once` times at once in each event loop.

    Who asks within one turn of the loop, or while `at_once` others are under way, is asked for together.
    An answer is never older than its question: who comes while the work is under way waits for the next.
    """

    def __init__(self, work: Work[K, T], *, limit: int, at_once: int = 1) -> None:
        self._work = work
        self._limit = limit
        self._at_once = at_once
        self._queues: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue[K, T]] = weakref.WeakKeyDictionary()

    def ask(self, key: K) -> asyncio.Future[T]:
        """The answer to one question, to be awaited. Raises what `work` raises for those it was asked with."""
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = _Queue(self._work, limit=self._limit, at_once=self._at_once)
        return queue.ask(loop, key)


class _Queue(Generic[K, T]):
    """The questions of one event loop, which it does not hold, or neither would ever go."""

    def __init__(self, work: Work[K, T], *, limit: int, at_once: int) -> None:
        self._work = work
        self._limit = limit
        self._at_once = at_once
        self._waiting: deque[tuple[K, asyncio.Future[T]]] = deque()
        self._gathering = False
        self._under_way: set[asyncio.Task[None]] = set()

    def ask(self, loop: asyncio.AbstractEventLoop, key: K) -> asyncio.Future[T]:
        answer: asyncio.Future[T] = loop.create_future()
        # One future for each who asks, so that none is hurt when another gives up.
        self._waiting.append((key, answer))
        self._go_on(loop)
        return answer

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting and not self._gathering and len(self._under_way) < self._at_once:
            self._gathering = True
            # Of nobody's context: the work is done for many, and outlives the first of them.
            task = loop.create_task(self._run(loop), context=contextvars.Context())
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        # A task begins in the next turn of the loop, so whoever asked in this one is here.
        self._gathering = False
        taken: list[tuple[K, asyncio.Future[T]]] = []
        while self._waiting and len(taken) < self._limit:
            key, answer = self._waiting.popleft()
            if not answer.done():  # or its coroutine was cancelled
                taken.append((key, answer))
        self._go_on(loop)
        if not taken:
            return
        keys = list(dict.fromkeys(key for key, _ in taken))
        try:
            answers = dict(zip(keys, await self._work(keys), strict=True))
        except Exception as error:
            for _, answer in taken:
                if not answer.done():
                    answer.set_exception(error)
        else:
            for key, answer in taken:
                if not answer.done():
                    answer.set_result(answers[key])
        finally:
            for _, answer in taken:
                answer.cancel()  # where the work itself was cancelled, as when the loop ends

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if task.cancelled():
            while self._waiting:
                self._waiting.popleft()[1].cancel()
        self._go_on(task.get_loop())
