"""What a worker that is only played asks of Redis."""

from __future__ import annotations

import secrets
import time
from functools import partial

import pytest

from realtime.presence.store import step
from tests.realtime.presence import village
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until

BELL = "api/ws/notifications"


def connection(who, number, *, limit=3, **more):
    return {"who": who, "id": f"{who}-{number}", "path": BELL, "limit": limit, "refuse": False, **more}


@pytest.fixture
def worker(redis):
    """The name of a worker with a lease; its people are forgotten at the end."""
    name = f"played-{secrets.token_hex(4)}"
    step("tick", worker=name, era="played", begin=True)
    yield name
    step("retire", worker=name)


@pytest.fixture
def who():
    return f"p:{10**12 + secrets.randbelow(10**9)}"


def test_connections_that_are_made_known_twice_because_an_answer_was_lost_keep_their_places(worker, who):
    four = [connection(who, number) for number in range(4)]
    first = step("join", worker=worker, connections=four)
    later = f"{worker}-later"
    step("tick", worker=later, era="played", begin=True)
    assert step("orders", worker=later, of=worker).said["orders"] == [f"replace {who}-0"]
    again = step("join", worker=later, connections=four[1:])
    step("retire", worker=later)
    assert [opened for _result, opened, *_ in again.said["results"]] == [opened for _result, opened, *_ in first.said["results"][1:]]
    assert {result for result, *_ in again.said["results"]} == {"in"}
    assert not step("orders", worker=worker).said["orders"]


def test_the_oldest_makes_room_whichever_worker_it_is_on_and_whoever_comes_back_late_stays_the_oldest(worker, who):
    answer = step("join", worker=worker, connections=[connection(who, number) for number in range(3)])
    oldest = connection(who, 0, opened=answer.said["results"][0][1])
    other = f"{worker}-other"
    step("tick", worker=other, era="played", begin=True)
    assert step("join", worker=other, connections=[connection(who, 3)]).wake == [worker]
    assert step("orders", worker=worker).said["orders"] == [f"replace {who}-0"]
    assert step("join", worker=worker, connections=[oldest]).said["results"][0][0] == "out"
    step("retire", worker=other)


def test_right_after_everything_stood_still_nobody_has_been_absent_for_any_time(tmp_path, options):
    options(presence_lease=0.3)
    with PrivateRedis(tmp_path) as stood_still:
        step = partial(village.step, stood_still.url)
        step("tick", worker="played", era="played", begin=True)
        until(lambda: step("attend", users=[]).said["age"] > 100, what="some time is seen")
        until(lambda: step("attend", users=[]).said["age"] == 0, what="nobody ticks any more")
        step("tick", worker="played", era="played", begin=True)
        assert step("attend", users=[]).said["age"] < 300


def test_a_worker_whose_lease_has_ended_has_to_begin_anew(who):
    assert step("join", worker="nobody", connections=[connection(who, 0)]).said["again"]
    assert step("tick", worker="nobody", era="played").said["again"]


def test_thousands_that_a_dead_worker_leaves_are_told_to_have_gone_as_soon_as_a_few(ground):
    _site, redis, pace = ground
    people = 4000
    for begin in range(0, people, 500):
        village.step(redis.url, "tick", worker="crowded", era="played", begin=True)  # it lives until all are in
        crowd = [connection(f"p:{10**12 + number}", 0, limit=20) for number in range(begin, begin + 500)]
        village.step(redis.url, "join", worker="crowded", connections=crowd)
    assert village.standing(redis.url).count >= people
    began = time.monotonic()
    until(lambda: village.standing(redis.url).count == 0, what="all have gone", seconds=pace.told_gone + 10)
    took = time.monotonic() - began
    print(f"\n{people} people of a dead worker: gone after {took:.2f} s")
    assert took < pace.told_gone + (1 if pace is village.REAL else village.BUSY)
