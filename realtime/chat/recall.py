"""The socket of the support chat, as far as it is sent what was missed, and finds out what has arrived."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, ClassVar, Final

from django import db

from accounts.executor import in_thread
from accounts.models import Role
from accounts.tokens import Claims
from notifications.wire import Event, encode
from realtime.beside import Beside
from realtime.chat import replay, routing
from realtime.chat.events import OfflineMessage, OfflineMessagesComplete
from realtime.commands import Ack
from realtime.handshake import Admission
from realtime.inlet import Receive
from realtime.outlet import Outlet
from realtime.writer import Writer

logger = logging.getLogger(__name__)

_PING_AFTER: Final = 0.2
"""Seconds from a message to the ping whose pong confirms it, so that a few messages share one."""
_PING: Final = b"seen "
_MESSAGE: Final = '{"type":"message"'


class Confirming:
    """A socket whose `ack` confirms messages of support sessions."""

    claims: Claims
    outlet: Outlet

    async def do_ack(self, command: Ack) -> None:
        """Up to what this socket was sent; more cannot have arrived."""
        if self.claims.role != Role.MEMBER:
            await replay.aconfirm(self.claims.user_id, min(command.seq, self.outlet.cursor))


class Recall(Beside, Confirming):
    """Sends what nobody has confirmed, and takes an old client's protocol pong for its confirmation: it knows no other."""

    tells: ClassVar[tuple[type[Event], ...]] = (OfflineMessage, OfflineMessagesComplete)
    new_client: bool
    ending: bool
    protocol: Any
    writer: Writer
    _asking: asyncio.TimerHandle | None = None

    async def _live(self, receive: Receive, admission: Admission) -> None:
        if self.protocol is not None and not self.new_client:
            self.protocol.on_pong = self._heard_pong
        try:
            await super()._live(receive, admission)  # type: ignore[misc]
        finally:
            if self.protocol is not None:
                self.protocol.on_pong = None
            if self._asking is not None:
                self._asking.cancel()

    async def _open(self, admission: Admission) -> None:
        if self.claims.role == Role.AGENT:
            # What waits becomes its own before it is told what it has missed.
            try:
                await in_thread(routing.attend, self.claims.user_id)
            except db.Error as error:
                logger.warning("An agent is given nothing yet: %s", error)
        await super()._open(admission)  # type: ignore[misc]

    def sending(self) -> Callable[[str], None]:
        """What writes the frames that have a number."""
        return self._write

    def _write(self, frame: str) -> None:
        self.writer.put(frame)
        if frame.startswith(_MESSAGE):
            self._ask_for_pong()

    async def recall(self, head: int, *, start: int, resumes: bool) -> None:
        """Send what nobody has confirmed up to `head`. A client that resumes by its own cursor gets exactly that, and nothing here."""
        seen: set[int] = set()
        after = 0
        while not resumes:
            page = await in_thread(replay.unconfirmed, self.claims.user_id, after=after, upto=head)
            for _seq, message, frame in page:
                if message not in seen:
                    seen.add(message)
                    await self.writer.drained()
                    self.writer.write(frame)
            if len(page) < replay.PAGE:
                break
            after = page[-1][0]
        self.writer.write(encode(OfflineMessagesComplete(count=len(seen))))
        if seen:
            self._ask_for_pong()

    # What confirms

    def _ask_for_pong(self) -> None:
        if self._asking is None and self.protocol is not None and not self.new_client:
            self._asking = asyncio.get_running_loop().call_later(_PING_AFTER, self._ping)

    def _ping(self) -> None:
        self._asking = None
        if self.ending:
            return
        if self.writer.waits or self.outlet.lane.filling:
            self._ask_for_pong()  # a ping would overtake what waits
        else:
            self.protocol.ping(_PING + str(self.outlet.cursor).encode())

    def _heard_pong(self, payload: bytes) -> None:
        number = payload.removeprefix(_PING)
        if payload.startswith(_PING) and number.isdigit() and len(number) < 17:
            self.start(replay.aconfirm(self.claims.user_id, min(int(number), self.outlet.cursor)))
