"""Where a user listens, and how plain code says something there.

A sender needs a group's name, never a consumer. What is published here is a hint: the truth has been
committed before, so a failure is not an error for anybody, and `publish` never raises.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import redis
from channels.layers import get_channel_layer
from channels_redis.utils import _consistent_hash, decode_hosts
from django.conf import settings
from hiredis import pack_command
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.counting import Counter
from accounts.redis import BOUNDS, Breaker, RedisAway, breaker, turn
from accounts.redis_hosts import client

logger = logging.getLogger(__name__)

Message = Mapping[str, Any]

UNPUBLISHED: Final = Counter("switchboard_unpublished_total", "Messages that could not be handed to Redis. Who they were for is told from the stream.")

SLICE: Final = 500
"""Messages said in one round trip. Single commands, not a script: Redis serves others in between."""


def user_group(user_id: int) -> str:
    """The channel layer's group of all sockets of a user."""
    return f"user.{user_id}"


def publish(messages: Iterable[tuple[str, Message]]) -> int:
    """Say each message to its group: one round trip for SLICE of them. Returns how many were handed to Redis.

    Written in the channel layer's own wire format, because `async_to_sync(layer.group_send)` opens a
    connection per call from a plain thread (1.8 ms; this takes 2 µs a message).
    """
    layer: Any = get_channel_layer()
    prefix = _config().get("prefix", "asgi")
    hosts = _hosts()
    commands: defaultdict[int, list[Any]] = defaultdict(list)
    body, last = b"", None
    for group, message in messages:
        if message is not last:  # one message to many groups is serialized once
            body, last = layer.serialize(message), message
        channel = f"{prefix}__group__{group}"
        commands[_consistent_hash(channel, len(hosts))].append(("PUBLISH", channel, body))
    return sum(_say(hosts[host], said) for host, said in commands.items())


def _say(host: _Host, commands: Sequence[Any]) -> int:
    try:
        with turn(host.breaker), _connection(host.client) as connection:
            for begin in range(0, len(commands), SLICE):
                packed = [pack_command(each) for each in commands[begin : begin + SLICE]]
                connection.send_packed_command([b"".join(packed)])
                for _ in packed:
                    connection.read_response()
    except RedisAway as error:
        logger.info("Not published, the stream will tell: %s", error)
        UNPUBLISHED.add(by=len(commands))
        return 0
    return len(commands)


@contextmanager
def _connection(client: redis.Redis) -> Iterator[Any]:
    """One of the client's connections, for what its own pipeline takes ten times as long for."""
    connection: Any = client.connection_pool.get_connection()
    try:
        yield connection
    except BaseException:
        connection.disconnect()  # or who has it next would take the answers that are still to come for its own
        raise
    finally:
        client.connection_pool.release(connection)


def all_hosts_answer() -> bool:
    """Whether every host of the channel layer does, within REDIS_TIMEOUT each."""
    try:
        for host in _hosts():
            with turn(host.breaker):
                host.client.ping()
    except RedisAway:
        return False
    return True


def _config() -> Any:
    return settings.CHANNEL_LAYERS["default"]["CONFIG"]


class _Host(NamedTuple):
    """One host of the channel layer."""

    client: redis.Redis
    breaker: Breaker


_known: dict[int, list[_Host]] = {}
_breakers: defaultdict[str, Breaker] = defaultdict(Breaker)


def _hosts() -> list[_Host]:
    """The hosts of the channel layer (with new connections after a fork)."""
    pid = os.getpid()
    if pid not in _known:
        never_again = Retry(NoBackoff(), 0)
        _known[pid] = [_Host(client(host, **BOUNDS, retry=never_again), breaker_of(host)) for host in decode_hosts(_config().get("hosts"))]
    return _known[pid]


def breaker_of(host: Mapping[str, Any]) -> Breaker:
    """The breaker of one entry of `hosts`: that of REDIS_URL for the same Redis, and one each for others.

    With one for all, a host that is away would mute those that are well.
    """
    return breaker if host.get("address") == settings.REDIS_URL else _breakers[repr(host)]
