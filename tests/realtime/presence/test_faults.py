"""Whatever dies, leaves, forgets or stands still: soon everybody says exactly who is online, and nobody who stayed was said to have gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis as redis_py

from accounts import tokens
from tests import cast
from tests.faults.crowd import frozen
from tests.realtime.presence.village import BUSY, Village
from tests.servers.waiting import until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

PEOPLE = 20


@pytest.fixture
def people(place: Village):
    """Twenty, half of them on each worker; one is away and one hides. All agree on who is online."""
    pages = place.gather(PEOPLE)
    place.settled(seconds=place.pace.lease + BUSY)
    place.community.run(pages[1].say({"type": "presence", "status": "away"}))
    place.community.run(pages[2].say({"type": "presence", "status": "offline"}))
    place.hidden.add(pages[2].user_id)
    place.settled(seconds=2 * place.pace.quiet + BUSY)
    return pages


def on(worker, pages):
    return [page for page in pages if page.worker == worker]


def test_who_was_on_a_killed_worker_and_does_not_come_back_is_told_to_have_gone_in_time_and_nobody_else(place, people):
    victim, other = place.workers()
    lost, rest = on(victim, people)[3:6], on(other, people)
    for page in lost:
        page.returns = False
    began = time.time()
    os.kill(victim, signal.SIGKILL)
    until(lambda: all(len(place.offline_times(page, since=began)) >= len(rest) for page in lost), what="all are told", seconds=place.pace.told_gone + BUSY)
    took = max(begin for page in lost for begin, _end in place.offline_times(page, since=began)) - began
    print(f"\nkill -9: all were told after {took:.2f} s")
    place.settled(seconds=place.pace.lease + BUSY)
    stayed = [page for page in people if page not in lost]
    assert not place.wrongly_gone(stayed, since=began)
    assert not [times for page in rest for times in place.offline_times(page, since=began)]


def test_a_worker_that_is_told_to_go_takes_nobody_along(place, people):
    leaving, other = place.workers()
    began = time.time()
    rest = on(other, people)
    os.kill(leaving, signal.SIGTERM)
    until(lambda: leaving not in place.site.workers(), what="it has gone", seconds=25)
    until(lambda: all(page.open and page.worker != leaving for page in people), what="all are back", seconds=10 + BUSY)
    place.workers()
    place.settled(seconds=place.pace.told_gone + BUSY)
    assert not place.wrongly_gone(people, since=began)
    assert not [times for page in rest for times in place.offline_times(page, since=began)]


def test_an_emptied_redis_is_filled_again_and_nobody_is_told_anything(place, people):
    began = time.time()
    with redis_py.Redis.from_url(place.redis.url) as client:
        client.flushall()
    place.settled(seconds=place.pace.lease + BUSY)
    place.beats(2)  # by then its youth is over, and all has been fetched
    place.settled(seconds=BUSY)
    assert not [each for page in people for each in page.told if each.at > began]


@pytest.fixture
def save(place: Village):
    """`save()`: Redis writes down what it knows, and will know that when it is started again."""
    with redis_py.Redis.from_url(place.redis.url, decode_responses=True) as client:
        file = Path(client.config_get("dir")["dir"]) / "dump.rdb"
        yield client.save
    file.unlink(missing_ok=True)


@pytest.mark.parametrize("memory", ["none", "all", "older"])
def test_a_redis_that_is_killed_and_comes_back_costs_nobody_anything(place, people, save, memory):
    if memory == "older":
        save()
    come, gone = place.page(), people[5]
    until(lambda: come.open, what="it comes")
    place.settled(seconds=BUSY)
    if memory == "all":
        save()
    began = time.time()
    place.redis.kill()
    place.community.run(gone.leave())
    place.redis.start()
    outage = time.time() - began
    until(lambda: len(place.standing().people) == PEOPLE - 1, what="who left has gone", seconds=place.pace.told_gone + BUSY)
    place.beats(1)
    place.settled(seconds=place.pace.told_gone + BUSY)
    assert not place.wrongly_gone([page for page in people if page is not gone] + [come], since=began, outage=outage)


def test_a_worker_that_stands_still_for_long_is_missed_only_meanwhile(place, people):
    victim, _other = place.workers()
    began = time.time()
    with frozen(victim):
        stands_still = {page.user_id for page in on(victim, people)} - place.hidden
        until(lambda: not stands_still & set(place.standing().people), what="its people are told to have gone", seconds=place.pace.told_gone + BUSY)
    outage = time.time() - began
    place.settled(seconds=place.pace.lease + place.pace.quiet + BUSY)
    assert not place.wrongly_gone(people, since=began, outage=outage)


def test_a_redis_that_stands_still_is_waited_for(place, people):
    began = time.time()
    place.redis.freeze()
    place.community.run(people[5].leave())
    time.sleep(place.pace.lease + place.pace.grace + 5 * place.pace.second)
    place.redis.thaw()
    outage = time.time() - began
    place.settled(seconds=place.pace.lease + place.pace.told_gone + BUSY)
    assert not place.wrongly_gone([page for page in people if page is not people[5]], since=began, outage=outage)
    assert not [times for page in people if page is not people[5] for times in place.offline_times(page, since=began)]


SILENT = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1], ping_interval=None, proxy=None) as socket:
    print(socket.recv(), flush=True)
    for text in socket: pass
"""


def test_a_client_that_stands_still_is_gone_after_two_heartbeats_and_the_grace(place, people):
    silent = cast.member()
    url = f"{place.site.ws_url}/api/v1/ws?token={tokens.issue(silent)[0]}"
    with subprocess.Popen([sys.executable, "-c", SILENT, url], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            until(lambda: silent.pk in place.standing().people, what="it is online")
            os.kill(process.pid, signal.SIGSTOP)
            began = time.time()
            until(
                lambda: silent.pk not in place.standing().people,
                what="it has gone",
                seconds=2 * place.pace.heartbeat + place.pace.grace + place.pace.lease + BUSY,
            )
            assert time.time() - began > place.pace.heartbeat
            place.settled(seconds=BUSY)
            assert {each.status for page in people for each in page.told if each.user_id == silent.pk} == {"online", "offline"}
        finally:
            process.kill()
