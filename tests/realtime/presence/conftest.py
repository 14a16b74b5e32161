"""Servers for what cannot be done to the one that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Servers
from tests.realtime.presence.village import REAL, TENTH, Pace, Village, village
from tests.servers.redis import PrivateRedis
from tests.servers.workers import Site

Ground = tuple[Site, PrivateRedis, Pace]


@pytest.fixture(scope="session", params=[pytest.param(TENTH, id="tenth"), pytest.param(REAL, id="real", marks=[pytest.mark.long_fault])])
def ground(request: pytest.FixtureRequest, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Two workers with a Redis of their own, whose clocks run at a tenth or, with `--long-faults`, as in production."""
    folder = tmp_path_factory.mktemp("village")
    with PrivateRedis(folder) as redis, servers.serve(workers=2, env={**request.param.env, "REDIS_URL": redis.url, "VAR_DIR": str(folder)}) as site:
        yield site, redis, request.param


@pytest.fixture
def place(ground: Ground) -> Iterator[Village]:
    """Where people come and go, and nobody else is."""
    site, redis, pace = ground
    with village(site, redis, pace) as built:
        yield built
