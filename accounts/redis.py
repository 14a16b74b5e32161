"""This process's way to Redis: bounded in time, and left alone for a while once it failed.

Redis holds hints and copies only, so whoever asks it must be able to go on when it does not answer.
A frozen Redis must not freeze every request in turn: after one failure nobody waits for it again
until `REDIS_TIMEOUT` has passed.
"""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import redis
import redis.asyncio
from django.conf import settings

T = TypeVar("T")

_TIMEOUT = settings.SWITCHBOARD.redis_timeout


class RedisAway(Exception):
    """Redis did not answer, now or a moment ago."""


class _Breaker:
    """Remembers the last failure, for the whole process."""

    def __init__(self) -> None:
        self._closed_until = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        if time.monotonic() < self._closed_until:
            raise RedisAway("Redis failed a moment ago")
        try:
            yield
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._closed_until = time.monotonic() + _TIMEOUT
            raise RedisAway(str(error)) from error


breaker = _Breaker()

_sync: dict[int, redis.Redis] = {}
_async: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = weakref.WeakKeyDictionary()
TIMEOUTS: dict[str, Any] = {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT}


def client() -> redis.Redis:
    """The synchronous client of this process (a new one after a fork)."""
    pid = os.getpid()
    if pid not in _sync:
        _sync[pid] = redis.Redis.from_url(settings.REDIS_URL, **TIMEOUTS, decode_responses=True)
    return _sync[pid]


def aclient() -> redis.asyncio.Redis:
    """The asynchronous client of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _async:
        _async[loop] = redis.asyncio.Redis.from_url(settings.REDIS_URL, **TIMEOUTS, decode_responses=True)
    return _async[loop]


def ask(question: Callable[[redis.Redis], T]) -> T:
    """Ask Redis from plain code: `ask(lambda redis: redis.get("key"))`. Raises RedisAway."""
    with breaker.guard():
        return question(client())


async def aask(question: Callable[[redis.asyncio.Redis], Awaitable[T]]) -> T:
    """Ask Redis from a coroutine. Raises RedisAway."""
    with breaker.guard():
        return await question(aclient())
