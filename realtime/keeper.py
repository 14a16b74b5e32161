"""The keeper: one per worker, started with its first socket. What is due by the clock is done here.

Every second it looks for credentials that end, peers that fell silent and revocations; every
WS_HEARTBEAT_INTERVAL it sends the heartbeats, with one query for all heads. Timers per socket would
cost more than all of it. Its clock never waits for the database or Redis: what has to ask them runs
beside it, each kind once at a time.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from django import db
from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from accounts import standing
from accounts.executor import in_thread
from accounts.models import Revocation, User
from accounts.tokens import Claims
from notifications import backlog
from realtime import layer
from realtime.chat import routing
from realtime.desk import mail
from realtime.presence.roster import Roster
from realtime.refusals import Refusal
from realtime.tasks import watch
from realtime.worker import at_start

logger = logging.getLogger(__name__)

_SLICE: Final = 100  # sockets served before others get a turn: 5,000 sends at once stall a worker 40 ms
_PAGE: Final = 5_000  # users asked for in one query
_OVERLAP: Final = timedelta(seconds=10)  # a line may be committed this long after it took its time,
_LONG_OVERLAP: Final = timedelta(minutes=10)  # and seldom, in somebody's long transaction, this long:
_LONG_LOOK: Final = 60.0  # seconds between two looks that reach back so far
_MARGIN: Final = 0.2  # seconds in which a publish that was begun is committed and done


class Socket(Protocol):
    """What the keeper needs of a socket."""

    claims: Claims
    connection_id: str
    stream: int  # the user whose stream it is sent, who may be another than its own
    warned: bool  # that its credential ends

    @property
    def heard_at(self) -> float: ...  # event loop time at which the peer last sent anything
    def beat(self, head: int) -> None: ...
    def notice(self, head: int) -> None: ...  # the inbox reaches up to there
    def warn(self) -> None: ...
    def end(self, refusal: Refusal) -> None: ...
    def revoked(self, version: int, at: float) -> None: ...
    def catch_up(self) -> Coroutine[Any, Any, None] | None: ...  # what it could not do before and should try again


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
        self._sockets: dict[int, set[Socket]] = defaultdict(set)  # by stream
        self._abroad: set[Socket] = set()  # those of them whose stream is another user's
        self._clock: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[None]] = set()
        self._under_way: dict[object, asyncio.Task[None]] = {}
        # A copy in Redis can be no older than its life, so neither can a revocation that it missed.
        self._looked_at = timezone.now() - timedelta(seconds=standing.COPY_LIFE)
        self._looked_far_at = time.monotonic()
        self._heads: dict[int, int] = {}
        self._compared = True
        self._roster = Roster.of_this_loop()
        layer.here().on_return(self._redis_returned)

    def add(self, socket: Socket) -> None:
        """Begin to keep a socket."""
        self._sockets[socket.stream].add(socket)
        if socket.stream != socket.claims.user_id:
            self._abroad.add(socket)
        self.start()

    def start(self) -> None:
        """Begin to keep, if that has not begun. A worker without sockets still clears up after another that died."""
        if self._clock is None:
            # In nobody's context: under Daphne the first socket starts it.
            self._clock = asyncio.get_running_loop().create_task(self._run(), context=contextvars.Context())

    def remove(self, socket: Socket) -> None:
        """Forget a socket."""
        self._abroad.discard(socket)
        mine = self._sockets.get(socket.stream)
        if mine is not None:
            mine.discard(socket)
            if not mine:
                del self._sockets[socket.stream]

    async def _run(self) -> None:
        options = settings.SWITCHBOARD
        next_beat = time.monotonic() + options.ws_heartbeat_interval
        while True:
            await asyncio.sleep(options.keeper_interval)
            try:
                self._once("presence", self._roster.tick)
                self._once("routing", routing.tick)
                self._once("mail", mail.tick)
                self._once("tasks", watch.tick)
                self._once("revocations", self._look_for_revocations)
                await self._look_at_sockets()
                if not self._compared:
                    self._once("comparison", self._compare)
                if time.monotonic() >= next_beat:
                    next_beat = max(next_beat + options.ws_heartbeat_interval, time.monotonic())
                    self._once("beat", self._beat)
            except Exception:  # whatever it was, the sockets must be kept
                logger.exception("The keeper failed and goes on")

    # Due at once: nothing here waits

    async def _look_at_sockets(self) -> None:
        now, wall, options = asyncio.get_running_loop().time(), time.time(), settings.SWITCHBOARD
        silent_since = now - 2 * options.ws_heartbeat_interval - options.keeper_interval

        def look(socket: Socket) -> None:
            if socket.claims.expires_at <= wall:
                socket.end(Refusal("TOKEN_EXPIRED"))
            elif not socket.warned and socket.claims.expires_at - options.token_warning <= wall:
                socket.warned = True
                socket.warn()
            if socket.heard_at < silent_since:
                socket.end(Refusal("PING_TIMEOUT"))
            elif socket not in self._under_way and (work := socket.catch_up()) is not None:
                self._begin(socket, work)

        await self._each(look)

    async def _each(self, look: Callable[[Socket], None]) -> None:
        """Look after every socket. One that fails keeps no other from it."""
        for number, socket in enumerate(self._all(), start=1):
            try:
                look(socket)
            except Exception:
                with bound_contextvars(connection_id=socket.connection_id, user_id=socket.claims.user_id):
                    logger.exception("A socket could not be looked after")
            if number % _SLICE == 0:
                await asyncio.sleep(0)

    # What asks the database

    async def _beat(self) -> None:
        """Heartbeats to all. They are still true without a look at the inbox: they say what was sent."""
        self._heads = {}
        looking = self._once("heads", self._look_at_heads)
        await asyncio.wait([looking], timeout=settings.SWITCHBOARD.ws_heartbeat_interval / 4)
        await self._each(lambda socket: socket.beat(self._heads.get(socket.stream, 0)))

    async def _look_at_heads(self) -> None:
        user_ids = list(self._sockets)
        for begin in range(0, len(user_ids), _PAGE):
            self._heads |= await in_thread(backlog.heads, user_ids[begin : begin + _PAGE])

    def _redis_returned(self) -> None:
        self._roster.redis_returned()
        self._compare_now()
        # A process that could not publish leaves Redis alone for REDIS_TIMEOUT, so some pushes are lost after its return.
        asyncio.get_running_loop().call_later(settings.SWITCHBOARD.redis_timeout + _MARGIN, self._compare_now)

    def _compare_now(self) -> None:
        self._compared = False
        self._once("comparison", self._compare)

    async def _compare(self) -> None:
        """Pushes were lost: tell each socket how far the inbox is."""
        self._compared = True
        try:
            user_ids = list(self._sockets)
            for begin in range(0, len(user_ids), _PAGE):
                for user_id, head in (await in_thread(backlog.heads, user_ids[begin : begin + _PAGE])).items():
                    for socket in list(self._sockets.get(user_id, ())):
                        socket.notice(head)
        except BaseException:
            self._compared = False
            raise

    async def _look_for_revocations(self) -> None:
        """Redis may lose the message of a revocation; the table does not."""
        began, since = timezone.now(), self._looked_at - _OVERLAP
        if time.monotonic() - self._looked_far_at >= _LONG_LOOK:
            self._looked_far_at = time.monotonic()
            since = min(since, began - _LONG_OVERLAP)
        revocations = await in_thread(_revocations_since, since)
        for user_id, version, at in revocations:
            for socket in [*self._sockets.get(user_id, ()), *self._abroad]:
                if socket.claims.user_id == user_id:
                    socket.revoked(version, at)
        if await in_thread(_repair_copies, [user_id for user_id, _version, _at in revocations]):
            self._looked_at = began

    # Work beside the clock

    def _all(self) -> Iterable[Socket]:
        return [socket for mine in self._sockets.values() for socket in mine]

    def _once(self, kind: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Start a kind of work unless it is still under way."""
        task = self._under_way.get(kind)
        return self._begin(kind, work()) if task is None else task

    def _begin(self, kind: object, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._under_way[kind] = self._start(work)
        task.add_done_callback(lambda _done: self._under_way.pop(kind, None))
        return task

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, db.Error):
            logger.warning("The database does not answer, the keeper tries again: %s", error)
        elif error is not None and not isinstance(error, OSError):  # which says that a peer is gone
            logger.error("The keeper could not do something", exc_info=error)


at_start.append(lambda: Keeper.of_this_loop().start())


def _revocations_since(moment: datetime) -> list[tuple[int, int, float]]:
    """Each user's newest revocation since then: its number, the lowest version that opens, and when."""
    newest = Revocation.objects.filter(created_at__gte=moment).values_list("user_id").annotate(version=Max("version"), at=Max("created_at"))
    return [(user_id, version, at.timestamp()) for user_id, version, at in newest]


def _repair_copies(user_ids: list[int]) -> bool:
    """Give Redis the standing of these users as the database has it. Returns False while Redis is away."""
    for begin in range(0, len(user_ids), _PAGE):
        page = user_ids[begin : begin + _PAGE]
        standings = dict.fromkeys(page, standing.GONE)
        standings |= {user.pk: user.standing for user in User.objects.filter(pk__in=page)}
        if not standing.put(standings):
            return False
    return True
