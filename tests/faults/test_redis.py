"""Redis comes and goes: what it brings is a hint, and what it did not bring is in the inbox."""

import pytest
import redis as redis_py

from tests.faults.ordeal import Ordeal
from tests.faults.town import Town
from tests.servers.waiting import until

pytestmark = pytest.mark.fault

FILLED_IN = 2.0
"""Seconds after Redis is back within which holes are filled, on a machine that has nothing else to do."""
SLACK = 6.0
"""Seconds more for one that runs all tests at once. Heartbeats are further apart, so that they fill nothing in time."""


def outage(town: Town, ordeal: Ordeal, seconds: float) -> None:
    """Redis crashes, and is back, empty, that many seconds later."""
    town.redis.kill()
    ordeal.gone()
    ordeal.last(seconds)
    town.redis.start()
    ordeal.returned()


def all_connected_to_the_end(ordeal: Ordeal) -> bool:
    return ordeal.stayed == ordeal.crowd.clients


def test_holes_are_filled_soon_after_a_moment_without_redis(plain_town: Town) -> None:
    with plain_town.ordeal("Redis killed for 0.2 s") as ordeal:
        outage(plain_town, ordeal, 0.2)
        ordeal.write(600)
        assert ordeal.filled_after < FILLED_IN + SLACK
        assert all_connected_to_the_end(ordeal)


def test_holes_are_filled_when_redis_returns_though_nobody_writes_any_more(plain_town: Town) -> None:
    with plain_town.ordeal("Redis killed, and then silence") as ordeal:
        plain_town.redis.kill()
        try:
            ordeal.gone()
            ordeal.write(200)
            plain_town.writer.stop()
        finally:
            plain_town.redis.start()
        ordeal.returned()
        until(ordeal.caught_up, what="all have everything", seconds=FILLED_IN + SLACK)
        assert all_connected_to_the_end(ordeal)


def test_an_emptied_redis_costs_nobody_anything(plain_town: Town) -> None:
    with plain_town.ordeal("FLUSHALL") as ordeal:
        with redis_py.Redis.from_url(plain_town.redis.url) as client:
            ordeal.gone()
            client.flushall()
            ordeal.returned()
        ordeal.write(600)
        assert all_connected_to_the_end(ordeal)


@pytest.mark.long_fault
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", [3, 30])
def test_while_redis_is_away_all_goes_on_and_when_it_returns_holes_are_filled(plain_town: Town, seconds: float) -> None:
    with plain_town.ordeal(f"Redis killed for {seconds} s") as ordeal:
        plain_town.redis.kill()
        try:
            ordeal.gone()
            _goes_on(plain_town, ordeal)
            until(lambda: ordeal.away_for() >= seconds, what="the outage lasts")
        finally:
            plain_town.redis.start()
        ordeal.returned()
        until(lambda: plain_town.failing() == [], what="it is ready again")
        ordeal.write(600)
        assert ordeal.filled_after < FILLED_IN + SLACK
        assert ordeal.refused() == {}
        assert all_connected_to_the_end(ordeal)


@pytest.mark.long_fault
@pytest.mark.timeout(300)
def test_a_redis_that_stands_still_holds_up_nobody(plain_town: Town) -> None:
    with plain_town.ordeal("Redis frozen for 20 s") as ordeal:
        plain_town.redis.freeze()
        try:
            ordeal.gone()
            _goes_on(plain_town, ordeal)
            until(lambda: ordeal.away_for() >= 20, what="the outage lasts")
        finally:
            plain_town.redis.thaw()
        ordeal.returned()
        until(lambda: plain_town.failing() == [], what="it is ready again")
        ordeal.write(600)
        assert ordeal.filled_after < FILLED_IN + SLACK
        assert ordeal.refused() == {}
        assert all_connected_to_the_end(ordeal)


def _goes_on(town: Town, ordeal: Ordeal) -> None:
    """Without Redis the state is said to be degraded, and people are told things, and sockets opened, all the same."""
    until(lambda: town.failing() == ["redis"], what="it is degraded")
    ordeal.write(200)
    newcomer = ordeal.newcomer()
    already = len(town.rows()[newcomer.user_id])
    assert newcomer.start is not None
    until(lambda: newcomer.open and len(newcomer.applied) >= already - (newcomer.start or 0), what="who comes now gets what the inbox has", seconds=10)
