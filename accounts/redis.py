"""This process's way to Redis: bounded in time, and left alone for a while once it failed.

Redis holds hints and copies only, so whoever asks it must be able to go on when it does not answer.
A frozen Redis must not freeze every request in turn: after one failure nobody waits for it again
until `REDIS_TIMEOUT` has passed.

A crowd is no failure. Who comes when all connections are in use waits for its turn, and no longer
than until Redis fails for somebody else.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import redis
import redis.asyncio
from django.conf import settings

from accounts import redis_hosts

T = TypeVar("T")

_TIMEOUT = settings.SWITCHBOARD.redis_timeout
CONNECTIONS: Final = 50
"""Connections of this process's plain code, and of each event loop's coroutines: how many may ask at once."""
_PATIENCE: Final = 5 * _TIMEOUT
"""Seconds for which somebody waits for its turn while Redis is well: thousands have had theirs by then."""


class RedisAway(Exception):
    """Redis did not answer, now or a moment ago, or not with what was asked for."""


class Breaker:
    """Remembers the last failure of one Redis, for the whole process."""

    def __init__(self) -> None:
        self._open_until = 0.0

    @property
    def closed(self) -> bool:
        """Whether Redis is asked, like a current that flows: it did not fail a moment ago."""
        return time.monotonic() >= self._open_until

    def check(self) -> None:
        """Raises RedisAway if Redis failed a moment ago."""
        if not self.closed:
            raise RedisAway("Redis failed a moment ago")

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turns what a client of Redis raises into RedisAway, and remembers it if it was a failure."""
        self.check()
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            self._open_until = time.monotonic() + _TIMEOUT
            raise RedisAway(str(error)) from error
        except redis.RedisError as error:  # an answer, and who gives one is there
            raise RedisAway(str(error)) from error


breaker = Breaker()

_sync: dict[int, redis.Redis] = {}
_async: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = weakref.WeakKeyDictionary()
_turns: dict[int, threading.Semaphore] = {}
_aturns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()
BOUNDS: Final[dict[str, Any]] = {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT, "max_connections": CONNECTIONS}


def client() -> redis.Redis:
    """The synchronous client of this process (a new one after a fork)."""
    pid = os.getpid()
    if pid not in _sync:
        _sync[pid] = redis_hosts.client({"address": settings.REDIS_URL}, **BOUNDS, decode_responses=True)
    return _sync[pid]


def aclient() -> redis.asyncio.Redis:
    """The asynchronous client of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _async:
        _async[loop] = redis_hosts.aclient({"address": settings.REDIS_URL}, **BOUNDS, decode_responses=True)
    return _async[loop]


def ask(question: Callable[[redis.Redis], T]) -> T:
    """Ask Redis from plain code: `ask(lambda redis: redis.get("key"))`. Raises RedisAway."""
    with turn():
        return question(client())


async def aask(question: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> T:
    """Ask Redis from a coroutine. Raises RedisAway."""
    breaker.check()
    turns = _aturns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(CONNECTIONS))
    try:
        async with asyncio.timeout(_PATIENCE):
            await turns.acquire()
    except TimeoutError as error:
        raise RedisAway(_CROWDED) from error
    try:
        with breaker.guard():
            return await question(aclient())
    finally:
        turns.release()


@contextmanager
def turn(its_breaker: Breaker | None = None) -> Iterator[None]:
    """For plain code with a client of its own: inside, one of its connections is free. Raises RedisAway."""
    its_breaker = its_breaker or breaker
    its_breaker.check()
    # Our own queue and not that of a blocking pool, whose waiters would still try one after the other a Redis
    # that has failed meanwhile, and whose word for "too many" is that for "no connection".
    turns = _turns.setdefault(os.getpid(), threading.Semaphore(CONNECTIONS))
    if not turns.acquire(timeout=_PATIENCE):
        raise RedisAway(_CROWDED)
    try:
        with its_breaker.guard():
            yield
    finally:
        turns.release()


_CROWDED: Final = "too many ask Redis at once"
