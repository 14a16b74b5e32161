"""One host of the layer: whatever is asked for and lost in whatever order, what is wanted is listened to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import redis as redis_py
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime import ear, shard
from realtime.shard import Shard
from tests.realtime.ears import PATIENCE
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import auntil

CHANNELS = [f"shard.{number}" for number in range(3)]
CHANNEL = CHANNELS[0]

ACTIONS = st.one_of(
    st.tuples(st.just("listen"), st.sampled_from(CHANNELS)),
    st.tuples(st.just("leave"), st.sampled_from(CHANNELS)),
    st.tuples(st.just("turn"), st.integers(1, 12)),
    st.tuples(st.just("answer"), st.none()),  # wait until Redis has said something
    st.tuples(st.just("lose"), st.none()),
)


@pytest.fixture(scope="module")
def redis(alone: PrivateRedis) -> PrivateRedis:
    """What is counted here is ours alone."""
    return alone


@pytest.fixture(scope="module")
def client(redis: PrivateRedis) -> Iterator[redis_py.Redis]:
    with redis_py.Redis.from_url(redis.url, decode_responses=True) as client:
        yield client


@asynccontextmanager
async def running(redis: PrivateRedis, *, hear: Callable[[bytes, bytes], None] = lambda name, content: None) -> AsyncIterator[tuple[Shard, asyncio.Event]]:
    returned = asyncio.Event()
    one = Shard({"address": redis.url}, hear=hear, returned=returned.set)
    try:
        yield one, returned
    finally:
        await one.flush()


@pytest.mark.asyncio(loop_factories=["uvloop"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=st.lists(ACTIONS, min_size=10, max_size=50))
async def test_in_the_end_exactly_what_is_wanted_is_listened_to(redis: PrivateRedis, client: redis_py.Redis, script: list[tuple[str, object]]) -> None:
    wanted: set[str] = set()
    left = dict.fromkeys(CHANNELS, 0)  # how often
    lost = told = 0
    heard: list[tuple[bytes, bytes]] = []
    unheard: list[int] = []  # how often all had been told when somebody was not heard
    tasks: list[asyncio.Task[None]] = []
    errors: list[dict[str, object]] = []

    def in_redis() -> set[str]:
        return set(client.pubsub_channels("shard.*"))

    def returned() -> None:
        nonlocal told
        told += 1
        if client.client_list(_type="pubsub"):  # or what is read here was said over a connection that is lost already
            assert wanted <= in_redis(), "it was told that all is heard, and something was not"

    async def listen(channel: str) -> None:
        wanted.add(channel)
        before = left[channel]
        confirmed = await one.listen(channel)
        if before != left[channel]:
            return
        if not confirmed or (lost and channel not in in_redis()):
            unheard.append(told)  # or it was true a moment ago, and a loss that nobody has seen yet is told like any other
        else:
            assert channel in in_redis(), "it was said to be listened to, and was not"

    asyncio.get_running_loop().set_exception_handler(lambda loop, error: errors.append(error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard, "PAUSE", (0.001, 0.01))
        one = Shard({"address": redis.url}, hear=lambda name, content: heard.append((name, content)), returned=returned)
        try:
            for action, argument in script:
                if action == "listen":
                    tasks.append(asyncio.create_task(listen(str(argument))))
                    await asyncio.sleep(0)
                elif action == "leave":
                    one.leave(str(argument))
                    wanted.discard(str(argument))
                    left[str(argument)] += 1
                elif action == "turn":
                    for _ in range(int(str(argument))):
                        await asyncio.sleep(0)
                elif action == "answer":
                    await asyncio.wait(tasks[-1:] or [asyncio.create_task(asyncio.sleep(0))])
                else:
                    lost += 1
                    client.client_kill_filter(_type="pubsub")
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*tasks)
            settled = f"exactly {wanted} in Redis, and a telling after those that heard nothing: {unheard}"
            await auntil(lambda: in_redis() == wanted and told > max(unheard, default=-1), what=settled, seconds=5)
            for channel in CHANNELS:
                client.publish(channel, "hello")
            await auntil(lambda: {name.decode() for name, _ in heard} == wanted, what=f"a message to each of {wanted}")
            assert len(heard) == len(wanted)
            assert not errors
        finally:
            await one.flush()


async def test_who_asked_in_vain_is_told_when_a_slow_redis_answers_after_all(redis: PrivateRedis, client: redis_py.Redis, options: Callable[..., None]) -> None:
    async with running(redis) as (one, returned):
        assert await one.listen(CHANNEL)
        before = [one["id"] for one in client.client_list(_type="pubsub")]
        options(redis_timeout=0.1)
        redis.freeze()
        try:
            assert not await one.listen(CHANNELS[1])
            assert not await one.listen(CHANNELS[2])
        finally:
            redis.thaw()
        async with asyncio.timeout(PATIENCE):
            await returned.wait()
        assert set(CHANNELS) <= set(client.pubsub_channels())
        assert [one["id"] for one in client.client_list(_type="pubsub")] == before, "it was only slow: there was nothing to be lost"


async def test_a_worker_that_stood_still_does_not_take_redis_for_away(redis: PrivateRedis, options: Callable[..., None]) -> None:
    async with running(redis) as (one, _returned):
        assert await one.listen(CHANNEL)
        options(redis_timeout=0.1)
        asking = asyncio.create_task(one.listen(CHANNELS[1]))
        for _ in range(3):
            await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - the answer is there before its time is up, and read after it
        assert await asking
        assert await one.listen(CHANNELS[2])


async def test_who_asks_while_the_last_is_confirmed_is_told_too(redis: PrivateRedis, client: redis_py.Redis) -> None:
    async with running(redis) as (one, returned):
        assert await one.listen(CHANNEL)
        take, tell, late, in_redis = one._take, one._returned, list[asyncio.Task[bool]](), list[str]()

        def interrupted(reply: object) -> None:
            """Somebody comes in the very turn in which the last confirmation is read."""
            if one._away is not None and not late:
                late.append(asyncio.create_task(one.listen(CHANNELS[1])))
                one._want(CHANNELS[1])  # as that task is about to
            take(reply)

        one._take = interrupted  # type: ignore[method-assign]
        one._returned = lambda: (in_redis.extend(client.pubsub_channels()), tell())[1]
        client.client_kill_filter(_type="pubsub")
        async with asyncio.timeout(PATIENCE):
            await returned.wait()
            await asyncio.gather(*late)
        assert CHANNELS[1] in in_redis


async def test_who_asks_in_the_turn_in_which_the_connection_is_lost_is_heard_by_the_next(redis: PrivateRedis, client: redis_py.Redis) -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, error: errors.append(error))
    async with running(redis) as (one, returned):
        assert await one.listen(CHANNEL)
        assert one._ear is not None
        one._ear.lost.add_done_callback(lambda lost: one._want(CHANNELS[1]))
        client.client_kill_filter(_type="pubsub")
        async with asyncio.timeout(PATIENCE):
            await returned.wait()
        assert set(client.pubsub_channels()) == set(CHANNELS[:2])
    assert not errors


class Wall:
    """A way to Redis on which nothing gets through any more, while `up`, and nothing is read: buffers run full."""

    def __init__(self, folder: Path, redis: PrivateRedis) -> None:
        self.path = folder / "wall.sock"
        self.up = False
        self.came = 0
        self._upstream = unquote(urlsplit(redis.url).path)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        back, forth = await asyncio.open_unix_connection(self._upstream)

        async def hand_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while not self.up and (data := await source.read(1000)):
                target.write(data)

        pumps = [asyncio.create_task(hand_on(reader, forth)), asyncio.create_task(hand_on(back, writer))]
        try:
            await asyncio.wait(pumps if not self.up else [asyncio.get_running_loop().create_future()])
        finally:
            for pump in pumps:
                pump.cancel()
            for end in (writer, forth):
                end.transport.abort()


async def test_a_connection_with_much_that_redis_has_not_taken_is_given_up_as_soon_as_another(
    redis: PrivateRedis, tmp_path: Path, options: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    options(redis_timeout=0.2)
    monkeypatch.setattr(ear, "LOOK", 0.3)  # half of it is the lateness that a busy machine is forgiven
    wall = Wall(tmp_path, redis)
    async with await asyncio.start_unix_server(wall.serve, wall.path):
        one = Shard({"address": f"unix://{wall.path}"}, hear=lambda name, content: None, returned=lambda: None)
        try:
            assert await one.listen(CHANNEL)
            wall.up = True
            long_names = [f"shard.{number}.{'x' * 10_000}" for number in range(500)]
            assert not any(await asyncio.gather(*(one.listen(name) for name in long_names)))
            came = wall.came
            await auntil(lambda: wall.came > came + 1, what="another try", seconds=4.5)  # to close in good order takes five
        finally:
            wall.up = False
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
                    assert await one.listen(CHANNEL)
                    one.leave(CHANNEL)
                    await asyncio.sleep(0)
                best = min(best, (time.perf_counter() - began) / 20)
            return best

        alone = await cost()
        for begin in range(0, 10_000, 1000):
            assert all(await asyncio.gather(*(one.listen(f"shard.crowd.{number}") for number in range(begin, begin + 1000))))
        assert await cost() < 5 * alone
