"""One worker's way to one Redis host of the channel layer: a connection that says, and one that listens.

redis-py opens both (addresses, TLS, passwords, Sentinel); the listening one is then taken over.

When it is lost it is opened again, with growing pauses, and everything is asked for again in one
round trip.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from redis import RedisError
from redis import asyncio as aioredis

from accounts.groups import breaker_of
from accounts.redis_hosts import aclient, aclose
from realtime.ear import Ear

logger = logging.getLogger(__name__)

PAUSE: Final = (0.02, 0.5)
"""Seconds before the first and, doubling, before each later try to connect again."""


class Shard:
    """The channels of one Redis host.

    `hear` is called with the name and the content of each message. `returned` is called when
    everything is listened to again after a time in which messages were lost.
    """

    def __init__(self, host: Mapping[str, Any], *, hear: Callable[[bytes, bytes], None], returned: Callable[[], None]) -> None:
        self._host = host
        self._breaker = breaker_of(host)
        self._hear = hear
        self._returned = returned
        self._wanted: set[str] = set()
        self._asked: set[str] = set()  # what this connection has been asked for
        self._changed: set[str] = set()  # what is wanted, or not any more, since it was asked last
        self._unanswered: Counter[str] = Counter()  # how often it was asked, and has not answered, per channel
        self._answers: dict[str, asyncio.Future[bool]] = {}
        self._ear: Ear | None = None
        self._away: Exception | None = None  # why messages may be lost
        self._well = asyncio.Event()  # set when that is over
        self._task: asyncio.Task[None] | None = None
        self._redis: aioredis.Redis | None = None  # has both connections
        self._speaking = asyncio.Lock()

    async def publish(self, channel: str, message: bytes) -> None:
        """Say something. Raises RedisAway, within REDIS_TIMEOUT."""
        with self._breaker.guard():
            async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout), self._speaking:
                await self._client().publish(channel, message)

    async def listen(self, channel: str) -> bool:
        """Listen to a channel, as soon as Redis is there. True: Redis has confirmed it.

        False, within REDIS_TIMEOUT: Redis is away, and `returned` will be called when all is heard.
        """
        self._want(channel)
        if self._away is not None:
            return False
        if self._listens(channel):
            return True
        answer = self._answers.get(channel)
        if answer is None:
            answer = self._answers[channel] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout):
                return await asyncio.shield(answer)
        except TimeoutError as error:
            if answer.done():  # this worker was slow, and Redis was not
                return answer.result()
            self._miss(error)  # should the answer come after all, whoever asked must be told
            return False

    async def subscribe(self, channel: str) -> None:
        """The same for those who can do nothing without: Redis may return meanwhile. Raises ConnectionError, after REDIS_TIMEOUT."""
        try:
            async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout):
                while not await self.listen(channel):
                    await self._well.wait()
        except TimeoutError as error:
            raise ConnectionError(f"{channel} is not listened to, Redis is away: {_reason(self._away or error)}") from error

    async def unsubscribe(self, channel: str) -> None:
        """Listen to a channel no more. Redis is told in passing."""
        self.leave(channel)

    def leave(self, channel: str) -> None:
        """The same, for those who cannot wait."""
        if channel in self._wanted:
            self._wanted.discard(channel)
            self._note(channel)
            self._answer(channel, True)  # there will be nothing to confirm

    @property
    def is_well(self) -> bool:
        """Whether it is not known to be away."""
        return self._away is None

    async def flush(self) -> None:
        """Forget everything, and close both connections. They are opened again when they are needed."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._wanted.clear()
        self._forget()
        self._recover()
        client, self._redis = self._redis, None
        if client is not None:
            await aclose(client)

    def _client(self) -> aioredis.Redis:
        if self._redis is None:
            self._redis = aclient(self._host)
        return self._redis

    # What is wanted

    def _want(self, channel: str) -> None:
        if self._task is None:
            # In nobody's context: it goes on when the first who listens has gone, and its log lines are not theirs.
            self._task = asyncio.get_running_loop().create_task(self._keep_listening(), context=contextvars.Context())
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
        self._tell_when_all_is_heard()

    # What Redis says

    def _take(self, reply: Any) -> None:
        if not isinstance(reply, list) or not reply:  # it may answer a ping, and then nothing has to be done
            if isinstance(reply, Exception) and self._ear is not None:
                self._ear.give_up(ConnectionError(f"Redis refuses: {reply}"))
            return
        kind = reply[0]
        if kind in (b"subscribe", b"unsubscribe") and reply[1] is not None:
            self._confirm(reply[1].decode())

    def _confirm(self, channel: str) -> None:
        self._unanswered[channel] -= 1
        if self._unanswered[channel] <= 0:
            del self._unanswered[channel]
        self._settle(channel)
        self._tell_when_all_is_heard()

    def _settle(self, channel: str) -> None:
        if self._listens(channel):
            self._answer(channel, True)

    def _answer(self, channel: str, heard: bool) -> None:
        answer = self._answers.pop(channel, None)
        if answer is not None and not answer.done():
            answer.set_result(heard)

    def _listens(self, channel: str) -> bool:
        return channel in self._asked and channel not in self._changed and channel not in self._unanswered

    # The listening connection

    async def _keep_listening(self) -> None:
        pause, longest = PAUSE
        while True:
            try:
                await self._listen()
            except Exception as error:
                if self._away is None:
                    pause = PAUSE[0]
                self._miss(error)
                self._forget()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, longest)

    async def _listen(self) -> None:
        """Connect, ask for everything, and hear until the connection is lost, which raises."""
        pool: Any = self._client().connection_pool
        # A Redis that is frozen accepts connections and says nothing.
        async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout):
            connection = await pool.get_connection()
        try:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError  # redis-py may have swallowed it, by the wait_for of Python 3.11
            ear = self._ear = Ear(connection, hear=self._hear, take=self._take)
            self._changed |= self._wanted
            self._ask()
            await ear.lost
        finally:
            if self._ear is not None:
                self._ear.hang_up()  # first: to close in good order takes until a frozen Redis has read what it was told
            try:
                await connection.disconnect()
            finally:
                await pool.release(connection)

    def _miss(self, error: Exception) -> None:
        """From now on messages may be lost."""
        if self._away is None:
            odd = None if isinstance(error, RedisError | OSError) else error  # a mistake in the configuration, say
            logger.warning("Redis is away, the inbox tells what it cannot: %s", _reason(error), exc_info=odd)
            self._away = error
            self._well.clear()

    def _tell_when_all_is_heard(self) -> None:
        if self._away is not None and not self._unanswered and not self._changed:
            self._recover()
            logger.info("Redis has returned, %d channels are listened to", len(self._asked))
            self._returned()

    def _recover(self) -> None:
        self._away = None
        self._well.set()

    def _forget(self) -> None:
        """There is no connection any more, and nobody will be answered over it."""
        if self._ear is not None:
            self._ear.hang_up()
            self._ear = None
        self._asked.clear()
        self._changed.clear()
        self._unanswered.clear()
        for channel in [*self._answers]:
            self._answer(channel, False)


def _reason(error: Exception) -> str:
    return str(error) or "no answer in time"  # a TimeoutError has no text
