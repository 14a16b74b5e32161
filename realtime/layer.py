"""The channel layer: channels-redis's pub/sub layer, with an end for the channels that it opens.

The stock layer forgets a channel only when its `receive` is cancelled while it waits. A socket that
ends at any other moment would leave its queue behind, and its group would go on filling it.
"""

from __future__ import annotations

import asyncio
import logging

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close
from redis import RedisError


def _briefly(record: logging.LogRecord) -> bool:
    """A Redis that is away is one line each second that the stock layer tries again, and no traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, RedisError | OSError):
        record.msg, record.args, record.exc_info = "Not subscribed, Redis is away: %s", (error,), None
    return True


logging.getLogger("channels_redis.pubsub").addFilter(_briefly)


class Layer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """Takes the stock layer's configuration, and has all of its interface."""

    def _get_layer(self) -> LoopLayer:
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        layer: LoopLayer = self._layers[loop]
        return layer


class LoopLayer(RedisPubSubLoopLayer):  # type: ignore[misc]
    """The layer of one event loop."""

    async def open_channel(self, channel: str, group: str) -> None:
        """Begin to listen to a group. May raise what Redis raises; then as ever `close_channel` is due."""
        await self._subscribe_to_channel(channel)
        await self.group_add(group, channel)

    async def close_channel(self, channel: str, group: str) -> None:
        """Forget a channel with its queue, and its place in the group, at once; then tell Redis, which may raise."""
        self.channels.pop(channel, None)
        names = [channel]
        listeners = self._get_group_channel_name(group)
        members = self.groups.get(listeners, set())
        members.discard(channel)
        if listeners in self.groups and not members:
            del self.groups[listeners]
            names.append(listeners)
        for name in names:
            await self._get_shard(name).unsubscribe(name)
