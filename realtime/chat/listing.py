"""Lists of support sessions and of what was said in them: which, in what order, and what belongs to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.utils.translation import gettext as _

from accounts.models import User
from realtime.chat.models import Message, Participant, Session, Transfer
from realtime.chat.serializers import Place
from realtime.chat.sessions import readable_by, visible_to
from realtime.chat.words import agent_name
from realtime.declined import Declined


def matching(user: User, query: Mapping[str, Any]) -> QuerySet[Session]:
    """Those that this user may see, newest first; those that wait, longest waiting first."""
    found = visible_to(user)
    for name, lookup in (("status", "status"), ("agent", "agent"), ("channel", "channel"), ("from", "opened_at__gte"), ("to", "opened_at__lt")):
        if name in query:
            found = found.filter(**{lookup: query[name]})
    if "q" in query:
        # Among what this user may read: whoever may not read a note learns by no search what it says.
        said = readable_by(user).filter(session=OuterRef("pk"), text__icontains=query["q"])
        found = found.filter(Q(subject__icontains=query["q"]) | Q(customer__display_name__icontains=query["q"]) | Exists(said))
    field, forwards = _order(query)
    if "cursor" in query:
        moment, number = query["cursor"]
        way = "gt" if forwards else "lt"
        found = found.filter(Q(**{f"{field}__{way}": moment}) | Q(**{field: moment, f"public_id__{way}": number}))
    return found.order_by(field, "public_id") if forwards else found.order_by(f"-{field}", "-public_id")


def place(session: Session, query: Mapping[str, Any]) -> Place:
    """Where a list that was asked for so goes on behind this session."""
    moment = getattr(session, _order(query)[0])
    return moment, session.public_id


def _order(query: Mapping[str, Any]) -> tuple[str, bool]:
    waiting = query.get("status") == Session.Status.WAITING
    return ("waiting_since", True) if waiting else ("opened_at", False)


def last_messages(user: User, sessions: Sequence[Session]) -> dict[int, Message]:
    """The newest message of each of these sessions that this user may see, by the session's number. One statement."""
    newest = readable_by(user).filter(session=OuterRef("pk")).order_by("-order").values("pk")[:1]
    ids = Session.objects.filter(pk__in=[session.pk for session in sessions]).annotate(last=Subquery(newest)).values("last")
    found = {message.session_id: message for message in Message.objects.filter(pk__in=ids).select_related("sender")}
    for session in sessions:
        if session.pk in found:
            found[session.pk].session = session
    return found


def read_by_others(user: User, sessions: Sequence[Session]) -> dict[int, UUID]:
    """The newest message that this user may see and the other side has read, by the session's number: its agent, or for others its customer."""
    reader = Case(When(customer=user, then="agent"), default="customer")
    place = Participant.objects.filter(session=OuterRef("pk"), user=OuterRef("reader")).values("read_up_to")[:1]
    newest = readable_by(user).filter(session=OuterRef("pk"), order__lte=OuterRef("place")).order_by("-order").values("public_id")[:1]
    found = Session.objects.filter(pk__in=[session.pk for session in sessions]).annotate(reader=reader).annotate(place=Subquery(place))
    return {pk: seen for pk, seen in found.annotate(seen=Subquery(newest)).values_list("pk", "seen") if seen is not None}


def after(messages: QuerySet[Message], cursor: UUID, *, forwards: bool) -> QuerySet[Message]:
    """Those behind one of these. Raises Declined if it is none of them.

    The place of a message is told to nobody: it would say how many notes stand before it.
    """
    order = messages.filter(public_id=cursor).values_list("order", flat=True).first()
    if order is None:
        raise Declined("INVALID", _("Use the cursor of `next` as it is."), "cursor")
    return messages.filter(order__gt=order) if forwards else messages.filter(order__lt=order)


def history(session: Session) -> QuerySet[Transfer]:
    """How it changed hands, for agents and staff."""
    return session.transfers.select_related("from_agent", "to_agent", "by").order_by("pk")


def people(session: Session) -> list[dict[str, Any]]:
    """Who has, or had, a part in it, for agents and staff; with the newest message that each has read."""
    parts = list(session.participants.select_related("user").order_by("pk"))
    read = dict(session.messages.filter(order__in={part.read_up_to for part in parts}).values_list("order", "public_id"))
    return [
        {
            "userId": part.user_id,
            "name": part.user.shown_name if part.user_id == session.customer_id else agent_name(part.user),
            "joinedAt": part.joined_at,
            "readUpTo": read.get(part.read_up_to),
        }
        for part in parts
    ]
