"""Finding support sessions through the person who asks: the query is the permission."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role, User
from notifications.columns import as_json, numbers
from realtime.chat.declined import Declined
from realtime.chat.models import Block, Message, Participant, Session

ACTIVE: Final = (Session.Status.WAITING, Session.Status.OPEN)
_PEOPLE: Final = ("customer__block", "agent")


def visible_to(user: User) -> QuerySet[Session]:
    """A customer sees its own sessions, an agent the queue and those that it has or had, staff all, others none."""
    found = Session.objects.select_related(*_PEOPLE)
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


def locked(sessions: QuerySet[Session] | Iterable[int]) -> list[Session]:
    """These, or those with these numbers, locked in one order. Must be called in a transaction, before any inbox is locked."""
    pks = None if isinstance(sessions, QuerySet) else set(sessions)
    wanted = sessions if isinstance(sessions, QuerySet) else Session.objects.filter(pk__in=pks or ())
    wanted = wanted.select_related(*_PEOPLE).order_by("pk").select_for_update(of=("self",), no_key=True)
    found = list(wanted)
    # A row that it had to wait for PostgreSQL reads again, but not who is joined to it: a new agent is missing
    # then, and with a new customer the whole row. Asked once more, nobody has to wait.
    if any(each.agent_id is not None and each.agent is None for each in found) or (pks is not None and len(found) < len(pks)):
        found = list(wanted.all())
    return found


_LOCK: Final = """
    SELECT s.id, s.public_id, s.customer_id, s.agent_id, s.status, s.newest, s.written_at, s.owed_since, s.answered_at, s.closed_at,
        c.username, c.display_name, c.role, c.language, c.is_active, a.username, a.display_name, a.role, a.language, a.is_active, b.customer_id
    FROM {session} s LEFT JOIN {user} c ON c.id = s.customer_id LEFT JOIN {user} a ON a.id = s.agent_id LEFT JOIN {block} b ON b.customer_id = s.customer_id
    WHERE s.public_id IN ({ids}) OR (s.customer_id IN ({customers}) AND s.status <> 'closed')
    ORDER BY s.id {lock}
"""
_TABLES: Final = {"session": Session._meta.db_table, "user": User._meta.db_table, "block": Block._meta.db_table}
_LOCK_FOR: Final = {
    "postgresql": _LOCK.format(ids="SELECT unnest(%s::uuid[])", customers="SELECT unnest(%s::bigint[])", lock="FOR NO KEY UPDATE OF s", **_TABLES),
    "sqlite": _LOCK.format(ids="SELECT value FROM json_each(%s)", customers="SELECT value FROM json_each(%s)", lock="", **_TABLES),
}
_OWN: Final = ["id", "public_id", "customer_id", "agent_id", "status", "newest", "written_at", "owed_since", "answered_at", "closed_at"]
_PERSON: Final = ["id", "username", "display_name", "role", "language", "is_active"]


def lock_for(public_ids: Iterable[UUID], customers: Iterable[int]) -> list[Session]:
    """The sessions with these ids, and those that these customers have open, locked in one order, as far as writing needs them.

    It is what every message begins with, and the ORM takes four times as long for it.
    """
    sqlite = connection.vendor == "sqlite"
    ids = as_json([each.hex for each in public_ids]) if sqlite else "{" + ",".join(map(str, public_ids)) + "}"
    with connection.cursor() as cursor:
        question = _LOCK_FOR[connection.vendor], [ids, numbers(customers)]
        cursor.execute(*question)
        rows = cursor.fetchall()
        if any(row[12] is None or (row[3] is not None and row[17] is None) for row in rows):  # as in `locked`
            cursor.execute(*question)
            rows = cursor.fetchall()
    return [_session(row, sqlite=sqlite) for row in rows]


def _session(row: Sequence[Any], *, sqlite: bool) -> Session:
    own = list(row[:10])
    if sqlite:
        own[1], own[6:] = UUID(own[1]), [each and each.replace(tzinfo=UTC) for each in own[6:]]
    session = Session.from_db(connection.alias, _OWN, own)
    customer = User.from_db(connection.alias, _PERSON, [row[2], *row[10:15]])
    customer._state.fields_cache["block"] = None if row[20] is None else Block(customer_id=row[20])
    session._state.fields_cache["customer"] = customer
    session._state.fields_cache["agent"] = None if row[3] is None else User.from_db(connection.alias, _PERSON, [row[3], *row[15:20]])
    return session


def lock_one(sessions: QuerySet[Session]) -> Session | None:
    """The same for at most one."""
    found = locked(sessions)
    return found[0] if found else None


def reopens(session: Session) -> bool:
    """Whether what the customer writes opens this closed session again."""
    return session.closed_at is not None and (timezone.now() - session.closed_at).total_seconds() < settings.SWITCHBOARD.support_reopen
