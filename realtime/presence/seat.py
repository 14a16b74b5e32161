"""A socket's seat: its place on the roster, and before the board if it is told of others."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

import msgspec
from django.conf import settings
from django.utils import timezone
from msgspec import UNSET, UnsetType

from accounts.models import Role
from accounts.tokens import Claims
from notifications.wire import encode
from realtime.events import Connected, ConnectedData
from realtime.presence.roster import Roster
from realtime.presence.store import OFFLINE, who
from realtime.refusals import Refusal


class Socket(Protocol):
    """What a seat needs of its socket."""

    claims: Claims
    connection_id: str
    ending: bool
    protocol: Any  # the server's, where it lets us see it

    @property
    def heard_at(self) -> float: ...
    @property
    def cursor(self) -> int: ...  # up to where it has been sent everything
    def tell(self, frame: str) -> None: ...
    def end(self, refusal: Refusal) -> None: ...


class Seat:
    """One socket's.

    `few`: its path has the lower limit of sockets per user, and its old clients are refused above it.
    `looks`: it is told of others at all, a customer only of its agent; `counts`: by `user_status`, too.
    """

    __slots__ = (
        *("_early", "_greeting", "_roster", "_seated", "_socket"),
        *("chosen", "connection_id", "counted", "counts", "is_agent", "limit", "looks", "opened", "path", "sees_all", "shown", "user_id", "who", "yields"),
    )

    def __init__(self, socket: Socket, *, path: str, few: bool, new_client: bool, looks: bool, counts: bool) -> None:
        options, role = settings.SWITCHBOARD, socket.claims.role
        self._socket: Socket | None = socket
        self.connection_id = socket.connection_id
        self.user_id = socket.claims.user_id
        self._roster: Final = Roster.of_this_loop()
        self._early: Refusal | None = None  # why it shall end, before it has begun
        self._seated = False
        self._greeting: ConnectedData | None = None
        self.who = who(self.user_id, customer=role == Role.CUSTOMER)
        self.is_agent = role == Role.AGENT
        self.sees_all = role != Role.CUSTOMER
        self.looks = looks
        self.counts = counts and self.sees_all
        self.path = path
        self.limit = options.ws_max_connections_per_user if few else options.ws_max_tabs_per_user
        self.yields = few and not new_client
        self.opened: str | None = None
        self.chosen = ""
        self.counted = False
        self.shown = True  # until Redis says whether its user appears offline

    @property
    def ending(self) -> bool:
        return self._socket is None or self._socket.ending or self._early is not None

    # Its life

    async def take(self) -> None:
        """Take a place, before the socket is accepted. Raises Refusal: its user has too many."""
        try:
            await self._roster.join(self)
        except BaseException:
            self._roster.leave(self)
            raise

    def sit(self) -> None:
        """The socket was accepted."""
        self._seated = True
        if self._early is not None:
            self.end(self._early)

    def leave(self) -> None:
        """The socket has gone."""
        self._socket = None  # or the two hold each other
        self._roster.board.remove(self)
        self._roster.leave(self)

    # What it is told

    def greeted(self, data: ConnectedData) -> str:
        """The `connected` frame, from which on this socket is told of others and may count."""
        self.counted = self.shown or self._roster.board.status(self.user_id) != OFFLINE
        data.online_count, self.shown = self.online_count(shown=self.shown), False  # from now on it has been told, or will not be
        if self.looks:
            self._roster.board.add(self)
        if self.counts:
            self._greeting = data
        return encode(Connected(data=data, timestamp=timezone.now()))

    def greet(self) -> None:
        """Say `connected` anew: who is here is not what could be counted from the last one."""
        self.shown = False  # or not: the board knows by now
        if self._greeting is not None and self._socket is not None:
            self.tell(self.greeted(msgspec.structs.replace(self._greeting, seq=self._socket.cursor, resumed=True)))

    def online_count(self, *, shown: bool = False) -> int | UnsetType:
        """How many members and agents are online; customers are not told."""
        if self.who[0] == "c":
            return UNSET
        return self._roster.board.count_for(self.user_id, shown=shown)

    def tell(self, frame: str) -> None:
        """Send a frame that is not numbered."""
        if self._socket is not None:
            self._socket.tell(frame)

    # What the roster asks

    def end(self, refusal: Refusal) -> None:
        """End the socket; one that was not accepted yet as soon as it is."""
        if self._socket is not None and self._seated:
            self._socket.end(refusal)
        else:
            self._early = refusal

    def probe(self, patience: float) -> None:
        """End the socket unless its peer gives a sign of life within so many seconds."""
        protocol = self._socket.protocol if self._socket is not None and self._seated else None
        if protocol is None:
            return
        loop = asyncio.get_running_loop()
        asked = loop.time()
        protocol.ping()
        loop.call_later(patience, self._judge, asked)

    def _judge(self, asked: float) -> None:
        if self._socket is not None and not self.ending and self._socket.heard_at < asked:
            self._socket.end(Refusal("PING_TIMEOUT"))
