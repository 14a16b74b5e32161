"""Locking support sessions, always in one order, before any inbox is locked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

from accounts.models import User
from notifications.columns import as_json, numbers
from realtime.chat.models import Block, Session
from realtime.chat.sessions import PEOPLE

M = TypeVar("M", bound=Model)


def locked(sessions: QuerySet[Session] | Iterable[int]) -> list[Session]:
    """These, or those with these numbers, locked in one order. Must be called in a transaction, before any inbox is locked."""
    pks = None if isinstance(sessions, QuerySet) else set(sessions)
    wanted = sessions if isinstance(sessions, QuerySet) else Session.objects.filter(pk__in=pks or ())
    wanted = wanted.select_related(*PEOPLE).order_by("pk").select_for_update(of=("self",), no_key=True)
    found = list(wanted)
    # A row that it had to wait for PostgreSQL reads again, but not who is joined to it: a new agent is missing
    # then, and with a new customer the whole row. Asked once more, nobody has to wait.
    if any(each.agent_id is not None and each.agent is None for each in found) or (pks is not None and len(found) < len(pks)):
        found = list(wanted.all())
    return found


def _fields(model: type[Model], *names: str) -> list[str]:
    """The columns of these fields, in the order in which the model takes them."""
    return [field.attname for field in model._meta.concrete_fields if field.attname in names]


_OWN: Final = _fields(
    Session, *("id", "public_id", "customer_id", "agent_id", "status", "newest", "written_at", "owed_since", "answered_at", "closed_at", "waiting_since")
)
_PERSON: Final = _fields(User, "id", "username", "display_name", "role", "language", "is_active", "deleted_at")
_LOCK: Final = f"""
    SELECT {", ".join(f"{table}.{name}" for table, names in (("s", _OWN), ("c", _PERSON), ("a", _PERSON)) for name in names)}, b.customer_id
    FROM {Session._meta.db_table} s LEFT JOIN {User._meta.db_table} c ON c.id = s.customer_id LEFT JOIN {User._meta.db_table} a ON a.id = s.agent_id
    LEFT JOIN {Block._meta.db_table} b ON b.customer_id = s.customer_id
    WHERE s.public_id IN ({{ids}}) OR (s.customer_id IN ({{customers}}) AND s.status <> 'closed')
    ORDER BY s.id {{lock}}
"""
_LOCK_FOR: Final = {
    "postgresql": _LOCK.format(ids="SELECT unnest(%s::uuid[])", customers="SELECT unnest(%s::bigint[])", lock="FOR NO KEY UPDATE OF s"),
    "sqlite": _LOCK.format(ids="SELECT value FROM json_each(%s)", customers="SELECT value FROM json_each(%s)", lock=""),
}


def lock_for(public_ids: Iterable[UUID], customers: Iterable[int]) -> list[Session]:
    """The sessions with these ids, and those that these customers have open, locked in one order, as far as writing needs them.

    It is what every message begins with, and the ORM takes four times as long for it.
    """
    ids = as_json([each.hex for each in public_ids]) if connection.vendor == "sqlite" else "{" + ",".join(map(str, public_ids)) + "}"
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(_LOCK_FOR[connection.vendor], [ids, numbers(customers)])
            found = [_session(row) for row in cursor.fetchall()]
            if all(map(_whole, found)):
                break  # else once more, as in `locked`
    return found


def _whole(session: Session) -> bool:
    people = session._state.fields_cache
    return people["customer"] is not None and (people["agent"] is None) == (session.agent_id is None)


def _session(row: Sequence[Any]) -> Session:
    values = iter(row)
    own, customer, agent = ([next(values) for _ in names] for names in (_OWN, _PERSON, _PERSON))
    session = _made(Session, _OWN, [_value(each) for each in own])
    if connection.vendor == "sqlite":
        session.public_id = UUID(str(session.public_id))
    session._state.fields_cache["customer"] = _person(customer)
    session._state.fields_cache["agent"] = _person(agent)
    if customer[0] is not None:
        blocked = next(values)
        session.customer._state.fields_cache["block"] = None if blocked is None else Block(customer_id=blocked)
    return session


def _value(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value  # SQLite's are UTC and do not say so


def _person(values: Sequence[Any]) -> User | None:
    return None if values[0] is None else _made(User, _PERSON, values)


def _made(model: type[M], names: Sequence[str], values: Sequence[Any]) -> M:
    """A row of which these columns were read; the others are read where they are asked for. As `from_db`, for a tenth of its time."""
    made = model.__new__(model)
    made.__dict__.update(zip(names, values, strict=True), _state=ModelState())
    made._state.adding, made._state.db = False, connection.alias
    return made


def lock_one(sessions: QuerySet[Session]) -> Session | None:
    """The same for at most one."""
    found = locked(sessions)
    return found[0] if found else None
