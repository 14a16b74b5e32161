"""What several tests about identity need."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

from accounts import redis as accounts_redis


@pytest.fixture
def without_redis(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process looks for Redis where none is; the servers keep theirs."""
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(accounts_redis, "_sync", {})
    monkeypatch.setattr(accounts_redis, "_async", weakref.WeakKeyDictionary())
    monkeypatch.setattr(accounts_redis, "breaker", accounts_redis.Breaker())


@pytest.fixture
def vouched(options: Callable[..., None]) -> None:
    """The host site shares a secret with us."""
    options(identity_secret="shared with the host site for customers 0123456789")
