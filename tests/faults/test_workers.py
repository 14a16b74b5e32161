"""Workers that die, leave or stand still cost nobody anything."""

import os
import signal

import pytest

from tests.faults.crowd import frozen
from tests.faults.town import Town
from tests.servers.waiting import until

pytestmark = pytest.mark.fault


def test_nothing_is_lost_when_a_worker_is_killed(plain_town: Town) -> None:
    with plain_town.ordeal("kill -9 a worker") as ordeal:
        victim = ordeal.crowd.clients[0].worker
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        ordeal.write(600)
        until(lambda: all(client.worker not in (None, victim) for client in ordeal.crowd.clients), what="all are connected again")
        assert {code for client in ordeal.crowd.clients for code in client.codes} == {1006}
        assert len(ordeal.stayed) == len(plain_town.people), "those of the other worker"


@pytest.mark.long_fault
@pytest.mark.timeout(300)
def test_nothing_is_lost_when_a_worker_is_told_to_go(plain_town: Town) -> None:
    with plain_town.ordeal("SIGTERM a worker") as ordeal:
        leaving = ordeal.crowd.clients[0].worker
        assert leaving is not None
        os.kill(leaving, signal.SIGTERM)
        until(lambda: leaving not in plain_town.site.workers(), what="it has gone", seconds=20)
        ordeal.write(600)
        until(lambda: all(client.worker not in (None, leaving) for client in ordeal.crowd.clients), what="all are connected again")
        assert {code for client in ordeal.crowd.clients for code in client.codes} == {1012}
        assert len(ordeal.stayed) == len(plain_town.people), "those of the other worker"


@pytest.mark.long_fault
@pytest.mark.timeout(300)
def test_nothing_is_lost_when_all_workers_are_replaced_one_by_one(plain_town: Town) -> None:
    with plain_town.ordeal("SIGHUP, all workers replaced") as ordeal:
        before = set(plain_town.workers())
        os.kill(plain_town.site.pid, signal.SIGHUP)
        until(lambda: not before & set(plain_town.site.workers()), what="both are replaced", seconds=60)
        ordeal.write(600)
        until(lambda: all(client.worker not in (None, *before) for client in ordeal.crowd.clients), what="all are connected again")
        assert {code for client in ordeal.crowd.clients for code in client.codes} == {1012}


@pytest.mark.long_fault
@pytest.mark.timeout(400)
def test_nothing_is_lost_when_a_worker_stands_still_for_a_minute(plain_town: Town) -> None:
    with plain_town.ordeal("a worker frozen for 60 s") as ordeal:
        still = ordeal.crowd.clients[0].worker
        assert still is not None
        with frozen(still):
            ordeal.gone()
            ordeal.last(60)
        ordeal.returned()
        assert still in plain_town.site.workers(), "a worker that stands still for less than 90 s is left alone"
        ordeal.write(600)
