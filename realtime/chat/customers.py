"""What a customer's socket is told of others: how its agent is, and where it stands among those who wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from django import db

from accounts.claims import Claims
from accounts.executor import in_thread
from accounts.models import Role
from accounts.redis import RedisAway
from realtime.beside import Beside
from realtime.chat import queue
from realtime.chat.models import Session
from realtime.handshake import Admission
from realtime.presence.board import presence_frame
from realtime.presence.roster import Roster
from realtime.presence.seat import Seat

logger = logging.getLogger(__name__)

_SESSION: Final = '{"type":"session"'


class CustomersView(Beside):
    """A socket that carries support sessions. When it opens, and with each change of a session, a customer's looks anew who its agent is."""

    claims: Claims
    seat: Seat
    _looking: asyncio.Lock

    async def _open(self, admission: Admission) -> None:
        await super()._open(admission)  # type: ignore[misc]
        if self.claims.role == Role.CUSTOMER:
            self.start(self._look_at_agent())
            self.start(self._tell_place())

    def sending(self) -> Callable[[str], None]:
        """What writes the frames that have a number."""
        write: Callable[[str], None] = super().sending()  # type: ignore[misc]
        if self.claims.role != Role.CUSTOMER:
            return write
        self._looking = asyncio.Lock()

        def write_and_look(frame: str) -> None:
            write(frame)
            if frame.startswith(_SESSION):
                self.start(self._look_at_agent())

        return write_and_look

    async def _look_at_agent(self) -> None:
        """Tell a customer how its agent is, from now on; and nobody else."""
        async with self._looking:  # or of two questions the older one might be answered last
            try:
                agents = await in_thread(_agents_of, self.claims.user_id)
                roster = Roster.of_this_loop()
                new = sorted(roster.board.watch(self.seat, agents, ()))
                await roster.learn(self.seat, new, "p")
            except (db.Error, RedisAway) as error:
                logger.info("A customer is not told how its agent is: %s", error)
                return
            for agent in new:
                self.seat.tell(presence_frame(agent, roster.board.status(agent)))

    async def _tell_place(self) -> None:
        told = None
        # Again until it is so, because a change may have been told while this one was looked up.
        while (frame := await in_thread(queue.place_of, self.claims.user_id)) not in (None, told):
            self.seat.tell(frame)
            told = frame


def _agents_of(customer_id: int) -> list[int]:
    return list(Session.objects.filter(customer=customer_id, status=Session.Status.OPEN, agent__isnull=False).values_list("agent", flat=True))
