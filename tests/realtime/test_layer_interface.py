"""The layer has all that the specification of channel layers asks for: channels, groups, capacity and flush."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from realtime.layer import LoopLayer, here
from tests.realtime.ears import GROUP, PATIENCE, connections, listened_to
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import auntil, until

END = {"type": "end"}


@pytest.fixture
def redis(alone: PrivateRedis) -> PrivateRedis:
    """What is counted here is ours alone."""
    return alone


def numbered(*numbers: int) -> list[dict[str, Any]]:
    return [{"type": "number", "number": number} for number in numbers]


async def all_of(layer: LoopLayer, channel: str) -> list[dict[str, Any]]:
    """What waits in a channel: it is sent an end, and read up to that."""
    await layer.send(channel, END)
    found = []
    async with asyncio.timeout(PATIENCE):
        while (message := await layer.receive(channel)) != END:
            found.append(message)
    return found


# Channels


async def test_what_is_sent_to_a_channel_is_received_there_whole_and_in_order(layer: LoopLayer) -> None:
    one, two = await layer.new_channel(), await layer.new_channel("mine.")
    rich = {"type": "rich", "text": "“🙂”", "bytes": b"\0\xff", "float": 0.5, "none": None, "list": [1, [True, {}]]}
    for message in (*numbered(1, 2, 3), rich):
        await layer.send(one, message)
        await layer.send(two, {**message, "to": "two"})
    assert await all_of(layer, one) == [*numbered(1, 2, 3), rich]
    assert [message["to"] for message in await all_of(layer, two)] == ["two"] * 4


async def test_a_message_is_received_by_one_of_those_who_wait(layer: LoopLayer) -> None:
    channel = await layer.new_channel()
    waiting = [asyncio.create_task(layer.receive(channel)) for _ in range(3)]
    for message in numbered(1, 2, 3):
        await layer.send(channel, message)
    async with asyncio.timeout(PATIENCE):
        assert sorted([(await task)["number"] for task in waiting]) == [1, 2, 3]


async def test_a_channel_that_was_agreed_upon_is_made_by_the_first_to_receive(layer: LoopLayer, redis: PrivateRedis) -> None:
    waiting = asyncio.create_task(layer.receive("switchboard.agreed"))
    await auntil(lambda: listened_to(redis) == ["switchboard.agreed"], what="the channel in Redis")
    await layer.send("switchboard.agreed", END)
    async with asyncio.timeout(PATIENCE):
        assert await waiting == END


async def test_no_two_channels_have_one_name_even_where_chance_repeats_itself(layer: LoopLayer) -> None:
    random.seed(1)
    one = await layer.new_channel("mine.")
    random.seed(1)
    two = await layer.new_channel("mine.")
    assert one != two
    assert "mine." in one
    assert "mine." in two


async def test_sending_to_nobody_is_no_error(layer: LoopLayer) -> None:
    await layer.send("switchboard.nobody", END)
    await layer.group_send("nobody", END)


async def test_who_breaks_off_a_receive_leaves_nothing_behind(layer: LoopLayer, redis: PrivateRedis) -> None:
    stays, leaves = await layer.new_channel(), await layer.new_channel()
    await layer.group_add(GROUP, stays)
    await layer.group_add(GROUP, leaves)
    waiting = asyncio.create_task(layer.receive(leaves))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    await layer.group_send(GROUP, END)  # to a group with one who has gone
    async with asyncio.timeout(PATIENCE):
        assert await layer.receive(stays) == END
    assert set(layer.channels) == {stays}
    assert sorted(listened_to(redis)) == sorted([stays, f"switchboard__group__{GROUP}"])


async def test_what_comes_above_the_capacity_is_dropped_and_nothing_else(configured: Callable[..., LoopLayer], redis: PrivateRedis) -> None:
    layer = configured(hosts=[redis.url], capacity=3)
    full, other = await layer.new_channel(), await layer.new_channel()
    for message in numbered(1, 2, 3, 4, 5):
        await layer.send(full, message)
    await layer.send(other, numbered(1)[0])
    assert await all_of(layer, other) == numbered(1)  # so all has come
    assert [await layer.receive(full) for _ in range(3)] == numbered(1, 2, 3)
    await layer.send(full, numbered(6)[0])
    assert await all_of(layer, full) == numbered(6)


async def test_a_hundred_messages_wait_in_a_channel_unless_it_is_configured(layer: LoopLayer) -> None:
    channel, other = await layer.new_channel(), await layer.new_channel()
    for message in numbered(*range(150)):
        await layer.send(channel, message)
    assert await all_of(layer, other) == []
    assert layer.channels[channel].qsize() == 100


# Groups


async def test_a_group_is_heard_by_those_who_are_in_it(layer: LoopLayer) -> None:
    stays, leaves, never, both = [await layer.new_channel("same.") for _ in range(4)]
    for channel in (stays, leaves, both):
        await layer.group_add(GROUP, channel)
    await layer.group_add("another", both)
    await layer.group_discard(GROUP, leaves)
    await layer.group_send(GROUP, numbered(1)[0])
    await layer.group_send("another", numbered(2)[0])
    assert await all_of(layer, stays) == numbered(1)
    assert await all_of(layer, leaves) == []
    assert await all_of(layer, never) == []
    assert await all_of(layer, both) == numbered(1, 2)


async def test_who_joins_twice_hears_once_and_leaves_at_once(layer: LoopLayer, redis: PrivateRedis) -> None:
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    await layer.group_add(GROUP, channel)
    await layer.group_send(GROUP, numbered(1)[0])
    assert await all_of(layer, channel) == numbered(1)
    await layer.group_discard(GROUP, channel)
    await layer.group_send(GROUP, numbered(2)[0])
    assert await all_of(layer, channel) == []
    assert listened_to(redis) == [channel]


async def test_who_has_left_a_group_may_join_it_again(layer: LoopLayer, redis: PrivateRedis) -> None:
    channel = await layer.new_channel()
    for number in (1, 2, 3):
        await layer.group_add(GROUP, channel)
        await layer.group_send(GROUP, numbered(number)[0])
        assert await all_of(layer, channel) == numbered(number)
        await layer.group_discard(GROUP, channel)
        await auntil(lambda: listened_to(redis) == [channel], what="the end of the group in Redis")


async def test_leaving_a_group_that_one_is_not_in_is_no_error_and_takes_nobody_away(layer: LoopLayer) -> None:
    stays, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_discard(GROUP, other)
    await layer.group_add(GROUP, stays)
    await layer.group_discard(GROUP, other)
    await layer.group_send(GROUP, numbered(1)[0])
    assert await all_of(layer, stays) == numbered(1)


async def test_who_leaves_while_it_still_joins_is_not_waited_for(layer: LoopLayer) -> None:
    channel = await layer.new_channel()
    joining = asyncio.create_task(layer.group_add(GROUP, channel))
    await asyncio.sleep(0)
    await layer.group_discard(GROUP, channel)
    async with asyncio.timeout(PATIENCE):
        await joining
    await layer.group_send(GROUP, END)
    assert await all_of(layer, channel) == []


async def test_a_channel_of_another_process_cannot_join(layer: LoopLayer) -> None:
    with pytest.raises(RuntimeError, match="in-process"):
        await layer.group_add(GROUP, "switchboard.elsewhere")


async def test_listeners_and_channels_of_one_group_do_not_take_it_from_each_other(layer: LoopLayer) -> None:
    heard: list[dict[str, Any]] = []
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    await layer.listen(GROUP, heard.append)
    layer.leave(GROUP, heard.append)
    await layer.group_send(GROUP, numbered(1)[0])
    assert await all_of(layer, channel) == numbered(1)
    await layer.listen(GROUP, heard.append)
    await layer.group_discard(GROUP, channel)
    await layer.group_send(GROUP, numbered(2)[0])
    assert await all_of(layer, channel) == []
    assert heard == numbered(2)


# Redis goes and comes


async def test_joining_and_sending_wait_for_a_connection_that_was_just_lost(layer: LoopLayer, redis: PrivateRedis) -> None:
    one, two, leaves = [await layer.new_channel() for _ in range(3)]
    for channel in (one, leaves):
        await layer.group_add(GROUP, channel)
    with redis_py.Redis.from_url(redis.url) as client:
        client.client_kill_filter(_type="pubsub")
        while not client.client_kill_filter(_type="normal", skipme=True):
            await layer.send(one, END)  # there is a connection only after something was said
    await asyncio.sleep(0)
    await layer.group_add(GROUP, two)
    await layer.group_add("another", two)
    await layer.group_discard(GROUP, leaves)
    await layer.group_send(GROUP, numbered(1)[0])
    await layer.group_send("another", numbered(2)[0])
    assert await all_of(layer, two) == numbered(1, 2)
    assert numbered(1)[0] in await all_of(layer, one)
    assert await all_of(layer, leaves) == []


async def test_with_redis_away_a_channel_cannot_be_made_and_that_is_said_in_time(layer: LoopLayer, redis: PrivateRedis, options: Callable[..., None]) -> None:
    options(redis_timeout=0.3)
    await layer.new_channel()
    redis.kill()
    try:
        await auntil(lambda: layer._shards[0]._away, what="the loss of the connection")
        with pytest.raises(ConnectionError, match="Redis is away"):
            async with asyncio.timeout(PATIENCE):
                await layer.new_channel()
    finally:
        redis.start()
    options(redis_timeout=PATIENCE)
    assert await layer.new_channel() in listened_to(redis)


# The whole layer


async def test_a_flushed_layer_has_forgotten_all_holds_no_connection_and_can_be_used(layer: LoopLayer, redis: PrivateRedis) -> None:
    before = connections(redis)
    old = await layer.new_channel()
    await layer.group_add(GROUP, old)
    await layer.group_send(GROUP, END)
    assert connections(redis) == before + 2
    await layer.flush()
    await auntil(lambda: connections(redis) == before, what="the end of both connections")
    new = await layer.new_channel()
    await layer.group_send(GROUP, numbered(1)[0])
    assert await all_of(layer, new) == []
    await layer.group_add(GROUP, new)
    await layer.group_send(GROUP, numbered(2)[0])
    assert await all_of(layer, new) == numbered(2)


async def test_a_layer_can_be_flushed_at_any_moment_of_its_first_connection(layer: LoopLayer) -> None:
    for steps in range(40):
        joining = asyncio.create_task(layer.listen(GROUP, print))
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            await layer.flush()
            await joining


def test_each_loop_has_a_layer_of_its_own_that_ends_with_it(redis: PrivateRedis, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "realtime.layer.Layer", "CONFIG": {"prefix": "switchboard", "hosts": [redis.url]}}}
    outer: Any = get_channel_layer()
    before = connections(redis)
    one, two = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        channels = [loop.run_until_complete(outer.new_channel()) for loop in (one, two)]
        for loop, channel in zip((one, two), channels, strict=True):
            loop.run_until_complete(outer.group_add(GROUP, channel))
        one.run_until_complete(outer.group_send(GROUP, numbered(1)[0]))
        two.run_until_complete(outer.send(channels[0], numbered(2)[0]))
        async_to_sync(outer.send)(channels[0], numbered(3)[0])
        assert [one.run_until_complete(outer.receive(channels[0])) for _ in range(3)] == numbered(1, 2, 3)
        assert two.run_until_complete(outer.receive(channels[1])) == numbered(1)[0]
        assert len(outer._layers) == 2
    finally:
        one.close()
        two.close()
    assert not outer._layers
    until(lambda: connections(redis) == before, what="the end of all connections")


async def test_the_layer_of_a_loop_is_made_once_and_knows_the_outer_one() -> None:
    assert here() is here()
    assert here().channel_layer is get_channel_layer()
    assert all(inspect.iscoroutinefunction(getattr(get_channel_layer(), name)) for name in ("send", "receive", "group_send", "flush"))
    assert here().extensions == ["groups", "flush"]
