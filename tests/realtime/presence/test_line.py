"""A worker's one connection to Redis, while several of its steps are under way."""

import asyncio

import pytest

from accounts.redis import RedisAway
from realtime.presence.store import Line
from tests.servers.redis import PrivateRedis


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
