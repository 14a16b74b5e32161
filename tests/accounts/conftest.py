"""What several tests about identity need."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from accounts import redis as accounts_redis
from tests.servers.redis import PrivateRedis


@pytest.fixture
def flush(redis: PrivateRedis) -> Callable[[], None]:
    """Empties Redis."""

    def flush() -> None:
        with redis_py.Redis.from_url(redis.url) as client:
            client.flushall()

    return flush


@pytest.fixture
def without_redis(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process looks for Redis where none is; the servers keep theirs."""
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(accounts_redis, "_sync", {})
    monkeypatch.setattr(accounts_redis, "_async", weakref.WeakKeyDictionary())
    monkeypatch.setattr(accounts_redis, "breaker", accounts_redis._Breaker())
