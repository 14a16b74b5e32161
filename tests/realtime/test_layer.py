"""A channel that is closed leaves nothing behind, whatever Redis does meanwhile."""

import pytest
from channels.layers import get_channel_layer
from redis import RedisError

from accounts.groups import publish
from tests.servers.redis import PrivateRedis

GROUP = "user.0"


@pytest.fixture
def layer(db):
    return get_channel_layer()


def nothing_left(layer):
    return not layer.channels and not layer.groups


async def test_a_message_to_a_group_reaches_every_channel_of_it(layer):
    for name in ("one", "two"):
        await layer.open_channel(name, GROUP)
    await layer.group_send(GROUP, {"type": "push", "seq": 1})
    assert [await layer.receive(name) for name in ("one", "two")] == [{"type": "push", "seq": 1}] * 2
    await layer.close_channel("one", GROUP)
    assert publish([(GROUP, {"type": "push", "seq": 2})]) == 1
    assert await layer.receive("two") == {"type": "push", "seq": 2}
    await layer.close_channel("two", GROUP)
    assert nothing_left(layer)
    await layer.flush()


async def test_a_channel_that_is_closed_with_messages_in_its_queue_is_forgotten(layer):
    await layer.open_channel("full", GROUP)
    await layer.open_channel("witness", GROUP)
    await layer.group_send(GROUP, {"type": "push", "seq": 1})
    await layer.receive("witness")
    await layer.close_channel("full", GROUP)
    await layer.close_channel("witness", GROUP)
    assert nothing_left(layer)
    await layer.flush()


async def test_a_channel_that_could_not_be_opened_is_forgotten_while_redis_is_away(layer, redis: PrivateRedis):
    redis.kill()
    try:
        with pytest.raises(RedisError):
            await layer.open_channel("early", GROUP)
        await layer.close_channel("early", GROUP)
        assert nothing_left(layer)
    finally:
        redis.start()
        await layer.flush()
