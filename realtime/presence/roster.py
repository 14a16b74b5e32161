"""The roster: this worker's connections, as Redis is to know them.

A worker holds one lease, renewed by its tick; its connections count while the lease lives. Whenever it
is not certain what Redis has of it (no answer, a lease that ran out, a lost memory) it begins anew under
a new name and makes all of its connections known again. What stands under the old name is cleared by
somebody's tick, as that of a worker that died.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import uuid
import weakref
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Protocol

from channels.layers import get_channel_layer
from django.conf import settings

from accounts.batches import Batch
from accounts.groups import user_group
from accounts.redis import RedisAway
from realtime import layer
from realtime.presence.board import GROUP, Board, Onlooker
from realtime.presence.services import Seen
from realtime.presence.store import OFFLINE, PAGE, Answer, Line
from realtime.refusals import Refusal

logger = logging.getLogger(__name__)

_SLICE: Final = 100  # connections of one step: a crowd's, each with a few others of its user's, take Redis a few ms
_PAGES: Final = 20  # steps of one tick, when thousands are to be told of


class Seat(Protocol):
    """What the roster needs of a socket."""

    who: str  # as `store.who` has it
    path: str  # the address it is open at, of which a user may have `limit`
    limit: int  # 0: as many as it likes
    yields: bool  # it is refused where there are so many already, instead of taking the place of the oldest
    opened: str | None  # Redis's time, in microseconds; None: not known yet
    shown: bool  # whether its user is told to be online
    chosen: str  # the status that its user has chosen, to be known again to a Redis that has lost its memory; or nothing

    @property
    def connection_id(self) -> str: ...
    @property
    def ending(self) -> bool: ...
    def end(self, refusal: Refusal) -> None: ...
    def probe(self, patience: float) -> None: ...  # end it unless its peer gives a sign of life within so many seconds


class Roster:
    """The connections of one event loop."""

    _of_loop: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Roster]] = weakref.WeakKeyDictionary()

    @classmethod
    def of_this_loop(cls) -> Roster:
        """The roster of the running event loop."""
        loop = asyncio.get_running_loop()
        roster = cls._of_loop.get(loop)
        if roster is None:
            roster = cls._of_loop[loop] = cls()
        return roster

    def __init__(self) -> None:
        self.board = Board()
        self._line = Line()
        self._name = ""
        self._sure = False
        self._seats: dict[str, Seat] = {}
        self._known: set[str] = set()  # the seats that Redis has under our present name
        self._left: list[dict[str, str]] = []
        self._joins = Batch(self._join, limit=_SLICE)
        self._asking: set[str] = set()  # the seats that are being made known for the first time
        self._seen = Seen()
        self._beginning: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    # What a socket asks

    async def join(self, seat: Seat) -> None:
        """Make a socket known, before it is accepted. Raises Refusal: its user has too many, and this one yields.

        While Redis is away it is let in, and made known later.
        """
        if not self._name:
            await self._begin()
        self._seats[seat.connection_id] = seat
        if not self._sure:
            return
        self._asking.add(seat.connection_id)
        try:
            stays = await self._joins.ask(seat.connection_id)
        finally:
            self._asking.discard(seat.connection_id)
        if not stays:
            raise Refusal("CONNECTION_LIMIT")

    def leave(self, seat: Seat) -> None:
        """A socket has gone."""
        self._seats.pop(seat.connection_id, None)
        if seat.connection_id in self._known:
            self._known.discard(seat.connection_id)
            if not self._left:
                self._start(self._say_left())
            self._left.append({"who": seat.who, "id": seat.connection_id})

    async def choose(self, seat: Seat, status: str) -> None:
        """Remember the status that a user has chosen. Raises RedisAway."""
        await self._ask("choose", who=seat.who, status=status)
        await self.say(user_group(int(seat.who[2:])), {"type": "presence.chosen", "status": status})

    async def learn(self, asks: Onlooker, user_ids: Sequence[int], kind: str) -> None:
        """Have the board know how these are whom a socket watches, of kind "p" (members and agents) or "c" (customers). Raises RedisAway."""
        for _ in range(0 if self.board.broadcasts else 3):
            answer = await self._ask("look", kind=kind, users=[str(each) for each in user_ids])
            if answer.version >= self.board.version:  # or what was told meanwhile would be undone
                self.board.learn(asks, kind, {user: told for user, (told, _count) in zip(user_ids, list(answer.said["people"]), strict=True)})
                break
            # Still older: Redis has forgotten, and how they are is told when all is fetched.

    async def say(self, group: str, message: dict[str, Any]) -> None:
        """Say something that may be lost: the newest wins, and what stays is fetched by a tick that misses it."""
        try:
            await get_channel_layer().group_send(group, message)  # type: ignore[union-attr]
        except Exception as error:  # each kind of layer has its own
            logger.info("Not said to %s: %s", group, error)

    # What the keeper asks

    async def tick(self) -> None:
        """Show that this worker lives, do what is due for anybody, and see that nothing was missed."""
        if not self._sure:
            await self._begin()
            return
        try:
            for _ in range(_PAGES):
                answer = await self._ask("tick")
                if not self._sure:
                    return
                if not answer.said.get("more"):
                    break
            while len(self._known) + len(self._asking) < len(self._seats) and await self._join_missing():
                pass
            if self.board.behind(answer):
                await self._restore()
        except RedisAway as error:
            self._lost(error)
        await self._seen.write()

    def redis_returned(self) -> None:
        """Redis may have forgotten everything."""
        self._sure = False
        self._start(self._begin())

    async def _begin(self) -> None:
        """Begin anew, once at a time."""
        if self._beginning is None:
            self._beginning = asyncio.get_running_loop().create_task(self._begin_anew(), context=contextvars.Context())
            self._beginning.add_done_callback(self._begun)
        await asyncio.wait([self._beginning])

    def _begun(self, task: asyncio.Task[None]) -> None:
        self._beginning = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Presence could not begin and tries again", exc_info=error)

    async def _begin_anew(self) -> None:
        before, self._name = self._name, f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._known.clear()
        self._left.clear()
        if not before:
            await layer.here().listen(GROUP, self.board.hear)
        else:
            layer.here().leave(_orders_group(before), self._heed)
            self.board.doubt()
        try:
            await layer.here().listen(_orders_group(self._name), self._heed)
            await self._ask("tick", begin=True)
            self._sure = True
            if before:  # whose place was taken has none any more
                await self._ask("orders", of=before)
            while await self._join_missing():
                pass
            if before:
                await self._line.step("retire", worker=before)
            answer = await self._ask("stand")
            if self.board.behind(answer):
                await self._restore()
        except RedisAway as error:
            self._lost(error)

    async def _join_missing(self) -> bool:
        """Make known those who are not. False: no more are missing, or we have to begin anew."""
        # Twice at once, those of a user with too many would take each other's places until none is left.
        missing = [each for each in self._seats.keys() - self._known - self._asking if not self._seats[each].ending]
        await self._join(missing[:_SLICE], admitted=True)
        return self._sure and len(missing) > _SLICE

    async def _join(self, connection_ids: Sequence[str], *, admitted: bool = False) -> list[bool]:
        """Make sockets known; says of each whether it may stay. Those that are `admitted` yield to nobody but newer ones."""
        seats = [self._seats[each] for each in connection_ids if each in self._seats]
        try:
            answer = await self._ask("join", connections=[_line(each, yields=each.yields and not admitted) for each in seats])
        except RedisAway as error:
            self._lost(error)
            return [True] * len(connection_ids)
        if not self._sure or "results" not in answer.said:
            return [True] * len(connection_ids)
        full = set()
        for seat, (result, opened, told, chosen) in zip(seats, answer.said["results"], strict=True):
            seat.opened, seat.shown, seat.chosen = opened, told != OFFLINE and not admitted, chosen
            if result == "full":
                full.add(seat.connection_id)
            elif result == "out":
                seat.end(Refusal("REPLACED"))
            else:
                self._known.add(seat.connection_id)
                if seat.connection_id not in self._seats:  # it left meanwhile
                    self.leave(seat)
        return [each not in full for each in connection_ids]

    async def _say_left(self) -> None:
        await asyncio.sleep(0)  # whoever leaves in this turn of the loop is said with it
        while self._left and self._sure:
            left, self._left = self._left[:PAGE], self._left[PAGE:]
            try:
                await self._ask("leave", connections=left)
            except RedisAway as error:
                self._lost(error)
        self._left.clear()  # of a name that is not ours any more

    async def _restore(self) -> None:
        asked_at = self.board.version
        answer = await self._line.step("snapshot", users=[str(each) for each in self.board.watched()])
        self.board.restore(answer, asked_at=asked_at)

    async def _ask(self, operation: str, **job: Any) -> Answer:
        """Do one step as this worker, and see to what follows from it. Raises RedisAway."""
        answer = await self._line.step(operation, worker=self._name, era=uuid.uuid4().hex[:12], **job)
        if answer.said.get("again") and self._sure:
            logger.info("Redis has lost what it knew of this worker's connections; they are made known again")
            self.redis_returned()
        if answer.changes:
            self._seen.take(answer.changes)
            self.board.take(answer.era, answer.changes)
            self._start(self.say(GROUP, {"type": "presence.changed", "era": answer.era, "changes": answer.changes}))
        for worker in answer.wake:
            self._start(self.say(_orders_group(worker), {"type": "presence.orders"}))
        for order in answer.said.get("orders", ()):
            self._obey(*order.split(" ", 1))
        return answer

    # What other workers ask

    def _heed(self, _message: dict[str, Any]) -> None:
        self._start(self._fetch_orders())

    async def _fetch_orders(self) -> None:
        try:
            await self._ask("orders")
        except RedisAway as error:
            self._lost(error)

    def _obey(self, what: str, connection_id: str) -> None:
        seat = self._seats.get(connection_id)
        if seat is None or seat.ending:
            return
        if what == "replace":
            self._known.discard(connection_id)  # Redis has forgotten it
            seat.end(Refusal("REPLACED"))
        else:
            seat.probe(settings.SWITCHBOARD.ws_probe_wait)

    # Beside

    def _lost(self, error: Exception) -> None:
        if self._sure:
            logger.warning("Presence cannot ask Redis; it begins anew when Redis answers: %s", error)
        self._sure = False

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())  # which may concern others than who has caused it
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


def _orders_group(worker: str) -> str:
    return f"presence.{worker}"


def _line(seat: Seat, *, yields: bool) -> dict[str, Any]:
    known = {name: value for name, value in (("opened", seat.opened), ("chosen", seat.chosen)) if value}
    return {"who": seat.who, "id": seat.connection_id, "path": seat.path, "limit": seat.limit, "refuse": yields, **known}
