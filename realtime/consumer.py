"""One socket: credential → accept → subscribe → backlog → live. All sockets are this, with another filter."""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from channels.consumer import AsyncConsumer
from django import db
from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from structlog.contextvars import bind_contextvars, bound_contextvars

from accounts import languages, revocation, standing
from accounts.groups import user_group
from accounts.standing import GONE
from notifications import backlog
from notifications.wire import Command, Event, encode
from realtime import commands, events, inlet, traffic
from realtime.basics import Basics
from realtime.events import ConnectedData, Heartbeat, HeartbeatData
from realtime.handshake import Admission, Cursor, admit, counted, language
from realtime.inlet import Receive
from realtime.keeper import Keeper
from realtime.layer import here
from realtime.outlet import Outlet
from realtime.presence.seat import Seat
from realtime.refusals import PROTOCOL, OldClients, Refusal, error_frame, refuse, restart_frame
from realtime.traffic import pushes
from realtime.writer import Writer

logger = logging.getLogger(__name__)

Send = Callable[[Any], Awaitable[None]]

_MOST_EARLY = 16  # frames without a number that a socket is told before it has begun; of such the newest matter


class SocketConsumer(Basics, AsyncConsumer):
    """What all sockets share. A subclass says what it carries, and how it refuses old clients.

    A command of type `x` is done by the method `do_x`.
    """

    topics: ClassVar[tuple[str, ...]]
    own_topics: ClassVar[tuple[str, ...]] = ()  # what the user itself has said, for new clients only
    accepts: ClassVar[Mapping[str, type[Command]]] = commands.EVERYWHERE
    tells: ClassVar[tuple[type[Event], ...]] = events.EVERYWHERE  # besides what it carries by topic; each class that it is made of adds its own
    old_clients: ClassVar[OldClients]
    looks: ClassVar[bool] = False  # whether it is told of other people
    counts: ClassVar[bool] = False  # and by `user_status`, too
    tells_errors = True  # whether its client knows what an `error` of ours means

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        self.protocol = scope.get("extensions", {}).get("switchboard")
        self.connection_id = f"{os.getpid()}-{uuid.uuid4().hex[:16]}"  # names its worker
        bind_contextvars(connection_id=self.connection_id)  # for every log line of this connection's task
        self.ending = False
        try:
            admission = await admit(scope)
            self.claims, self.new_client, self.stream = admission.claims, admission.new_client, admission.claims.user_id
            bind_contextvars(user_id=self.stream)
            async with counted(scope):
                await self.check(scope.get("url_route", {}).get("kwargs", {}))
            few = self.old_clients is OldClients.BY_HTTP
            self.seat = Seat(self, path=scope["path"].strip("/"), few=few, new_client=self.new_client, looks=self.looks, counts=self.counts)
            await self.seat.take()
        except Refusal as refusal:
            with translation.override(language(scope) or settings.LANGUAGE_CODE):
                await refuse(scope, send, refusal, self.old_clients)
            return
        open_here = (scope.get("address", ""), self.claims.role)
        traffic.HANDSHAKES.add("accepted")
        traffic.SOCKETS.add(*open_here)
        try:
            await self._accept(scope, receive, send, admission)
        finally:
            traffic.SOCKETS.add(*open_here, by=-1)
            self.seat.leave()

    async def check(self, parameters: Mapping[str, str]) -> None:
        """Whether somebody with these claims may open this socket. `parameters` are the address's. Raises Refusal, and what the database raises."""

    async def _accept(self, scope: Any, receive: Receive, send: Send, admission: Admission) -> None:
        self.language = admission.language or settings.LANGUAGE_CODE
        self.carried = self.topics + (self.own_topics if self.new_client else ())
        self.warned = True  # for nothing may precede `connected`
        self._early: deque[str] | None = deque(maxlen=_MOST_EARLY)  # what must not precede it either, and follows then
        self._late: Admission | None = None  # while the database has yet to say where it begins
        options = settings.SWITCHBOARD
        self.writer = Writer(
            send,
            at_once=getattr(self.protocol, "send_text", None),  # Daphne has none
            frames=options.ws_backlog_frames,
            size=options.ws_backlog_bytes,
            full=self._overflowed,
        )
        self.outlet = Outlet(
            user_id=self.stream, topics=self.carried, write=self.sending(), drained=self.writer.drained, heartbeat=self._heartbeat, lost=self._lost
        )
        if self.protocol is not None:
            self.protocol.farewell = self._farewell
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL if admission.new_client else None})
        # They hold a token, and are several KiB that an idle socket has no use for.
        scope.update(headers=[], query_string=b"", subprotocols=[])
        self.seat.sit()
        await self._live(receive, admission)

    # What the channel layer says

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take a message of this user's group, where it is read from Redis: no queue, task or thread lies between.

        Channels' own dispatch goes through the one thread-sensitive thread first, to clean up
        database connections: nearly half of a push's cost, and one slow query there stalls every socket.
        """
        try:
            if message["type"] == "push":
                if self.outlet.push(message["seq"], message["topic"], message["frame"]):
                    pushes.left -= 1
                    if not pushes.left:
                        pushes.take(message)
            elif message["type"] == "standing.changed":
                self.revoked(message["version"], message["at"])
            elif (message["type"] == "typing" and self.seat.looks and self.seat.sees_all) or (message["type"] == "aside" and message["topic"] in self.carried):
                (self.tell if self._early is None else self._early.append)(message["frame"])
            elif message["type"] == "step":
                self.step(message)
            elif message["type"] == "presence.chosen":
                self.seat.chosen = message["status"]
        except Exception:
            with self.named():
                logger.exception("A message could not be taken")

    def step(self, message: Mapping[str, Any]) -> None:
        """A task of this user has come further."""

    def sending(self) -> Callable[[str], None]:
        """What writes heartbeats and the frames that have a number, which the outlet counts."""
        return self.writer.put

    # What the keeper and the seat ask

    @property
    def cursor(self) -> int:
        """Up to which number this socket has been sent all that it carries."""
        return self.outlet.cursor

    def tell(self, frame: str) -> None:
        """Send a frame that is not numbered."""
        self.writer.write(frame)

    @property
    def heard_at(self) -> float:
        """When the peer was last heard of; now, where the server does not let us see it (Daphne looks itself)."""
        return self.protocol.heard_at if self.protocol is not None else asyncio.get_running_loop().time()

    def beat(self, head: int) -> None:
        """Send a heartbeat, after what the inbox has and this socket missed."""
        self.outlet.beat(head)

    def notice(self, head: int) -> None:
        """The inbox has entries up to this number; what of them was not sent is."""
        self.outlet.notice(head)

    def catch_up(self) -> Coroutine[Any, Any, None] | None:
        """What the database did not let this socket do before, to be tried again."""
        return None if self._late is None else self._open(self._late)

    def end(self, refusal: Refusal) -> None:
        """Say why, and close."""
        if self.ending:
            return
        self.ending = True
        traffic.ENDED.add(refusal.code)
        with self.named():
            logger.info("A socket is ended: %s", refusal.code)
        code = refusal.close_code(new_client=self.new_client)
        with translation.override(self.language):
            frame = error_frame(refusal, close_code=code) if self.tells_errors else None
        if self.protocol is not None:
            self.writer.stop()
            self.protocol.leave(code, frame)
        else:
            if frame is not None:
                self.writer.write(frame)
            self.writer.close(code)

    def named(self) -> AbstractContextManager[None]:  # whoever calls, log lines in here are this socket's
        return bound_contextvars(connection_id=self.connection_id, user_id=self.claims.user_id)

    def _overflowed(self) -> None:
        self.end(Refusal("SLOW_CONSUMER"))

    # The life of a socket

    async def _live(self, receive: Receive, admission: Admission) -> None:
        layer = here()
        keeper = Keeper.of_this_loop()
        group = user_group(self.stream)
        try:
            # First listen, then look: what is told in between comes twice rather than never. While Redis is away
            # the inbox tells, and when it has returned the keeper compares.
            await layer.listen(group, self.hear)
            keeper.add(self)
            await self._open(admission)
            await inlet.read(self, receive)
        finally:
            layer.leave(group, self.hear)
            keeper.remove(self)
            await self.outlet.close()
            self.writer.stop()
            if self.protocol is not None:
                self.protocol.farewell = restart_frame

    async def _open(self, admission: Admission) -> None:
        """Begin, for the first time."""
        wished = admission.language
        self._late = None
        try:
            opening = await self._begin(admission.cursor, wished)
            if opening is not None and wished and wished != opening.language:
                languages.remember_soon(user_id=self.claims.user_id, language=wished)
        except db.Error as error:
            with self.named():
                logger.warning("A socket cannot be opened: %s", error)
            # To the bell's old client an open socket is a success, and a close a reason to come back in
            # a second, for ever. It waits, and the keeper tries again.
            if admission.new_client or self.old_clients is not OldClients.BY_HTTP:
                self.end(Refusal("DEPENDENCY_DOWN"))
            else:
                self._late = admission

    async def _begin(self, cursor: Cursor | None, wished: str | None = None) -> backlog.Opening | None:
        """Say where this socket begins, and go on from there. Raises what the database raises.

        `wished` is given with the first time: the language that the client asked for, or an empty text.
        """
        limit = settings.SWITCHBOARD.ws_replay_limit
        await self.outlet.hold()
        opening = await backlog.aopening(self.claims.user_id, self.carried, since=cursor.since if cursor else None, limit=limit, stream=self.stream)
        if opening is None or not revocation.stands(self.claims, opening.standing):
            # Redis has let it in, so what Redis has is old: a snapshot, or a replica that lagged behind.
            self.end(Refusal("SESSION_REVOKED"))
            await standing.aput({self.claims.user_id: GONE if opening is None else opening.standing})
            return None
        if wished is not None:
            self.warned = False
            self.language = wished or opening.language or self.language
        outcome = "fresh" if cursor is None else opening.outcome(cursor.since, cursor.epoch, limit)
        traffic.RESUMES.add(outcome)
        resumed = outcome == "resumed"
        start = cursor.since if cursor is not None and resumed else opening.head
        with translation.override(self.language):
            greeting = _("Welcome, %(name)s!") % {"name": opening.shown_name}
        data = ConnectedData(
            message=greeting,
            user_id=self.claims.user_id,
            seq=start,
            epoch=opening.epoch,
            resumed=resumed,
            heartbeat_interval=settings.SWITCHBOARD.ws_heartbeat_interval,
            connection_id=self.connection_id,
        )
        self.writer.write(self.seat.greeted(data))
        early, self._early = self._early, None
        for frame in early or ():
            self.writer.write(frame)
        if wished is not None or cursor is None:
            await self.recall(opening.head, start=start, resumes=cursor is not None)
        self.outlet.begin(cursor=start, head=opening.head)
        return opening

    async def recall(self, head: int, *, start: int, resumes: bool) -> None:
        """Before it goes on after `start`, in a stream that ends at `head`: what this socket has to be sent besides. Raises as `_begin` does."""

    async def _lost(self) -> None:
        """The stream was pruned beyond what this socket had been sent: the client must reload. Raises as `_begin` does."""
        await self._begin(None)

    # What else is said

    def _farewell(self, retry_after_ms: int) -> str | None:
        with translation.override(self.language):
            return restart_frame(retry_after_ms) if self.tells_errors else None

    def _heartbeat(self, seq: int) -> str:
        return encode(Heartbeat(data=HeartbeatData(seq=seq, online_count=self.seat.online_count()), timestamp=timezone.now()))
