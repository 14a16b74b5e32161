"""Who may write what, and where."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from realtime.chat.models import Block, Participant, Session
from realtime.chat.sessions import nothing
from realtime.declined import Declined


class Wanted(Protocol):
    """What somebody wants to write, as `posting.Post` has it."""

    @property
    def sender_id(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def is_staff(self) -> bool: ...
    @property
    def session_id(self) -> UUID | None: ...
    @property
    def text(self) -> str: ...
    @property
    def client_message_id(self) -> str: ...
    @property
    def is_note(self) -> bool: ...


def judge(wanted: Wanted, session: Session | None) -> Session | None:
    """In which session it may be written; None: in one that has to be opened for it. `session` is the one that
    was named, or the one that the customer has open. Raises Declined.
    """
    if wanted.role == Role.CUSTOMER:
        return _of_customer(wanted, session)
    if wanted.session_id is None:
        raise Declined("INVALID", _("Name the session that this belongs to."), "sessionId")
    if session is None or not _sees(wanted, session):
        raise nothing()
    if wanted.is_note:
        return session
    if session.agent_id != wanted.sender_id:
        raise Declined("FORBIDDEN", _("This session is not yours: claim it first, or have it transferred to you."))
    if session.status == Session.Status.CLOSED:
        raise Declined("CONFLICT", _("This session is closed. It opens again when the customer writes."), "sessionId")
    return session


def _of_customer(wanted: Wanted, session: Session | None) -> Session | None:
    if (session is None and wanted.session_id is not None) or (session is not None and session.customer_id != wanted.sender_id):
        raise nothing()
    if wanted.is_note:
        raise Declined("FORBIDDEN", _("Notes are written by agents."))
    if session is None:
        return None
    check_blocked(session.customer)
    return None if session.status == Session.Status.CLOSED else session


def check_blocked(customer: User) -> None:
    """Raises Declined for a customer who may not write any more, or is another one by now."""
    try:
        getattr(customer, "block")  # noqa: B009 - a query only where it was not read with the customer
    except Block.DoesNotExist:
        if customer.is_active:
            return
    raise Declined("FORBIDDEN", _("You cannot write here any more."))


def _sees(wanted: Wanted, session: Session) -> bool:
    if wanted.is_staff:
        return True
    if wanted.role != Role.AGENT:
        return False
    if session.status == Session.Status.WAITING or session.agent_id == wanted.sender_id:
        return True
    return Participant.objects.filter(session=session, user=wanted.sender_id).exists()
