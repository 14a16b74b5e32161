"""What a client asks about people: how it is itself, whom it watches, and that it types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from django.utils.translation import gettext as _
from msgspec import UNSET, Meta, UnsetType

from accounts.groups import user_group
from accounts.redis import RedisAway
from notifications.wire import Command, Event, Refused, Shape, encode
from realtime.presence.board import GROUP, presence_frame
from realtime.presence.events import Presence as PresenceEvent
from realtime.presence.events import Typing as TypingEvent
from realtime.presence.events import TypingData as TypingEventData
from realtime.presence.roster import Roster
from realtime.presence.seat import Seat
from realtime.refusals import Refusal

DATA_LIMIT: Final = 2048
"""Bytes of JSON that may be said with a status."""

UserId = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Context = Annotated[str, Meta(min_length=1, max_length=100)]


class Presence(Command, kw_only=True, tag="presence"):
    """How the user is from now on, over all of its connections. `offline`: it appears to be offline."""

    status: Literal["online", "away", "busy", "offline"]
    data: dict[str, Any] = {}


class Watch(Command, kw_only=True, tag="watch"):
    """Whose presence and which contexts' typing this socket wants, instead of those it wanted before."""

    user_ids: Annotated[list[UserId], Meta(max_length=500)] = []
    contexts: Annotated[list[Context], Meta(max_length=50)] = []


class TypingIn(Shape, kw_only=True):
    is_typing: bool
    context: Context | UnsetType = UNSET
    to_user_id: UserId | UnsetType = UNSET


class Typing(Command, kw_only=True, tag="typing"):
    """The user types, in a context or to somebody. It is not stored."""

    data: TypingIn


PRESENCE: Final[Mapping[str, type[Command]]] = {"presence": Presence, "watch": Watch}
TYPING: Final[Mapping[str, type[Command]]] = {"typing": Typing}


class PresenceCommands:
    """Does what is asked about presence, for a socket with a seat."""

    tells: ClassVar[tuple[type[Event], ...]] = (PresenceEvent, TypingEvent)
    seat: Seat

    async def do_presence(self, command: Presence) -> None:
        data = msgspec.json.encode(command.data)
        if len(data) > DATA_LIMIT:
            raise Refused("INVALID_MESSAGE", _("The field “data” is too big: at most %(n)d bytes of JSON.") % {"n": DATA_LIMIT})
        try:
            await Roster.of_this_loop().choose(self.seat, f"{command.status} {data.decode()}" if command.data else command.status)
        except RedisAway as error:
            raise Refusal("DEPENDENCY_DOWN") from error

    async def do_watch(self, command: Watch) -> None:
        """Answered with how those are who were not watched before."""
        if not self.seat.sees_all:
            return
        roster = Roster.of_this_loop()
        new = sorted(roster.board.watch(self.seat, command.user_ids, command.contexts) - {self.seat.user_id})
        try:
            await roster.learn(self.seat, new, "p")
            if self.seat.is_agent:
                await roster.learn(self.seat, new, "c")
        except RedisAway as error:
            raise Refusal("DEPENDENCY_DOWN") from error
        # As they stand now: of the first ones something may have been told while the others were asked for.
        for user in new:
            self.seat.tell(presence_frame(user, roster.board.status(user, to_agent=self.seat.is_agent)))

    async def do_typing(self, command: Typing) -> None:
        said = command.data
        if not self.seat.sees_all:
            raise Refusal("FORBIDDEN", detail=_("Customers type in their support sessions only."))
        context, to_user_id = said.context, said.to_user_id
        if isinstance(context, str) == isinstance(to_user_id, int):
            raise Refused("INVALID_MESSAGE", _("The field “data” must have either “context” or “to_user_id”."))
        if isinstance(to_user_id, int):
            frame = encode(TypingEvent(data=TypingEventData(user_id=self.seat.user_id, is_typing=said.is_typing)))
            await Roster.of_this_loop().say(user_group(to_user_id), {"type": "typing", "frame": frame})
        else:
            message = {"type": "presence.typing", "user_id": self.seat.user_id, "context": context, "is_typing": said.is_typing}
            await Roster.of_this_loop().say(GROUP, message)
