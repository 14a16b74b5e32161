"""One socket's place in its user's group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from accounts.redis import RedisAway, breaker

logger = logging.getLogger(__name__)


class Subscription:
    """Gives `hear` each message of the group. While it does not listen, `begin` is to be tried again.

    What is said meanwhile is not lost: it stands in the inbox.
    """

    def __init__(self, *, group: str, name: str, hear: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._layer: Any = get_channel_layer()
        self._group = group
        self._channel = f"switchboard.specific.{name}"
        self._hear = hear
        self._listening: asyncio.Task[None] | None = None

    @property
    def listens(self) -> bool:
        """Whether messages come."""
        return self._listening is not None

    async def begin(self) -> None:
        """Begin to listen, unless Redis is away."""
        try:
            await self._within_bounds(self._layer.open_channel)
        except RedisAway:
            await self._forget()
        else:
            self._listening = asyncio.create_task(self._listen())

    async def end(self) -> None:
        """Stop, and leave nothing behind."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        await self._forget()

    async def _listen(self) -> None:
        try:
            while True:
                await self._hear(await self._layer.receive(self._channel))
        except OSError:  # the peer is gone
            pass
        except Exception:
            logger.exception("A socket lost its subscription and asks for it again")
            await self._forget()
            self._listening = None

    async def _forget(self) -> None:
        try:
            await self._within_bounds(self._layer.close_channel)
        except RedisAway as error:
            logger.info("A group was left without telling Redis: %s", error)

    async def _within_bounds(self, ask: Callable[[str, str], Awaitable[None]]) -> None:
        # Redis's own errors are no OSErrors, and a frozen Redis gives none at all.
        with breaker.guard():
            async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout):
                await ask(self._channel, self._group)
