"""What a client may ask on the support chat's socket."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from django import db
from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _
from msgspec import Meta

from accounts import limits
from accounts.claims import Claims
from accounts.executor import in_thread
from accounts.groups import publish, user_group
from accounts.models import Role, User
from notifications.wire import Command, Refused, encode, splice
from realtime.chat import posting, services
from realtime.chat.events import OWN_SUPPORT, SUPPORT
from realtime.chat.models import LONGEST_NAME, Session
from realtime.chat.posting import Post
from realtime.chat.sessions import nothing
from realtime.chat.telling import message_event
from realtime.declined import FRAME_CODES, Declined
from realtime.outlet import Outlet
from realtime.presence.commands import Typing
from realtime.presence.events import Typing as TypingEvent
from realtime.presence.events import TypingData
from realtime.refusals import Refusal

SessionId = Annotated[str, Meta(max_length=100)]


class WriteMessage(Command, kw_only=True, tag="message", rename="camel"):
    """Write in a session. A customer without a session writes in its open one, or a new one. `note`: for agents only."""

    session_id: SessionId | None = None
    text: str
    client_message_id: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""
    note: bool = False


class Read(Command, kw_only=True, tag="read", rename="camel"):
    """The user has read a session, up to a message or all of it."""

    session_id: SessionId
    up_to: SessionId | None = None


class Look(Command, kw_only=True, tag="look", rename="camel"):
    """An agent has this session open, or none."""

    session_id: SessionId | None = None


COMMANDS: Final[Mapping[str, type[Command]]] = {"message": WriteMessage, "read": Read, "look": Look}


class SupportCommands:
    """A socket on which support sessions are written."""

    claims: Claims
    outlet: Outlet
    carried: tuple[str, ...]

    async def do_message(self, command: WriteMessage) -> None:
        """Store it and tell the session's people. What the sender is told is the answer, and old clients are told nothing."""
        claims, name = self.claims, command.client_message_id
        if await limits.ahit("rate_support", limits.caller(User, claims.user_id), settings.SWITCHBOARD.rate_support) is not None:
            raise Refused("RATE_LIMITED", _("You write too much at once. Wait a little, then send this again."), name)
        try:
            session_id = parse_id(command.session_id) if command.session_id else None
            wanted = Post(
                sender_id=claims.user_id,
                role=claims.role,
                is_staff=claims.is_staff,
                session_id=session_id,
                text=command.text,
                client_message_id=name,
                is_note=command.note,
            )
            sent = await posting.apost(wanted)
        except Declined as declined:
            raise Refused(FRAME_CODES[declined.code], declined.sentence, name) from declined
        except (db.OperationalError, db.InterfaceError) as error:
            # Named, so that the client knows which to send again.
            raise Refused("DEPENDENCY_DOWN", str(Refusal("DEPENDENCY_DOWN").text), name) from error
        if not sent.new and OWN_SUPPORT in self.carried:
            seq = sent.message.sender_seq
            self.outlet.repeat(seq, splice(encode(message_event(sent.message, own=True)), seq=seq))

    async def do_read(self, command: Read) -> None:
        try:
            session_id = parse_id(command.session_id)
            up_to = parse_id(command.up_to) if command.up_to else None
            await in_thread(partial(services.read, user_id=self.claims.user_id, session_id=session_id, up_to=up_to))
        except Declined as declined:
            raise Refused(FRAME_CODES[declined.code], declined.sentence) from declined
        except (db.OperationalError, db.InterfaceError) as error:
            raise Refusal("DEPENDENCY_DOWN") from error

    async def do_typing(self, command: Typing) -> None:
        """Within a session, to the other one of its two people; members and agents also elsewhere."""
        said = command.data
        context = said.context if isinstance(said.context, str) else ""
        if self.claims.role != Role.CUSTOMER and (isinstance(said.to_user_id, int) or _session_named(context) is None):
            await super().do_typing(command)  # type: ignore[misc]
            return
        if not context or isinstance(said.to_user_id, int):
            raise Refused("INVALID_MESSAGE", _("The field “data.context” must be the session that you type in."))
        try:
            told = await in_thread(tell_typing, self.claims.user_id, parse_id(context), said.is_typing)
        except Declined as declined:
            raise Refused(FRAME_CODES[declined.code], declined.sentence) from declined
        except (db.OperationalError, db.InterfaceError) as error:
            raise Refusal("DEPENDENCY_DOWN") from error
        if not told:
            raise Refused("NOT_FOUND", _("There is no such session."))


class TypingAnywhere:
    """A socket on which a context may be a support session: that reaches only its people. Any other is as it is."""

    claims: Claims

    async def do_typing(self, command: Typing) -> None:
        context = command.data.context
        session = _session_named(context) if isinstance(context, str) else None
        if session is not None:
            try:
                of_support, told = await in_thread(_type_in, self.claims.user_id, session, command.data.is_typing)
            except (db.OperationalError, db.InterfaceError) as error:
                raise Refusal("DEPENDENCY_DOWN") from error
            # A customer is told of others' sessions what it is told of all else.
            if told or (of_support and self.claims.role != Role.CUSTOMER):
                return
        await super().do_typing(command)  # type: ignore[misc]


def tell_typing(user_id: int, session_id: UUID, is_typing: bool) -> bool:
    """Tell the other one of a session's two people that this one types. False: it is neither of them."""
    mine = Session.objects.filter(Q(customer=user_id) | Q(agent=user_id), public_id=session_id).exclude(status=Session.Status.CLOSED)
    found = mine.values_list("customer", "agent").first()
    if found is None:
        return False
    frame = encode(TypingEvent(data=TypingData(user_id=user_id, is_typing=is_typing, context=str(session_id))))
    publish((user_group(each), {"type": "aside", "topic": SUPPORT, "frame": frame}) for each in found if each not in (None, user_id))
    return True


def _type_in(user_id: int, session_id: UUID, is_typing: bool) -> tuple[bool, bool]:
    """Whether that is a support session at all, and whether somebody was told."""
    return Session.objects.filter(public_id=session_id).exists(), tell_typing(user_id, session_id, is_typing)


def _session_named(context: str) -> UUID | None:
    """The session that a context may be; other contexts may look like anything else."""
    try:
        return UUID(context) if len(context) == len(str(UUID(int=0))) else None
    except ValueError:
        return None


def parse_id(text: str) -> UUID:
    """What is no id names nothing that there is. Raises Declined."""
    try:
        return UUID(text)
    except ValueError as error:
        raise nothing() from error
