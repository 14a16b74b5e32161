"""The way to Redis: how many may ask at once, and what counts as a failure of it."""

import asyncio
import os
import secrets
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis as redis_py
from channels.layers import get_channel_layer
from django.conf import settings

from accounts import groups, standing, tickets
from accounts.limits import ahit, hit
from accounts.redis import CONNECTIONS, RedisAway, aask, aclient, ask
from tests.servers.raw import RawSocket
from tests.servers.waiting import until


@pytest.fixture
def key(db):
    return f"test:{secrets.token_hex(8)}"


@pytest.fixture
def frozen(redis, db):
    """Redis holds its connections and answers nobody; afterwards this process is on speaking terms with it again."""

    def answers():
        try:
            return ask(lambda redis: redis.ping())
        except RedisAway:
            return False

    until(answers, what="an answer of Redis")
    redis.freeze()
    yield
    redis.thaw()
    until(answers, what="an answer of Redis")


async def test_five_hundred_coroutines_that_ask_at_once_all_get_an_answer_over_few_connections(key):
    answers = await asyncio.gather(*(aask(lambda redis: redis.incr(key)) for _ in range(500)))
    assert sorted(answers) == list(range(1, 501))
    assert len(aclient().connection_pool._available_connections) <= CONNECTIONS


def test_so_do_two_hundred_threads(key):
    with ThreadPoolExecutor(200) as threads:
        answers = list(threads.map(lambda _: ask(lambda redis: redis.eval("return redis.call('INCR', KEYS[1])", 1, key)), range(1000)))
    assert sorted(answers) == list(range(1, 1001))


def test_nothing_that_two_hundred_threads_publish_at_once_is_dropped(key):
    with ThreadPoolExecutor(200) as threads:
        published = list(threads.map(lambda number: groups.publish([(f"{key}.{number}", {"type": "test"})]), range(1000)))
    assert published == [1] * 1000


def test_each_of_many_messages_is_said_in_its_order_and_counted(key):
    many = [(key, {"type": "test", "number": number}) for number in range(2 * groups.SLICE + 1)]
    with redis_py.Redis.from_url(settings.REDIS_URL).pubsub() as ear:
        ear.subscribe(f"switchboard__group__{key}")
        assert ear.get_message(timeout=5)["type"] == "subscribe"
        assert groups.publish(many) == len(many)
        (host,) = groups._hosts()
        assert host.client.ping() is True, "an answer was left over"
        heard = [ear.get_message(timeout=5)["data"] for _ in many]
    assert [get_channel_layer().deserialize(body) for body in heard] == [message for _, message in many]


def test_nothing_to_say_is_nothing_said(key):
    assert groups.publish([]) == 0


async def test_a_limit_holds_when_six_hundred_come_at_once(key):
    waits = await asyncio.gather(*(ahit("test", key, (10, 3600.0)) for _ in range(600)))
    assert sum(wait is None for wait in waits) == 10


def test_a_limit_holds_when_two_hundred_threads_come_at_once(key):
    with ThreadPoolExecutor(200) as threads:
        waits = list(threads.map(lambda _: hit("test", key, (10, 3600.0)), range(600)))
    assert sum(wait is None for wait in waits) == 10


async def test_of_three_hundred_who_redeem_a_ticket_at_once_over_many_workers_one_is_first(key):
    firsts = await asyncio.gather(*(tickets._first_anywhere(key, 60) for _ in range(300)))
    assert sum(firsts) == 1


def test_a_crowd_of_bad_handshakes_is_limited_to_the_last_one(servers, flush):
    flush()  # the tests all come from one address
    with servers.serve(env={"RATE_HANDSHAKE": "20/h"}) as site:
        (worker,) = site.workers()
        os.kill(worker, signal.SIGSTOP)
        try:
            crowd = [RawSocket(site.port, "/api/ws/notifications?token=worthless") for _ in range(600)]
        finally:
            os.kill(worker, signal.SIGCONT)
        try:
            answers = [socket.shake_hands().split()[1] for socket in crowd]
        finally:
            for socket in crowd:
                socket.sock.close()
    assert {status: answers.count(status) for status in set(answers)} == {"401": 20, "429": 580}


def test_an_error_that_redis_answers_with_is_no_failure_of_redis(key):
    ask(lambda redis: redis.set(key, "no number"))
    with pytest.raises(RedisAway):
        ask(lambda redis: redis.incr(key))
    assert ask(lambda redis: redis.get(key)) == "no number"


async def test_a_crowd_before_a_frozen_redis_is_told_so_as_soon_as_one_of_it_knows(key, frozen):
    began = time.monotonic()
    answers = await asyncio.gather(*(aask(lambda redis: redis.get(key)) for _ in range(500)), return_exceptions=True)
    took = time.monotonic() - began
    assert {type(answer) for answer in answers} == {RedisAway}
    assert took < 5 * settings.SWITCHBOARD.redis_timeout


def test_so_is_a_crowd_of_threads(key, frozen):
    def fails(_number):
        try:
            return ask(lambda redis: redis.get(key))
        except RedisAway:
            return "away"

    began = time.monotonic()
    with ThreadPoolExecutor(400) as threads:
        assert set(threads.map(fails, range(400))) == {"away"}
    # Each waiting for its own turn would take eight times as long as one.
    assert time.monotonic() - began < 5 * settings.SWITCHBOARD.redis_timeout


def test_ten_thousand_messages_wait_for_a_frozen_redis_no_longer_than_one_and_their_connection_is_not_used_again(key, redis):
    (host,) = groups._hosts()
    until(lambda: groups.publish([(key, {"type": "test"})]), what="Redis is asked again")
    before = host.client.client_id()
    many = [(key, {"type": "test", "text": "x" * 400})] * 10_000
    redis.freeze()
    try:
        began = time.monotonic()
        assert groups.publish(many) == 0
        assert time.monotonic() - began < 1.5 * settings.SWITCHBOARD.redis_timeout
        began = time.monotonic()
        assert groups.publish(many) == 0
        assert time.monotonic() - began < 0.3 * settings.SWITCHBOARD.redis_timeout, "it was tried again"
    finally:
        redis.thaw()
    until(lambda: groups.publish(many[:3]) == 3, what="Redis is asked again")
    assert host.client.client_id() != before


def test_copies_for_a_hundred_thousand_are_left_by_the_thousand_so_that_redis_stands_still_for_nobody(key, flush):
    """All in one would hold Redis up for 300 ms, and for twice as many everybody would take it for away."""
    everybody = dict.fromkeys(range(2**45, 2**45 + 100_000), standing.GONE)
    ask(lambda redis: redis.config_resetstat())
    try:
        assert standing.put(everybody)
        assert ask(lambda redis: redis.info("commandstats"))["cmdstat_eval"]["calls"] >= 100
        assert ask(lambda redis: redis.dbsize()) >= 100_000
    finally:
        flush()


def test_copies_that_cannot_be_left_are_said_to_be_missing(frozen):
    began = time.monotonic()
    assert not standing.put(dict.fromkeys(range(2**45, 2**45 + 5000), standing.GONE))
    assert time.monotonic() - began < 2 * settings.SWITCHBOARD.redis_timeout
