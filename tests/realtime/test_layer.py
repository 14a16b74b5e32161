"""The layer hands messages straight to who listens, and says when some may be missing."""

import asyncio

import pytest
import redis as redis_py

from accounts.groups import publish
from tests.realtime.ears import GROUP, PATIENCE, Ear, push, pushed
from tests.servers.redis import PrivateRedis


@pytest.fixture
def redis(alone: PrivateRedis) -> PrivateRedis:
    """What is counted here is ours alone."""
    return alone


async def test_a_message_reaches_every_listener_and_every_channel_of_a_group(layer):
    one, two = Ear(), Ear()
    assert await layer.listen(GROUP, one)
    assert await layer.listen(GROUP, two)
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    push(1)
    await one.until(1)
    await two.until(1)
    assert await layer.receive(channel) == {"type": "push", "seq": 1}


async def test_messages_come_in_the_order_in_which_they_were_said(layer):
    ear = Ear()
    await layer.listen(GROUP, ear)
    publish([(GROUP, {"type": "push", "seq": seq}) for seq in range(3000)])
    await ear.until(2999)
    assert ear.heard == list(range(3000))


async def test_who_has_left_hears_nothing_and_who_stays_does(layer):
    stays, leaves = Ear(), Ear()
    await layer.listen(GROUP, stays)
    await layer.listen(GROUP, leaves)
    layer.leave(GROUP, leaves)
    push(1)
    await stays.until(1)
    assert leaves.heard == []


async def test_the_last_to_leave_leaves_nothing_behind_in_redis_either(layer, redis: PrivateRedis):
    ear = Ear()
    await layer.listen(GROUP, ear)
    layer.leave(GROUP, ear)
    layer.leave(GROUP, ear)
    await layer.listen("user.1", ear)
    with redis_py.Redis.from_url(redis.url) as client:
        assert client.pubsub_channels() == [b"switchboard__group__user.1"]


async def test_a_listener_that_leaves_and_comes_back_at_once_is_heard(layer):
    ear = Ear()
    await layer.listen(GROUP, ear)
    layer.leave(GROUP, ear)
    assert await layer.listen(GROUP, ear)
    push(1)
    await ear.until(1)


async def test_a_listener_that_fails_does_not_keep_the_message_from_others(layer, caplog):
    def broken(message):
        raise ValueError("not today")

    ear = Ear()
    await layer.listen(GROUP, broken)
    await layer.listen(GROUP, ear)
    push(1)
    await ear.until(1)
    assert "A message could not be taken" in caplog.text


async def test_what_is_not_of_the_layers_format_is_logged_and_harms_nobody(layer, redis: PrivateRedis, caplog):
    ear = Ear()
    await layer.listen(GROUP, ear)
    with redis_py.Redis.from_url(redis.url) as client:
        client.publish("switchboard__group__" + GROUP, b"\xc1")
    push(1)
    await ear.until(1)
    assert "not understood" in caplog.text


async def test_a_crowd_that_comes_at_once_is_asked_for_in_few_commands(layer, redis: PrivateRedis):
    await layer.listen(GROUP, Ear())
    with redis_py.Redis.from_url(redis.url) as client:
        client.config_resetstat()
        assert all(await asyncio.gather(*(layer.listen(f"user.{n}", Ear()) for n in range(1, 500))))
        assert client.info("commandstats")["cmdstat_subscribe"]["calls"] == 1


async def test_a_lost_connection_is_made_again_and_everything_asked_for_in_one_round_trip(layer, returned, redis: PrivateRedis):
    ears = [Ear() for _ in range(300)]
    for number, ear in enumerate(ears):
        await layer.listen(f"user.{number}", ear)
    with redis_py.Redis.from_url(redis.url) as client:
        client.config_resetstat()
        client.client_kill_filter(_type="pubsub")
        async with asyncio.timeout(PATIENCE):
            await returned.wait()
        assert client.info("commandstats")["cmdstat_subscribe"]["calls"] == 1
    publish([(f"user.{number}", {"type": "push", "seq": number}) for number in range(300)])
    for number, ear in enumerate(ears):
        await ear.until(number)


async def test_while_redis_is_away_listening_is_no_error_and_is_made_good(layer, returned, redis: PrivateRedis):
    early, late = Ear(), Ear()
    await layer.listen(GROUP, early)
    redis.kill()
    try:
        assert not await layer.listen("user.1", late)
        layer.leave(GROUP, early)
        assert not await layer.listen(GROUP, early)
    finally:
        redis.start()
    async with asyncio.timeout(PATIENCE):
        await returned.wait()
    await pushed(1)
    await pushed(2, "user.1")
    await early.until(1)
    await late.until(2)


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_a_redis_that_has_fallen_silent_is_noticed_by_a_ping_and_heard_again_when_it_wakes(layer, returned, redis: PrivateRedis, caplog):
    ear = Ear()
    await layer.listen(GROUP, ear)
    redis.freeze()
    try:
        async with asyncio.timeout(5 + PATIENCE):
            while "Redis is away" not in caplog.text:  # noqa: ASYNC110 - there is nobody to set an event
                await asyncio.sleep(0.05)
        assert not await layer.listen("user.1", ear)
    finally:
        redis.thaw()
    async with asyncio.timeout(PATIENCE):
        await returned.wait()
    await pushed(1)
    await ear.until(1)


async def test_a_layer_that_was_flushed_can_be_used_again(layer):
    ear = Ear()
    await layer.listen(GROUP, ear)
    await layer.flush()
    assert await layer.listen(GROUP, ear)
    push(1)
    await ear.until(1)
