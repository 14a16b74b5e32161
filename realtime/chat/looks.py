"""A socket of the support chat that says which session it has open, so that two agents do not answer at once."""

from __future__ import annotations

import logging
from uuid import UUID

from django import db
from django.utils.translation import gettext as _

from accounts.claims import Claims
from accounts.executor import in_thread
from accounts.models import Role, User
from accounts.redis import RedisAway
from notifications.wire import Refused
from realtime.beside import Beside
from realtime.chat import looking
from realtime.chat.models import Session
from realtime.chat.sessions import find
from realtime.chat.support_commands import Look, parse_id
from realtime.declined import FRAME_CODES, Declined
from realtime.handshake import Admission
from realtime.inlet import Receive
from realtime.refusals import Refusal

logger = logging.getLogger(__name__)


class Looks(Beside):
    """It looks at one session at a time, until it looks at another one or has gone."""

    claims: Claims
    connection_id: str
    _session: Session | None = None
    _last: frozenset[int] = frozenset()

    async def do_look(self, command: Look) -> None:
        """Answered with `looking`, as everybody is who looks at the session."""
        try:
            session = await in_thread(_visible, self.claims, parse_id(command.session_id)) if command.session_id else None
            if self._session is not None and (session is None or session.pk != self._session.pk):
                await self._turn_away()
            if session is not None:
                self._session = session
                await in_thread(self._look, True)
        except Declined as declined:
            raise Refused(FRAME_CODES[declined.code], declined.sentence) from declined
        except (RedisAway, db.OperationalError, db.InterfaceError) as error:
            raise Refusal("DEPENDENCY_DOWN") from error

    def beat(self, head: int) -> None:
        """With each heartbeat it says so again."""
        super().beat(head)  # type: ignore[misc]
        if self._session is not None:
            self.start(self._still())

    async def _still(self) -> None:
        await in_thread(self._look, False)

    def _look(self, anew: bool) -> None:
        if self._session is None:
            return
        there = looking.look(self._session, self.claims.user_id, self.connection_id)
        if anew or there != self._last:
            looking.tell(self._session, there)
        self._last = there

    async def _turn_away(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await in_thread(_turn_away, session, self.claims.user_id, self.connection_id)

    async def _live(self, receive: Receive, admission: Admission) -> None:
        try:
            await super()._live(receive, admission)  # type: ignore[misc]
        finally:
            try:
                await self._turn_away()
            except (RedisAway, db.Error) as error:
                logger.info("That an agent has turned away is not told: %s", error)


def _visible(claims: Claims, session_id: UUID) -> Session:
    user = User.objects.filter(pk=claims.user_id).first()
    if user is None or (user.role == Role.CUSTOMER):
        raise Declined("NOT_FOUND", _("There is no such session."))
    return find(user, session_id)


def _turn_away(session: Session, user_id: int, connection_id: str) -> None:
    looking.tell(session, looking.turn_away(session, user_id, connection_id))
