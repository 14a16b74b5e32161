"""The keeper: one per worker, started with its first socket. What is due by the clock is done here.

Every second it looks for credentials that end, peers that fell silent and revocations; every
WS_HEARTBEAT_INTERVAL it sends the heartbeats, with one query for all heads. Timers per socket would
cost more than all of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from django import db
from django.conf import settings
from django.utils import timezone

from accounts import standing
from accounts.executor import in_thread
from accounts.models import Revocation, User
from accounts.tokens import Claims
from notifications import backlog
from realtime.refusals import Refusal

logger = logging.getLogger(__name__)

_SLICE: Final = 100  # sockets served before others get a turn: 5,000 sends at once stall a worker 40 ms
_HEADS: Final = 5_000  # users asked for in one query
_OVERLAP: Final = timedelta(seconds=10)  # a line may be committed this long after it took its time


class Socket(Protocol):
    """What the keeper needs of a socket."""

    claims: Claims
    warned: bool  # that its credential ends
    deaf: bool  # without a subscription, because Redis was away

    @property
    def heard_at(self) -> float: ...  # event loop time at which the peer last sent anything
    async def beat(self, head: int) -> None: ...
    async def warn(self) -> None: ...
    async def end(self, refusal: Refusal) -> None: ...
    async def revoked(self, version: int, at: float) -> None: ...
    async def subscribe(self) -> None: ...


class Keeper:
    """Keeps the sockets of one event loop."""

    _of_loop: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Keeper]] = weakref.WeakKeyDictionary()

    @classmethod
    def of_this_loop(cls) -> Keeper:
        """The keeper of the running event loop."""
        loop = asyncio.get_running_loop()
        keeper = cls._of_loop.get(loop)
        if keeper is None:
            keeper = cls._of_loop[loop] = cls()
        return keeper

    def __init__(self) -> None:
        self._sockets: dict[int, set[Socket]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        # A copy in Redis can be no older than its life, so neither can a revocation that it missed.
        self._looked_at = timezone.now() - timedelta(seconds=standing.COPY_LIFE)
        self._busy: set[asyncio.Task[None]] = set()

    def add(self, socket: Socket) -> None:
        """Begin to keep a socket."""
        self._sockets[socket.claims.user_id].add(socket)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def remove(self, socket: Socket) -> None:
        """Forget a socket."""
        mine = self._sockets.get(socket.claims.user_id)
        if mine is not None:
            mine.discard(socket)
            if not mine:
                del self._sockets[socket.claims.user_id]

    async def _run(self) -> None:
        options = settings.SWITCHBOARD
        next_beat = time.monotonic() + options.ws_heartbeat_interval
        while True:
            await asyncio.sleep(options.keeper_interval)
            try:
                await self._look_for_revocations()
                await self._look_at_sockets()
                if time.monotonic() >= next_beat:
                    next_beat = max(next_beat + options.ws_heartbeat_interval, time.monotonic())
                    await self._beat()
            except Exception:  # whatever it was, the sockets must be kept
                logger.exception("The keeper failed and goes on")

    async def _beat(self) -> None:
        heads = await self._heads(list(self._sockets))
        for number, socket in enumerate(self._all(), start=1):
            self._start(socket.beat(heads.get(socket.claims.user_id, 0)))
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    async def _heads(self, user_ids: list[int]) -> dict[int, int]:
        heads: dict[int, int] = {}
        try:
            for begin in range(0, len(user_ids), _HEADS):
                heads |= await in_thread(backlog.heads, user_ids[begin : begin + _HEADS])
        except db.Error as error:
            # Still true without it: a heartbeat says what was sent, not what there is.
            logger.warning("Heartbeats without a look at the inbox: %s", error)
        return heads

    async def _look_at_sockets(self) -> None:
        now, wall, options = asyncio.get_running_loop().time(), time.time(), settings.SWITCHBOARD
        silent_since = now - 2 * options.ws_heartbeat_interval - options.keeper_interval
        for number, socket in enumerate(self._all(), start=1):
            if socket.claims.expires_at <= wall:
                self._start(socket.end(Refusal("TOKEN_EXPIRED")))
            elif not socket.warned and socket.claims.expires_at - options.token_warning <= wall:
                socket.warned = True
                self._start(socket.warn())
            if socket.heard_at < silent_since:
                self._start(socket.end(Refusal("PING_TIMEOUT")))
            elif socket.deaf:
                await socket.subscribe()
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    async def _look_for_revocations(self) -> None:
        """Redis may lose the message of a revocation; the table does not."""
        began = timezone.now()
        try:
            revocations = await in_thread(_revocations_since, self._looked_at - _OVERLAP)
            repaired = await in_thread(_repair_copies, {user_id for user_id, _, _ in revocations})
        except db.Error as error:
            logger.warning("Revocations are looked for again in a moment: %s", error)
            return
        if repaired:
            self._looked_at = began
        for user_id, version, at in revocations:
            for socket in list(self._sockets.get(user_id, ())):
                self._start(socket.revoked(version, at))

    def _all(self) -> Iterable[Socket]:
        return [socket for mine in self._sockets.values() for socket in mine]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let one socket take its time without the others."""
        task = asyncio.create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, OSError):
            logger.error("A socket could not be kept", exc_info=error)


def _revocations_since(moment: datetime) -> list[tuple[int, int, float]]:
    lines = Revocation.objects.filter(created_at__gte=moment).values_list("user_id", "version", "created_at")
    return [(user_id, version, created_at.timestamp()) for user_id, version, created_at in lines]


def _repair_copies(user_ids: set[int]) -> bool:
    """Give Redis the standing of these users as the database has it. Returns False while Redis is away."""
    standings = dict.fromkeys(user_ids, standing.GONE)
    standings |= {user.pk: user.standing for user in User.objects.filter(pk__in=user_ids)}
    return standing.put(standings)
