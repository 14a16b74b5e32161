"""A worker's one connection to Redis, while several of its steps are under way."""

import asyncio

import pytest
import redis as redis_py

from accounts.redis import RedisAway
from realtime.presence.store import Line
from tests.realtime.presence.village import step
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until


async def test_who_waits_for_an_answer_while_another_drops_the_connection_finds_redis_away(tmp_path, settings):
    with PrivateRedis(tmp_path) as alone:
        settings.REDIS_URL = alone.url
        line = Line()
        await line.step("stand")
        alone.freeze()
        waiting = asyncio.create_task(line.step("stand"))
        await asyncio.wait([waiting], timeout=0.2)  # it has been sent
        await line.close()
        alone.thaw()
        with pytest.raises(RedisAway):
            await waiting
        assert (await line.step("stand")).online == 0
        await line.close()


def test_a_redis_that_comes_back_with_what_it_wrote_down_a_moment_ago_is_young_all_the_same(tmp_path, options):
    options(presence_lease=1.0, keeper_interval=0.1)
    with PrivateRedis(tmp_path) as alone:
        for name in ("1-a", "2-b"):
            step(alone.url, "tick", worker=name, era="one", begin=True)
        until(lambda: not [step(alone.url, "tick", worker=name, era="two") for name in ("1-a", "2-b")][-1].young, what="it is not young any more")
        with redis_py.Redis.from_url(alone.url) as client:
            client.save()
        alone.kill()
        alone.start()
        assert step(alone.url, "tick", worker="1-c", era="three", begin=True).young
