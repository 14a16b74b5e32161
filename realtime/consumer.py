"""One socket: credential → accept → subscribe → backlog → live. All sockets are this, with another filter."""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from channels.consumer import AsyncConsumer, get_handler_name
from channels.layers import get_channel_layer
from django import db
from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from msgspec import UNSET, UnsetType

from accounts import languages
from accounts.executor import in_thread
from accounts.groups import user_group
from accounts.redis import RedisAway, breaker
from accounts.standing import GONE
from notifications import backlog, wire
from notifications.wire import Command, encode
from realtime import commands
from realtime.events import Connected, ConnectedData, Error, Heartbeat, HeartbeatData, Pong, TokenExpiring, TokenExpiringData
from realtime.handshake import Admission, Cursor, admit, language, parse_cursor, verify
from realtime.keeper import Keeper
from realtime.outlet import Outlet
from realtime.refusals import PROTOCOL, OldClients, Refusal, error_frame, refuse
from realtime.server import restart_frame

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class SocketConsumer(AsyncConsumer):
    """What all sockets share. A subclass says what it carries, and how it refuses old clients.

    A command of type `x` is done by the method `do_x`.
    """

    topics: ClassVar[tuple[str, ...]]
    accepts: ClassVar[Mapping[str, type[Command]]] = commands.EVERYWHERE
    old_clients: ClassVar[OldClients]
    base_send: Send
    channel_layer: Any

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            admission = await admit(scope)
        except Refusal as refusal:
            with translation.override(language(scope) or settings.LANGUAGE_CODE):
                await refuse(scope, send, refusal, self.old_clients)
            return
        self.claims = admission.claims
        self.language = admission.language or settings.LANGUAGE_CODE
        self.base_send = send
        self.protocol = scope.get("extensions", {}).get("switchboard")
        self.connection_id = f"{os.getpid()}-{uuid.uuid4().hex[:16]}"  # names its worker
        self.closed = self.ending = self.warned = False
        self.deaf = True
        self._writing = asyncio.Lock()
        self._listening: asyncio.Task[None] | None = None
        self.outlet = Outlet(user_id=self.claims.user_id, topics=self.topics, write=self.write, heartbeat=self._heartbeat, lost=self._lost)
        if self.protocol is not None:
            self.protocol.farewell = self._farewell
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL if admission.new_client else None})
        await self._live(receive, admission)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Do what a message of the channel layer says.

        Channels' own version goes through the one thread-sensitive thread first, to clean up
        database connections: nearly half of a push's cost, and one slow query there stalls every socket.
        """
        await getattr(self, get_handler_name(message))(message)

    # What the channel layer says

    async def push(self, message: Mapping[str, Any]) -> None:
        """Somebody told this user something."""
        await self.outlet.push(message["seq"], message["topic"], message["frame"])

    async def standing_changed(self, message: Mapping[str, Any]) -> None:
        """Tokens of this user became worthless."""
        await self.revoked(message["version"], message["at"])

    # What the keeper asks

    @property
    def heard_at(self) -> float:
        """When the peer was last heard of; now, where the server does not let us see it (Daphne looks itself)."""
        return self.protocol.heard_at if self.protocol is not None else asyncio.get_running_loop().time()

    async def beat(self, head: int) -> None:
        """Send a heartbeat, after what the inbox has and this socket missed."""
        await self.outlet.beat(head)

    async def warn(self) -> None:
        """Say that the credential ends soon."""
        await self.write(encode(TokenExpiring(data=TokenExpiringData(expires_at=datetime.fromtimestamp(self.claims.expires_at, UTC)))))

    async def revoked(self, version: int, at: float) -> None:
        """Tokens below `version` (the host's: issued up to `at`) are worthless; end if ours is one."""
        ours = self.claims.version
        if version >= GONE.version or (self.claims.issued_at <= at if ours is None else ours < version):
            await self.end(Refusal("SESSION_REVOKED"))

    async def subscribe(self) -> None:
        """Begin to listen to the user's group. While Redis is away the keeper tries again."""
        try:
            with breaker.guard():
                async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout):
                    layer: Any = get_channel_layer()
                    channel = await layer.new_channel()
                    await layer.group_add(user_group(self.claims.user_id), channel)
        except RedisAway:
            return
        if self.closed:
            return
        self.deaf = False
        self.channel_layer, self.channel_name = layer, channel
        self._listening = asyncio.create_task(self._listen())

    async def end(self, refusal: Refusal) -> None:
        """Say why, and close."""
        if self.ending:
            return
        self.ending = True
        with translation.override(self.language):
            frame = error_frame(refusal)
        if self.protocol is not None:
            self.closed = True
            self.protocol.leave(refusal.reason.close, frame)
        else:
            await self.write(frame)
            self.closed = True
            await self.base_send({"type": "websocket.close", "code": refusal.reason.close})

    async def write(self, frame: str) -> None:
        """Send one frame, after those that wait already."""
        async with self._writing:
            if not self.closed:
                await self.base_send({"type": "websocket.send", "text": frame})

    # The life of a socket

    async def _live(self, receive: Receive, admission: Admission) -> None:
        keeper = Keeper.of_this_loop()
        try:
            await self.subscribe()
            await self._begin(admission.cursor, wished=admission.language)
            keeper.add(self)
            await self._read(receive)
        except OSError:  # the peer is gone: that is how Uvicorn says so when we send
            pass
        finally:
            self.closed = True
            keeper.remove(self)
            await self._leave()

    async def _begin(self, cursor: Cursor | None, *, wished: str = "") -> None:
        """Say where this socket begins, and go on from there. `wished` is the language that the client asked for."""
        limit = settings.SWITCHBOARD.ws_replay_limit
        await self.outlet.hold()
        try:
            opening = await in_thread(partial(backlog.opening, self.claims.user_id, self.topics, since=cursor.since if cursor else None, limit=limit))
            if opening and wished and wished != opening.language:
                await in_thread(partial(languages.remember, user_id=self.claims.user_id, language=wished))
        except db.Error as error:
            logger.warning("A socket cannot be opened: %s", error)
            await self.end(Refusal("DEPENDENCY_DOWN"))
            return
        if opening is None:
            await self.end(Refusal("SESSION_REVOKED"))
            return
        self.language = wished or opening.language or self.language
        resumed = cursor is not None and opening.reaches(cursor.since, cursor.epoch, limit)
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
        await self.write(encode(Connected(data=data, timestamp=timezone.now())))
        self.outlet.begin(cursor=start, head=opening.head)

    async def _lost(self) -> None:
        """The stream was pruned beyond what this socket had been sent: the client must reload."""
        await self._begin(None)

    async def _listen(self) -> None:
        try:
            while True:
                await self.dispatch(await self.channel_layer.receive(self.channel_name))
        except OSError:  # the peer is gone
            pass

    async def _read(self, receive: Receive) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            if not self.closed:
                with translation.override(self.language):
                    await self._obey(message.get("text"), message.get("bytes") or b"")

    async def _leave(self) -> None:
        await self.outlet.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
            try:
                async with asyncio.timeout(settings.SWITCHBOARD.redis_timeout):
                    await self.channel_layer.group_discard(user_group(self.claims.user_id), self.channel_name)
            except Exception as error:
                logger.info("A group was left without telling Redis: %s", error)

    # What the client asks

    async def _obey(self, text: str | None, binary: bytes) -> None:
        """Read one frame and do it. The one place where errors become frames; none of them ends the socket."""
        if len(binary if text is None else text.encode()) > settings.SWITCHBOARD.ws_frame_limit:
            await self.end(Refusal("MESSAGE_TOO_BIG"))
            return
        try:
            command = wire.decode(text, self.accepts)
            await getattr(self, f"do_{command.__struct_config__.tag}")(command)
        except wire.Refused as refused:
            named = {"client_message_id": refused.client_message_id} if refused.client_message_id else UNSET
            await self._complain(refused.code, refused.text, named)
        except Refusal as refusal:
            await self._complain(refusal.code, str(refusal.text))
        except OSError:
            raise
        except Exception:
            request_id = uuid.uuid4().hex
            logger.exception("A command failed", extra={"request_id": request_id})
            text = _("This could not be done, and it is our fault. If it happens again, tell us this number: %(id)s.") % {"id": request_id}
            await self._complain("MESSAGE_PROCESSING_ERROR", text, {"request_id": request_id})

    async def _complain(self, code: str, text: str, data: dict[str, Any] | UnsetType = UNSET) -> None:
        await self.write(encode(Error(error_code=code, message=text, timestamp=timezone.now(), data=data)))

    async def do_ping(self, command: commands.Ping) -> None:
        await self.write(encode(Pong(timestamp=timezone.now(), client_timestamp=command.timestamp)))

    async def do_ack(self, command: commands.Ack) -> None:
        """Nothing is confirmed by it."""

    async def do_resume(self, command: commands.Resume) -> None:
        try:
            cursor = parse_cursor(str(command.since))
        except ValueError as error:
            raise wire.Refused("INVALID_MESSAGE", _("The field “since” must be a number, or epoch:number.")) from error
        await self._begin(cursor)

    async def do_auth(self, command: commands.Auth) -> None:
        claims = await verify(command.token)
        if claims.user_id != self.claims.user_id:
            raise Refusal("FORBIDDEN", detail=_("This token is somebody else's."))
        self.claims = claims
        self.warned = False

    def _farewell(self, retry_after_ms: int) -> str:
        with translation.override(self.language):
            return restart_frame(retry_after_ms)

    def _heartbeat(self, seq: int) -> str:
        return encode(Heartbeat(data=HeartbeatData(seq=seq), timestamp=timezone.now()))
