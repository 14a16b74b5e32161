"""A customer's first message: it opens a session, or opens one again."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Customer, User
from notifications.transactions import retried
from realtime.chat import routing
from realtime.chat.appending import append, keep_numbers, store
from realtime.chat.judging import Wanted, check_blocked
from realtime.chat.locking import lock_one
from realtime.chat.models import Message, Participant, Session, Transfer
from realtime.chat.routing import Desk, Here
from realtime.chat.sessions import ACTIVE, nothing, reopens
from realtime.chat.telling import Telling
from realtime.chat.words import AWAY
from realtime.hours import services as hours


def open_with(wanted: Wanted) -> Message:
    """Store a customer's message in its open session, in the one it names if that was closed a short while ago, or in a new one. Raises Declined."""
    return _open_with(wanted, routing.here())


def open_session(customer_id: int, *, subject: str = "", channel: str = "") -> tuple[Session, bool]:
    """A customer's open session, or a new one without a message; True: it is new. Raises Declined."""
    return _open_session(customer_id, subject, channel, routing.here())


@retried
def _open_with(wanted: Wanted, present: Here | None) -> Message:
    routing.lock()
    customer = _customer(wanted.sender_id)
    telling = Telling()
    session = lock_one(Session.objects.filter(customer=customer, status__in=ACTIVE))
    closed = None
    if session is None and wanted.session_id is not None:
        closed = lock_one(Session.objects.filter(customer=customer, public_id=wanted.session_id))
        if closed is None:
            raise nothing()
    if session is not None:
        message = append(session, wanted)
        store([message])
        telling.message(message)
    elif closed is not None and reopens(closed):
        message = append(closed, wanted)
        store([message])
        _place(closed, present, telling, message=message, again=True)
    else:
        session = _new(customer)
        message = append(session, wanted)
        store([message])
        _place(session, present, telling, message=message)
    telling.send()
    keep_numbers([message])
    return message


@retried
def _open_session(customer_id: int, subject: str, channel: str, present: Here | None) -> tuple[Session, bool]:
    routing.lock()
    customer = _customer(customer_id)
    active = lock_one(Session.objects.filter(customer=customer, status__in=ACTIVE))
    if active is not None:
        return active, False
    session = _new(customer, subject=subject, channel=channel)
    telling = Telling()
    _place(session, present, telling)
    telling.send()
    return session, True


def _customer(user_id: int) -> User:
    customer: User = User.objects.select_related("customer", "block").get(pk=user_id)
    check_blocked(customer)
    return customer


def _new(customer: User, *, subject: str = "", channel: str = "") -> Session:
    session = Session.objects.create(customer=customer, subject=subject, channel=channel or _channel(customer), waiting_since=timezone.now())
    Participant.objects.create(session=session, user=customer)
    return session


def _channel(customer: User) -> str:
    try:
        return customer.customer.channel
    except Customer.DoesNotExist:
        return ""


def _place(session: Session, present: Here | None, telling: Telling, *, message: Message | None = None, again: bool = False) -> None:
    """Give it to an agent, if it is opened again to the one it had; or let it wait."""
    before, session.agent = session.agent, None
    session.status, session.closed_at = Session.Status.WAITING, None
    if message is not None:
        telling.message(message)
    agent = Desk(present).pick(prefer=before.pk if before is not None else None)
    if agent is not None:
        routing.assign(session, agent, telling, reason=Transfer.Reason.ROUTED, event="reopened" if again else "assigned")
        return
    routing.wait(session, timezone.now(), telling, event="reopened" if again else "opened")
    away = hours.away_text(session.customer.language)
    if away is not None:
        routing.say(session, AWAY, telling, text=away)
