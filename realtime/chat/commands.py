"""What a client may ask on a socket that direct messages are written on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final

from django import db
from django.conf import settings
from django.utils.translation import gettext as _
from msgspec import Meta

from accounts import limits
from accounts.claims import MAX_ID, Claims
from accounts.executor import in_thread
from accounts.models import User
from notifications.wire import Command, Refused, encode, splice
from realtime.chat.direct import own_event, send_direct
from realtime.chat.events import OWN_DIRECT
from realtime.chat.models import LONGEST_NAME
from realtime.declined import FRAME_CODES, Declined
from realtime.outlet import Outlet
from realtime.refusals import Refusal


class SendDirectMessage(Command, kw_only=True, tag="message"):
    """Write to somebody. `timestamp` is the client's own and is not looked at."""

    to_user_id: Annotated[int, Meta(ge=1, le=MAX_ID)]
    message: str
    timestamp: Any = None
    client_message_id: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""


COMMANDS: Final[Mapping[str, type[Command]]] = {"message": SendDirectMessage}


class DirectCommands:
    """A socket on which direct messages are written."""

    claims: Claims
    outlet: Outlet
    carried: tuple[str, ...]

    async def do_message(self, command: SendDirectMessage) -> None:
        """Store it and tell both people. What the sender is told is the answer, and old clients are told nothing."""
        me, name = self.claims.user_id, command.client_message_id
        if await limits.ahit("rate_direct", limits.caller(User, me), settings.SWITCHBOARD.rate_direct) is not None:
            raise Refused("RATE_LIMITED", _("You write too much at once. Wait a little, then send this again."), name)
        try:
            send = partial(send_direct, sender=me, to_user_id=command.to_user_id, text=command.message, client_message_id=name)
            sent = await in_thread(send)
        except Declined as refused:
            raise Refused(FRAME_CODES[refused.code], refused.sentence, name) from refused
        except (db.OperationalError, db.InterfaceError) as error:
            # Named, so that the client knows which to send again.
            raise Refused("DEPENDENCY_DOWN", str(Refusal("DEPENDENCY_DOWN").text), name) from error
        if not sent.new and OWN_DIRECT in self.carried:
            seq = sent.message.sender_seq
            self.outlet.repeat(seq, splice(encode(own_event(sent.message)), seq=seq))
