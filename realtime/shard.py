"""One worker's way to one Redis host of the channel layer: a connection that says, and one that listens.

redis-py opens both (addresses, TLS, passwords, Sentinel). Then the listening one is taken over: its
transport gets a protocol of ours, which reads many messages at a time and hands each on where it is
read. redis-py's own way costs 8 to 10 µs a message, this one 0.6.

A listening connection that is lost is noticed at once, and one that has fallen silent by a ping. It
is opened again, with growing pauses, and everything is asked for again in one round trip.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import hiredis
from channels_redis.utils import create_pool
from django.conf import settings
from redis import RedisError
from redis import asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from accounts.groups import bounded, breaker_of

logger = logging.getLogger(__name__)

LOOK: Final = 1.5
"""Seconds between two looks at a listening connection. Silent at one, it is pinged; still silent two looks later at the most, given up."""
PAUSE: Final = (0.02, 0.5)
"""Seconds before the first and, doubling, before each later try to connect again."""

_INCOMPLETE: Final = object()


class Shard:
    """The channels of one Redis host.

    `hear` is called with the name and the content of each message. `returned` is called when
    everything is listened to again after a time in which messages were lost.
    """

    def __init__(self, host: Mapping[str, Any], *, hear: Callable[[bytes, bytes], None], returned: Callable[[], None]) -> None:
        self._host = bounded(host, Retry(NoBackoff(), 0))
        self._breaker = breaker_of(host)
        self._hear = hear
        self._returned = returned
        self._wanted: set[str] = set()
        self._asked: set[str] = set()  # what this connection has been asked for
        self._changed: set[str] = set()  # what is wanted, or not any more, since it was asked last
        self._unanswered: Counter[str] = Counter()  # how often it was asked, and has not answered, per channel
        self._answers: dict[str, asyncio.Future[None]] = {}
        self._ear: _Ear | None = None
        self._away: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._speaker: aioredis.Redis | None = None
        self._speaking = asyncio.Lock()

    async def publish(self, channel: str, message: bytes) -> None:
        """Say something. Raises RedisAway, within REDIS_TIMEOUT."""
        with self._breaker.guard():
            async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout), self._speaking:
                if self._speaker is None:
                    self._speaker = aioredis.Redis(connection_pool=create_pool(self._host))
                await self._speaker.publish(channel, message)

    async def subscribe(self, channel: str) -> None:
        """Listen to a channel; returns when Redis has confirmed it.

        Raises ConnectionError while Redis is away. The channel is wanted all the same, and listened
        to as soon as Redis has returned.
        """
        self._want(channel)
        if self._away is not None:
            raise ConnectionError(f"not subscribed, Redis is away: {self._away}")
        if self._listens(channel):
            return
        answer = self._answers.get(channel)
        if answer is None:
            answer = self._answers[channel] = asyncio.get_running_loop().create_future()
        await asyncio.shield(answer)

    async def unsubscribe(self, channel: str) -> None:
        """Listen to a channel no more. Redis is told in passing."""
        self.leave(channel)

    def leave(self, channel: str) -> None:
        """The same, for those who cannot wait."""
        if channel in self._wanted:
            self._wanted.discard(channel)
            self._note(channel)

    async def flush(self) -> None:
        """Forget everything, and close both connections. They are opened again when they are needed."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._wanted.clear()
        self._lose(ConnectionError("the channel layer was flushed"))
        self._away = None
        speaker, self._speaker = self._speaker, None
        if speaker is not None:
            await speaker.aclose(close_connection_pool=True)

    # What is wanted

    def _want(self, channel: str) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._keep_listening())
        if channel not in self._wanted:
            self._wanted.add(channel)
            self._note(channel)

    def _note(self, channel: str) -> None:
        # What is said within one turn of the loop is asked at once: handshakes come in crowds.
        if not self._changed and self._ear is not None:
            asyncio.get_running_loop().call_soon(self._ask)
        self._changed.add(channel)

    def _ask(self) -> None:
        """Ask Redis for what is wanted and was not, and the other way round."""
        changed, self._changed = self._changed, set()
        if self._ear is None:
            return
        # Nothing here may look at all that is wanted: thousands are, and this is done for every handshake.
        begun, ended = (changed & self._wanted) - self._asked, (changed & self._asked) - self._wanted
        for command, names in (("SUBSCRIBE", begun), ("UNSUBSCRIBE", ended)):
            if names:
                self._unanswered.update(names)
                self._ear.ask(command, names)
        self._asked |= begun
        self._asked -= ended
        for channel in changed:
            self._settle(channel)  # what was left and wanted again is listened to still

    # What Redis says

    def _take(self, reply: Any) -> None:
        if not isinstance(reply, list) or not reply:
            return  # the answer to a ping
        kind = reply[0]
        if kind == b"message":
            self._hear(reply[1], reply[2])
        elif kind in (b"subscribe", b"unsubscribe") and reply[1] is not None:
            self._confirm(reply[1].decode())

    def _confirm(self, channel: str) -> None:
        self._unanswered[channel] -= 1
        if self._unanswered[channel] <= 0:
            del self._unanswered[channel]
        self._settle(channel)
        if self._away is not None and not self._unanswered:
            self._away = None
            logger.info("Redis has returned, %d channels are listened to", len(self._asked))
            self._returned()

    def _settle(self, channel: str) -> None:
        if self._listens(channel):
            answer = self._answers.pop(channel, None)
            if answer is not None and not answer.done():
                answer.set_result(None)

    def _listens(self, channel: str) -> bool:
        return channel in self._asked and channel not in self._changed and channel not in self._unanswered

    # The listening connection

    async def _keep_listening(self) -> None:
        pause, longest = PAUSE
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                if self._ear is not None or self._away is None:
                    logger.warning("Redis is away, the inbox tells what it cannot: %s", error)
                if self._ear is not None:
                    pause = PAUSE[0]
                self._lose(error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, longest)

    async def _listen(self) -> None:
        """Connect, ask for everything, and hear until the connection is lost, which raises."""
        pool = create_pool(self._host)
        try:
            # A Redis that is frozen accepts connections and says nothing.
            async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout):
                connection = await pool.get_connection()
            ear = self._ear = _Ear(connection, self._take)
            self._changed |= self._wanted
            self._ask()
            if self._away is not None and not self._unanswered:
                self._away = None  # there is nothing to be listened to
            await ear.lost
        finally:
            await pool.disconnect()

    def _lose(self, error: Exception) -> None:
        if self._ear is not None:
            self._ear.hang_up()
            self._ear = None
        self._away = error
        self._asked.clear()
        self._changed.clear()
        self._unanswered.clear()
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError(f"not subscribed, Redis is away: {error}"))
                answer.exception()  # whoever asked may have gone


class _Ear(asyncio.Protocol):
    """The protocol of a connection that redis-py has opened and that only listens from now on."""

    def __init__(self, connection: Any, take: Callable[[Any], None]) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        """Raises when the connection is lost."""
        self._take = take
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._transport: asyncio.Transport = connection._writer.transport
        self._before = self._transport.get_protocol()
        self._transport.set_protocol(self)
        self._heard, self._silent = True, 0
        self._due = loop.time() + LOOK
        self._timer = loop.call_later(LOOK, self._look)

    def ask(self, command: str, names: Iterable[str] = ()) -> None:
        """Send one command."""
        words: Any = (command, *names)
        self._transport.write(hiredis.pack_command(words))

    def hang_up(self) -> None:
        """Close, and say nothing more."""
        self._timer.cancel()
        self._take = lambda reply: None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._heard = True
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _INCOMPLETE:
                self._take(reply)
        except hiredis.ProtocolError as error:
            self._give_up(ConnectionError(f"Redis is not understood: {error}"))

    def eof_received(self) -> None:
        self._give_up(ConnectionError("Redis closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._before.connection_lost(exc)  # redis-py waits for it when it closes
        self._give_up(exc if isinstance(exc, OSError) else ConnectionError("the connection to Redis is lost"))

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        # Where this worker itself stood still, Redis may have spoken and not been read yet.
        if self._heard or loop.time() > self._due + LOOK / 2:
            self._heard, self._silent = False, 0
        else:
            self._silent += 1
        if self._silent == 2:
            self._give_up(ConnectionError("Redis does not answer"))
            return
        if self._silent == 1:
            self.ask("PING")
        self._due = loop.time() + LOOK
        self._timer = loop.call_later(LOOK, self._look)

    def _give_up(self, error: Exception) -> None:
        self._timer.cancel()
        if not self.lost.done():
            self.lost.set_exception(error)
