"""What can be done with support sessions, but for writing, which is in `posting`. Every way in comes through here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role, User
from notifications.transactions import retried
from realtime.chat import opening, routing
from realtime.chat.locking import lock_one, locked
from realtime.chat.models import Attendance, Block, Message, Participant, Session, Transfer
from realtime.chat.posting import Post, post
from realtime.chat.routing import Desk, Here
from realtime.chat.sessions import find, nothing, visible_to
from realtime.chat.telling import Telling
from realtime.chat.words import agent_name
from realtime.declined import Declined, check_text

RATINGS: Final = range(1, 6)


@dataclass(frozen=True, slots=True)
class Opened:
    """A customer's open session; `new` is False if it was open before."""

    session: Session
    new: bool


def open_session(*, customer: User, subject: str = "", channel: str = "", text: str = "", client_message_id: str = "") -> Opened:
    """Open a session for a customer, with a first message if there is a text; or go on with the one that is open. Raises Declined."""
    check_text(subject, "subject", 200)
    check_text(channel, "channel", 20)
    if customer.role != Role.CUSTOMER:
        raise Declined("FORBIDDEN", _("Sessions are opened by customers."))
    said = None
    if text.strip():
        said = Post(sender_id=customer.pk, role=customer.role, session_id=None, text=text, client_message_id=client_message_id)
    if said is not None and client_message_id and Message.objects.filter(sender=customer, client_message_id=client_message_id).exists():
        # What was sent before opens nothing, though its session may have been closed since.
        return Opened(post(said).session, new=False)
    session, new = opening.open_session(customer.pk, subject=subject, channel=channel)
    return Opened(post(said).session if said is not None else session, new)


def claim(*, agent: User, session_id: UUID) -> Session:
    """An agent takes a session out of the queue. Of two at once one has it, and the other is told who (CONFLICT). Raises Declined."""
    if agent.role != Role.AGENT:
        raise nothing()
    return _claim(agent, session_id)


@retried
def _claim(agent: User, session_id: UUID) -> Session:
    routing.lock()
    session = lock_one(Session.objects.filter(public_id=session_id))
    if session is None:
        raise nothing()
    if session.status == Session.Status.CLOSED:
        raise Declined("CONFLICT", _("This session is closed."))
    if session.agent is not None and session.agent.pk != agent.pk:
        raise Declined("CONFLICT", _("%(name)s has this session already.") % {"name": agent_name(session.agent)})
    if session.agent is None:
        telling = Telling()
        routing.assign(session, agent, telling, reason=Transfer.Reason.CLAIMED)
        telling.send()
    return session


def transfer(*, by: User, session_id: UUID, to_user_id: int, note: str = "") -> Session:
    """The agent who has a session, or staff, gives it to another agent, who reads the note and the whole history. Raises Declined."""
    check_text(note, "note", 500)
    return _transfer(by, find(by, session_id).pk, to_user_id, note.strip())


def assign(*, by: User, session: Session, to: User) -> Session:
    """Staff gives a session to an agent. Raises Declined."""
    return _transfer(by, session.pk, to.pk, "")


@retried
def _transfer(by: User, pk: int, to_user_id: int, note: str) -> Session:
    routing.lock()
    [session] = locked([pk])
    if not by.is_staff and session.agent_id != by.pk:
        raise Declined("FORBIDDEN", _("This session is not yours: claim it first, or have it transferred to you."))
    if session.status == Session.Status.CLOSED:
        raise Declined("CONFLICT", _("This session is closed."))
    to = User.objects.filter(pk=to_user_id, role=Role.AGENT, is_active=True).first()
    if to is None:
        raise Declined("INVALID", _("There is no such agent."), "toUserId")
    if session.agent_id == to.pk:
        raise Declined("INVALID", _("This agent has the session already."), "toUserId")
    telling = Telling()
    routing.assign(session, to, telling, reason=Transfer.Reason.TRANSFERRED, event="transferred", by=by, note=note)
    telling.send()
    return session


def close(*, by: User, session_id: UUID) -> Session:
    """The customer, the session's agent or staff ends it; the agent is free for the next one. Closing twice is closing once. Raises Declined."""
    return _close(by, find(by, session_id).pk, routing.here())


@retried
def _close(by: User, pk: int, present: Here | None) -> Session:
    routing.lock()
    [session] = locked([pk])
    if by.pk not in (session.customer_id, session.agent_id) and not by.is_staff:
        raise Declined("FORBIDDEN", _("This session is not yours: claim it first, or have it transferred to you."))
    if session.status == Session.Status.CLOSED:
        return session
    telling = Telling()
    end(session, telling)
    routing.give_waiting(Desk(present), telling)
    telling.send()
    return session


def end(session: Session, telling: Telling) -> None:
    """Close a locked session that is not closed; what waits is not given away yet."""
    if session.status == Session.Status.WAITING:
        telling.queue()
    session.status, session.closed_at, session.owed_since, session.waiting_since = Session.Status.CLOSED, timezone.now(), None, None
    session.save()
    if session.agent is not None:
        Attendance.objects.update_or_create(agent=session.agent, defaults={"idle_since": session.closed_at})
    telling.session(session, "closed")


def rate(*, customer: User, session_id: UUID, rating: int, comment: str = "") -> Session:
    """The customer says how it was, from 1 (bad) to 5 (great), once the session is closed; saying it again replaces it. Raises Declined."""
    check_text(comment, "comment", 1000)
    if rating not in RATINGS:
        raise Declined("INVALID", _("Must be from 1 to 5."), "rating")
    session = visible_to(customer).filter(public_id=session_id, customer=customer).first()
    if session is None:
        raise nothing()
    return _rate(session.pk, rating, comment.strip())


@retried
def _rate(pk: int, rating: int, comment: str) -> Session:
    [session] = locked([pk])
    if session.status != Session.Status.CLOSED:
        raise Declined("CONFLICT", _("A session is rated once it is closed."))
    session.rating, session.comment, session.rated_at = rating, comment, timezone.now()
    session.save(update_fields=["rating", "comment", "rated_at"])
    telling = Telling()
    telling.session(session, "rated")
    telling.send()
    return session


def read(*, user_id: int, session_id: UUID, up_to: UUID | None = None) -> None:
    """Somebody has read a session, up to a message or all of it; the other side is told. Never goes back. Raises Declined."""
    part = Participant.objects.select_related("session").filter(user=user_id, session__public_id=session_id).first()
    if part is None:
        raise nothing()
    said = Message.objects.filter(session=part.session)
    if part.session.customer_id == user_id:
        said = said.filter(is_note=False)
    message = said.filter(**({"public_id": up_to} if up_to else {})).order_by("-order").first()
    if message is None and up_to is not None:
        raise Declined("NOT_FOUND", _("There is no such message in this session."), "upTo")
    if message is not None and message.order > part.read_up_to:
        _read(part, message)


@retried
def _read(part: Participant, message: Message) -> None:
    if Participant.objects.filter(pk=part.pk, read_up_to__lt=message.order).update(read_up_to=message.order):
        telling = Telling()
        telling.read(part.session, part.user_id, message, before=part.read_up_to)
        telling.send()


def block(*, by: User, customer_id: int, reason: str = "") -> Block:
    """An agent who has had a session with a customer, or staff, ends that customer's writing, and the open session. Raises Declined."""
    check_text(reason, "reason", 500)
    return _block(by, _customer_of(by, customer_id), reason.strip(), routing.here())


@retried
def _block(by: User, customer: User, reason: str, present: Here | None) -> Block:
    routing.lock()
    blocked, _new = Block.objects.get_or_create(customer=customer, defaults={"by": by, "reason": reason})
    telling = Telling()
    for session in locked(Session.objects.filter(customer=customer).exclude(status=Session.Status.CLOSED)):
        end(session, telling)
    routing.give_waiting(Desk(present), telling)
    telling.send()
    return blocked


def unblock(*, by: User, customer_id: int) -> None:
    """Let a customer write again. Raises Declined."""
    Block.objects.filter(customer=_customer_of(by, customer_id)).delete()


def _customer_of(by: User, customer_id: int) -> User:
    customer: User | None = User.objects.filter(pk=customer_id, role=Role.CUSTOMER).first()
    if customer is None or by.role == Role.CUSTOMER or not visible_to(by).filter(customer=customer).exists():
        raise Declined("NOT_FOUND", _("There is no such customer."))
    return customer


# What has not been read


@dataclass(frozen=True, slots=True)
class Unread:
    """`count` messages that a user has not read, after all that its stream tells up to number `as_of`."""

    count: int
    as_of: int


def unread(user_id: int) -> Unread:
    """Over all sessions that the user has now. One statement, so that no commit falls between the two figures."""
    counted = _unread(OuterRef("pk")).order_by().values("is_note").annotate(n=Count("pk")).values("n")
    row = User.objects.filter(pk=user_id).values_list(Coalesce(Subquery(counted), 0), Coalesce("inbox__head", 0)).first()
    return Unread(*row) if row else Unread(0, 0)


def unread_by_session(user_id: int, sessions: Iterable[Session]) -> dict[int, int]:
    """The same by the numbers of these sessions; those with nothing unread are left out."""
    counted = _unread(user_id).filter(session__in=[each.pk for each in sessions])
    return dict(counted.order_by().values_list("session").annotate(n=Count("pk")))


def _unread(user: Any) -> QuerySet[Message]:
    # What the system says and what agents note for each other is nothing that waits to be read.
    spoken = Message.objects.filter(sender_type__in=[Message.SenderType.CUSTOMER, Message.SenderType.AGENT], is_note=False).exclude(sender=user)
    own = spoken.filter(Q(session__customer=user) | Q(session__agent=user))
    return own.filter(session__participants__user=user, order__gt=F("session__participants__read_up_to"))
