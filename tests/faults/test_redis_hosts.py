"""A Redis that Sentinels watch, and a layer on two hosts: whichever goes, nobody loses anything and nobody else falls silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from accounts.groups import user_group
from tests.faults.client import Client
from tests.faults.town import Town, town
from tests.servers.fleet import Servers
from tests.servers.redis_hosts import HOST, Replica, Sentinel, TcpRedis
from tests.servers.waiting import until

pytestmark = pytest.mark.fault

NAME = "shop"
PATIENCE = 90.0
"""Seconds for a Sentinel's decision: one that was held up itself, on a busy machine, trusts nothing it saw for 30."""
FILLED_IN = 8.0
"""Seconds after which holes are filled; heartbeats are 30 apart and fill nothing in time."""


@dataclass(frozen=True)
class Wide:
    """A town whose Redis is the one that a Sentinel says, and shares the pushes with another host."""

    town: Town
    redises: dict[int, TcpRedis]
    sentinel: Sentinel
    other: TcpRedis

    def master(self) -> TcpRedis:
        """The one that is the master now."""
        return self.redises[self.sentinel.master()]

    def online(self) -> int:
        """How many members the server says are online, asked by one of them."""
        token = next(iter(self.town.people.values()))
        answer = httpx.get(f"{self.town.site.url}/api/v1/online/count", headers={"Authorization": f"Bearer {token}"}, timeout=20)
        return int(answer.json()["online_count"]) if answer.status_code == 200 else -1

    def heard_through(self, host: TcpRedis) -> set[int]:
        """The people whose group is listened to at that host."""
        with host.client() as client:
            names = {name.rpartition("__")[2] for name in client.pubsub_channels()}
        return {user_id for user_id in self.town.people if user_group(user_id) in names}


@pytest.fixture(scope="module")
def wide(servers: Servers, tmp_path_factory: pytest.TempPathFactory, report: Callable[[str], None]) -> Iterator[Wide]:
    folder = tmp_path_factory.mktemp("wide")
    with ExitStack() as built:
        master = built.enter_context(TcpRedis(folder, "masterauth open-sesame", password="open-sesame"))
        replica = built.enter_context(Replica(folder, master))
        sentinel = built.enter_context(Sentinel(folder, master, name=NAME, password="friend"))
        other = built.enter_context(TcpRedis(folder))
        address = f"sentinel://:{master.password}@{HOST}:{sentinel.port}/{NAME}?sentinel_password={sentinel.password}"
        env = {"REDIS_URL": address, "LAYER_REDIS_URLS": f"{address}, {other.url}", "PRESENCE_GRACE": "1"}
        place = built.enter_context(town(servers.serve, folder=folder, report=report, env=env))
        yield Wide(place, {master.port: master, replica.port: replica}, sentinel, other)


def test_a_host_that_is_away_mutes_nobody_whose_pushes_go_through_another(wide: Wide) -> None:
    with wide.town.ordeal("one of two layer hosts killed") as ordeal:
        through = wide.heard_through(wide.other)
        unharmed = [client for client in ordeal.crowd.clients if client.user_id not in through]
        assert through
        assert unharmed

        wide.other.kill()
        ordeal.gone()
        until(lambda: wide.town.failing() == ["layer"], what="it is said to be degraded")
        before = wide.town.heads()
        ordeal.write(200)
        # Without a heartbeat: that is 30 s away.
        until(lambda: caught_up(unharmed, before), what="the others are told", seconds=20)
        assert wide.online() == len(wide.town.people)

        wide.other.start()
        ordeal.returned()
        until(lambda: wide.town.failing() == [], what="it is ready again", seconds=20)
        ordeal.write(150)
        assert ordeal.filled_after < FILLED_IN
        assert ordeal.refused() == {}
        assert ordeal.stayed == ordeal.crowd.clients


def test_when_the_master_dies_the_replica_takes_its_place_and_nothing_is_lost(wide: Wide) -> None:
    with wide.town.ordeal("the master of Redis killed, Sentinel promotes the replica") as ordeal:
        until(lambda: wide.online() == len(wide.town.people), what="all are online", seconds=20)
        dead = wide.master()
        dead.kill()
        ordeal.gone()
        ordeal.write(100)
        until(lambda: wide.master() is not dead, what="the replica is the master", seconds=PATIENCE)
        ordeal.returned()
        until(lambda: wide.town.failing() == [], what="it is ready again", seconds=PATIENCE)
        ordeal.write(150)
        assert ordeal.refused() == {}
        assert ordeal.stayed == ordeal.crowd.clients

        until(lambda: wide.online() == len(wide.town.people), what="all are known to be online", seconds=30)
    until(lambda: wide.online() == 0, what="it is seen that all have gone", seconds=30)


def caught_up(clients: list[Client], heads: dict[int, int]) -> bool:
    return all(client.cursor >= heads.get(client.user_id, 0) for client in clients)
