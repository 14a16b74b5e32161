"""The channel layer: channels-redis's pub/sub layer, with messages handed straight to whoever listens.

The stock layer puts each message into a queue per socket, without a bound, for a task to take it out
again. Here a listener is a plain function that is called where the message is read from Redis's
connection. A lost connection is not silent either: `on_return` says when messages may be missing.

It takes the stock layer's configuration (hosts, prefix, serializer, encryption) and has all of its
interface. `capacity` bounds the messages that wait in a channel; what comes above that is dropped,
as the specification of channel layers has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close, decode_hosts

from realtime.shard import Shard

logger = logging.getLogger(__name__)

CAPACITY: Final = 100
"""Messages that wait in one channel, unless configured; the specification's own default."""

Hear = Callable[[dict[str, Any]], None]


def here() -> LoopLayer:
    """The channel layer of the running event loop."""
    layer: Any = get_channel_layer()
    loop_layer: LoopLayer = layer._get_layer()
    return loop_layer


class Layer(RedisPubSubChannelLayer):  # type: ignore[misc]
    """Takes the stock layer's configuration, and has all of its interface."""

    def _get_layer(self) -> LoopLayer:
        loop = asyncio.get_running_loop()
        layer: LoopLayer | None = self._layers.get(loop)
        if layer is None:
            layer = self._layers[loop] = LoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)
        return layer


class LoopLayer(RedisPubSubLoopLayer):  # type: ignore[misc]
    """The layer of one event loop."""

    def __init__(self, hosts: Any = None, *args: Any, capacity: int = CAPACITY, **kwargs: Any) -> None:
        super().__init__(hosts, *args, **kwargs)
        self._capacity = capacity
        self._listeners: dict[bytes, tuple[Hear, ...]] = {}  # made anew for who comes or goes, so that it can be walked through as it is
        self._on_return: set[Callable[[], None]] = set()
        self._shards = [Shard(host, hear=self._deliver, returned=self._returned) for host in decode_hosts(hosts)]

    async def listen(self, group: str, hear: Hear) -> bool:
        """Call `hear` with each message of a group, in this event loop, until `leave`.

        All listeners are given the same message: they must not change it. True: Redis has confirmed
        it. False: Redis is away, and `on_return` will tell when the group is heard.
        """
        name = self._get_group_channel_name(group)
        key = name.encode()
        self._listeners[key] = (*self._listeners.get(key, ()), hear)
        heard: bool = await self._get_shard(name).listen(name)
        return heard

    def leave(self, group: str, hear: Hear) -> None:
        """End a `listen`."""
        name = self._get_group_channel_name(group)
        key = name.encode()
        stay = tuple(each for each in self._listeners.get(key, ()) if each != hear)
        if stay:
            self._listeners[key] = stay
        else:
            self._listeners.pop(key, None)
            if name not in self.groups:
                self._get_shard(name).leave(name)

    def on_return(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever all is heard again after a time in which messages may have been lost."""
        self._on_return.add(tell)

    @property
    def is_well(self) -> bool:
        """Whether no host is known to be away."""
        return all(shard.is_well for shard in self._shards)

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove a channel from a group, if it is there."""
        name = self._get_group_channel_name(group)
        members = self.groups.get(name, set())
        members.discard(channel)
        if not members:
            self.groups.pop(name, None)
            if name.encode() not in self._listeners:
                self._get_shard(name).leave(name)

    async def flush(self) -> None:
        """Make the layer like new."""
        self._listeners.clear()
        await super().flush()

    async def _subscribe_to_channel(self, channel: str) -> None:
        self.channels[channel] = asyncio.Queue(self._capacity)
        await self._get_shard(channel).subscribe(channel)

    def _deliver(self, name: bytes, content: bytes) -> None:
        listeners = self._listeners.get(name)
        if listeners:
            try:
                message = self.channel_layer.deserialize(content)
            except Exception as error:  # each serializer has its own
                logger.warning("A message to %s is not understood: %s", name.decode(), error)
                return
            for hear in listeners:
                try:
                    hear(message)
                except Exception:
                    logger.exception("A message could not be taken")
        if not self.channels:
            return
        text = name.decode()
        for channel in [text] if text in self.channels else self.groups.get(text, ()):
            waiting = self.channels.get(channel)
            if waiting is None:
                continue
            if waiting.full():
                logger.info("A message was dropped: %d wait in a channel already", self._capacity)
            else:
                waiting.put_nowait(content)

    def _returned(self) -> None:
        for tell in [*self._on_return]:
            try:
                tell()
            except Exception:
                logger.exception("Somebody could not be told that Redis has returned")
