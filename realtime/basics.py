"""What every socket does when its client asks for it, and about its credential."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from django import db
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.claims import Claims
from accounts.standing import GONE
from notifications import wire
from notifications.wire import encode
from realtime import commands
from realtime.events import Pong, TokenExpiring, TokenExpiringData
from realtime.handshake import Cursor, parse_cursor, verify
from realtime.outlet import Outlet
from realtime.refusals import Refusal


class Basics:
    """Does the commands of EVERYWHERE, and ends with its credential."""

    claims: Claims
    outlet: Outlet
    warned: bool
    tell: Callable[[str], None]
    end: Callable[[Refusal], None]
    _begin: Callable[[Cursor | None], Awaitable[Any]]  # raises what the database raises

    async def do_ping(self, command: commands.Ping) -> None:
        self.tell(encode(Pong(timestamp=timezone.now(), client_timestamp=command.timestamp)))

    async def do_ack(self, command: commands.Ack) -> None:
        """Nothing is confirmed by it."""

    async def do_resume(self, command: commands.Resume) -> None:
        try:
            cursor = parse_cursor(str(command.since))
        except ValueError as error:
            raise wire.Refused("INVALID_MESSAGE", _("The field “since” must be a number, or epoch:number.")) from error
        try:
            await self._begin(cursor)
        except db.Error as error:
            self.outlet.go_on()
            raise Refusal("DEPENDENCY_DOWN") from error

    def warn(self) -> None:
        """Say that the credential ends soon."""
        self.tell(encode(TokenExpiring(data=TokenExpiringData(expires_at=datetime.fromtimestamp(self.claims.expires_at, UTC)))))

    def revoked(self, version: int, at: float) -> None:
        """Tokens below `version` (the host's: issued up to `at`) are worthless; end if ours is one."""
        ours = self.claims.version
        if version >= GONE.version or (self.claims.issued_at <= at if ours is None else ours < version):
            self.end(Refusal("SESSION_REVOKED"))

    async def do_auth(self, command: commands.Auth) -> None:
        claims = await verify(command.token)
        if claims.user_id != self.claims.user_id:
            raise Refusal("FORBIDDEN", detail=_("This token is somebody else's."))
        self.claims = claims
        self.warned = False
