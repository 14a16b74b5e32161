"""One host of the layer: whatever is asked for and lost in whatever order, what is wanted is listened to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from realtime.shard import Shard
from tests.realtime.ears import PATIENCE
from tests.servers.redis import PrivateRedis

CHANNELS = [f"shard.{number}" for number in range(3)]
CHANNEL = CHANNELS[0]


@asynccontextmanager
async def running(redis: PrivateRedis, *, hear: Callable[[bytes, bytes], None] = lambda name, content: None) -> AsyncIterator[tuple[Shard, asyncio.Event]]:
    returned = asyncio.Event()
    one = Shard({"address": redis.url}, hear=hear, returned=returned.set)
    try:
        yield one, returned
    finally:
        await one.flush()


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_to_listen_costs_the_same_however_many_listen_already(redis: PrivateRedis, options: Callable[..., None]) -> None:
    options(redis_timeout=PATIENCE)
    async with running(redis) as (one, _returned):

        async def cost() -> float:
            """Seconds that one takes to come and go, of ten tries the best."""
            best = float("inf")
            for _ in range(10):
                began = time.perf_counter()
                for _ in range(20):
                    await one.subscribe(CHANNEL)
                    one.leave(CHANNEL)
                    await asyncio.sleep(0)
                best = min(best, (time.perf_counter() - began) / 20)
            return best

        alone = await cost()
        for begin in range(0, 10_000, 1000):
            await asyncio.gather(*(one.subscribe(f"shard.crowd.{number}") for number in range(begin, begin + 1000)))
        assert await cost() < 5 * alone
