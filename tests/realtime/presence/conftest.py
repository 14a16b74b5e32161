"""Servers for what cannot be done to the one that all tests share.

They have a Redis of their own and the same database, so they end with the tests of this folder: to their keepers the people of
other tests are gone, and these would lose their sessions and tasks.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.realtime.presence.village import REAL, TENTH, Pace, Village, standing, village
from tests.servers.fleet import Servers
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import Site

Ground = tuple[Site, PrivateRedis, Pace]


@pytest.fixture(scope="package", params=[pytest.param(TENTH, id="tenth"), pytest.param(REAL, id="real", marks=[pytest.mark.long_fault])])
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


@pytest.fixture(scope="package")
def small_ground(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, PrivateRedis]]:
    """Two workers that broadcast to fewer than six, and let a user have three tabs and as many bells as it likes."""
    folder = tmp_path_factory.mktemp("small")
    env = {
        "PRESENCE_BROADCAST_LIMIT": "6",
        "PRESENCE_BROADCAST_AGAIN": "4",
        "WS_MAX_TABS_PER_USER": "3",
        "WS_MAX_CONNECTIONS_PER_USER": "0",
        "WS_HEARTBEAT_INTERVAL": "1",
    }
    with PrivateRedis(folder) as redis, servers.serve(workers=2, env={**env, "REDIS_URL": redis.url, "VAR_DIR": str(folder)}) as site:
        yield site, redis


@pytest.fixture
def small_site(small_ground: tuple[Site, PrivateRedis]) -> Site:
    """That server, with nobody there."""
    site, redis = small_ground
    until(lambda: not standing(redis.url).people, what="all have gone")
    return site
