"""Finding support sessions through the person who asks: the query is the permission."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from realtime.chat.models import Message, Participant, Session
from realtime.declined import Declined

ACTIVE: Final = (Session.Status.WAITING, Session.Status.OPEN)
PEOPLE: Final = ("customer__block", "agent")
"""Who is read with a session."""


def visible_to(user: User) -> QuerySet[Session]:
    """A customer sees its own sessions, an agent the queue and those that it has or had, staff all, others none."""
    found = Session.objects.select_related(*PEOPLE)
    if user.role == Role.CUSTOMER:
        return found.filter(customer=user)
    if user.is_staff:
        return found
    if user.role == Role.AGENT:
        took_part = Participant.objects.filter(user=user).values("session")
        return found.filter(Q(status=Session.Status.WAITING) | Q(agent=user) | Q(pk__in=took_part))
    return found.none()


def messages_for(user: User, session: Session) -> QuerySet[Message]:
    """What has been said in a session that this user may see, oldest first. Customers get no notes."""
    return readable_by(user).filter(session=session).select_related("sender").order_by("order")


def readable_by(user: User) -> QuerySet[Message]:
    """Of the messages of sessions that this user may see, those that it may read: no notes for customers."""
    return Message.objects.filter(is_note=False) if user.role == Role.CUSTOMER else Message.objects.all()


def find(user: User, session_id: UUID) -> Session:
    """One session that this user may see. Raises Declined."""
    found = visible_to(user).filter(public_id=session_id).first()
    if found is None:
        raise nothing()
    return found


def nothing() -> Declined:
    """What everybody is told of a session that it may not see, as of one that is not there."""
    return Declined("NOT_FOUND", _("There is no such session."))


def reopens(session: Session) -> bool:
    """Whether what the customer writes opens this closed session again."""
    return session.closed_at is not None and (timezone.now() - session.closed_at).total_seconds() < settings.SWITCHBOARD.support_reopen
