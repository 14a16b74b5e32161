"""Who listens to the channel layer in a test, and what is said to them."""

from __future__ import annotations

import asyncio
from typing import Any

import redis as redis_py

from accounts.groups import publish
from tests.servers.redis import PrivateRedis

GROUP = "user.0"
PATIENCE = 20.0


class Ear:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self._news = asyncio.Event()

    def __call__(self, message: dict[str, Any]) -> None:
        self.heard.append(message["seq"])
        self._news.set()

    async def until(self, seq: int) -> None:
        """Return when that was heard."""
        async with asyncio.timeout(PATIENCE):
            while seq not in self.heard:
                self._news.clear()
                await self._news.wait()


def push(seq: int, group: str = GROUP) -> int:
    """Say it as plain code does; 0 if Redis is away."""
    return publish([(group, {"type": "push", "seq": seq})])


async def pushed(seq: int, group: str = GROUP) -> None:
    """Say it again until Redis takes it: a process that failed leaves Redis alone for a while."""
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(push, seq, group):  # noqa: ASYNC110 - there is nobody to set an event
            await asyncio.sleep(0.05)


def listened_to(redis: PrivateRedis) -> list[str]:
    """The layer's channels that anybody listens to."""
    with redis_py.Redis.from_url(redis.url, decode_responses=True) as client:
        return [channel for channel in client.pubsub_channels() if channel.startswith("switchboard")]


def connections(redis: PrivateRedis) -> int:
    """How many others have a connection to this Redis."""
    with redis_py.Redis.from_url(redis.url) as client:
        return len(client.client_list()) - 1
