"""What is private in the libraries below the layer, or not promised, and used all the same: an upgrade may take it away.

The layer's other tests would fail then too, but not say why.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from typing import Any

import hiredis
import pytest
from channels_redis import utils
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer

from tests.servers.redis import PrivateRedis

HOSTS = ["redis://localhost"]


def gone(library: str, owner: object, what: str, *names: str, used_in: str) -> Iterator[str]:
    """A complaint for each name that `owner` does not have."""
    for name in names:
        if not hasattr(owner, name):
            yield f"{library} {version(library)}: {what} has no {name} any more, on which {used_in} stands"


def gone_from_channels_redis() -> list[str]:
    outer = RedisPubSubChannelLayer(hosts=HOSTS)
    outer._get_layer = lambda: None  # it would look there for what it does not have
    inner = RedisPubSubLoopLayer(hosts=HOSTS, channel_layer=outer)
    names = "prefix", "channels", "groups", "channel_layer", "_shards", "_get_shard", "_get_group_channel_name", "_subscribe_to_channel"
    return [
        *gone("channels_redis", utils, "its module utils", "create_pool", "decode_hosts", "_consistent_hash", "_wrap_close", used_in="the layer"),
        *gone("channels_redis", outer, "the pub/sub layer", "_args", "_kwargs", "_layers", "serialize", "deserialize", used_in="realtime/layer.py"),
        *gone("channels_redis", RedisPubSubChannelLayer, "the pub/sub layer", "_get_layer", used_in="realtime/layer.py"),
        *gone("channels_redis", inner, "the pub/sub layer of a loop", *names, used_in="realtime/layer.py"),
    ]


def gone_from_redis_py(connection: Any) -> list[str]:
    writer = getattr(connection, "_writer", None)
    transport = getattr(writer, "transport", None)
    return [
        *gone("redis", connection, "an asyncio connection", "_writer", "disconnect", used_in="realtime/ear.py"),
        *gone("redis", writer, "the writer of an asyncio connection", "transport", used_in="realtime/ear.py"),
        *gone("redis", transport, "that writer's transport", "set_protocol", "get_protocol", "is_closing", "abort", used_in="realtime/ear.py"),
    ]


@pytest.fixture
async def connection(redis: PrivateRedis) -> AsyncIterator[Any]:
    pool = utils.create_pool({"address": redis.url})
    connection = await pool.get_connection()
    yield connection
    await connection.disconnect()
    await pool.release(connection)
    await pool.aclose()


def test_channels_redis_has_what_we_extend() -> None:
    assert gone_from_channels_redis() == []


async def test_redis_py_has_the_connection_that_we_take_over(connection: Any) -> None:
    assert gone_from_redis_py(connection) == []
    assert not await connection.can_read(), "it leaves an answer to its own questions for us to read"


def test_hiredis_packs_and_reads_as_we_use_it() -> None:
    nothing = object()
    reader = hiredis.Reader(notEnoughData=nothing)
    reader.feed(b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n-NOPERM no\r\n+PONG\r\n")
    pushed, listed, refused, simple, end = [reader.gets() for _ in range(5)]
    assert isinstance(pushed, list), "what RESP3 pushes is no list any more"
    assert list(pushed) == [b"message", b"a", b"hi"]
    assert listed == [b"pong", b""]
    assert isinstance(refused, Exception)
    assert simple == b"PONG"
    assert end is nothing
    reader.feed(b"nonsense\r\n")
    with pytest.raises(hiredis.ProtocolError):
        reader.gets()
    assert hiredis.pack_command(("SUBSCRIBE", "a")) == b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n"


# Each check can fail


@pytest.mark.parametrize(
    ("owner", "name", "complaint"),
    [
        (utils, "_wrap_close", "its module utils has no _wrap_close any more"),
        (RedisPubSubChannelLayer, "_get_layer", "the pub/sub layer has no _get_layer any more"),
        (RedisPubSubLoopLayer, "_get_shard", "the pub/sub layer of a loop has no _get_shard any more"),
    ],
)
def test_what_channels_redis_takes_away_is_named(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, complaint: str) -> None:
    monkeypatch.delattr(owner, name)
    (found,) = gone_from_channels_redis()
    assert found.startswith(f"channels_redis {version('channels_redis')}: {complaint}")


def test_what_redis_py_takes_away_is_named() -> None:
    assert gone_from_redis_py(object())[0].startswith(f"redis {version('redis')}: an asyncio connection has no _writer any more")
