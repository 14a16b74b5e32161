"""Whatever people do at once, and whatever happens to us: nobody is served by two, and nobody is forgotten.

Two real workers, one of which may be killed, and this process as a third. What must hold is in `truths`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import connection

from realtime.chat import routing
from tests.realtime.chat.walk import Walk
from tests.servers.fleet import Servers
from tests.servers.redis import PrivateRedis
from tests.servers.workers import Site

GRACE = 1.0
ENV = {"SUPPORT_GRACE": str(GRACE), "RATE_SUPPORT": "0/m"}

Run = Callable[..., Walk]


@pytest.fixture
def run(redis: PrivateRedis) -> Run:
    """`run(servers.serve(workers=2), seconds=5)`: walk there; the walk."""

    def run(site: AbstractContextManager[Site], *, seconds: float, seed: int | None = None, faults: bool = True) -> Walk:
        seed = random.randrange(10**6) if seed is None else seed
        with site as running:
            walk = Walk(running, redis, seed=seed, grace=GRACE)
            asyncio.run(walk.go(seconds=seconds, faults=faults))
        print(f"\nseed {seed}, {seconds:g} s: " + ", ".join(f"{count} {what}" for what, count in walk.happened.items()))
        return walk

    return run


@pytest.mark.parametrize("seconds", [6, pytest.param(180, marks=[pytest.mark.long_fault, pytest.mark.timeout(400)])], ids=["short", "long"])
def test_whatever_happens_at_once_nobody_is_served_by_two_and_nobody_is_forgotten(servers: Servers, run: Run, seconds: float) -> None:
    walk = run(servers.serve(workers=2, env=ENV), seconds=seconds)
    assert walk.wrong == []


def test_without_the_lock_the_walk_finds_it_where_the_database_lets_several_write(servers: Servers, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "lock", lambda: None)
    several = connection.vendor == "postgresql"
    site = servers.serve(workers=2, env=ENV)
    site.command = ("-m", "tests.realtime.chat.lockless", *site.command[1:])
    walk = run(site, seconds=60 if several else 4, faults=False)
    print(walk.wrong)
    if several:
        assert any("by routing" in each for each in walk.wrong)
    else:
        assert walk.wrong == []
