"""Putting messages at the end of sessions that are locked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from accounts.models import Role, User
from notifications.columns import as_json, columns
from realtime.chat.judging import Wanted
from realtime.chat.models import Message, Participant, Session

_SESSION, _PARTICIPANT, _MESSAGE = (model._meta.db_table for model in (Session, Participant, Message))
_ADVANCE: Final = {
    "postgresql": f"""
        UPDATE {_SESSION} AS s SET newest = t.newest, written_at = t.written_at, owed_since = t.owed_since, answered_at = t.answered_at
        FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[]) AS t (id, newest, written_at, owed_since, answered_at)
        WHERE s.id = t.id
    """,
    "sqlite": f"""
        UPDATE {_SESSION} SET newest = t.value ->> 1, written_at = t.value ->> 2, owed_since = t.value ->> 3, answered_at = t.value ->> 4
        FROM json_each(%s) AS t WHERE {_SESSION}.id = t.value ->> 0
    """,
}
# What somebody answers it has read.
_READ: Final = {
    "postgresql": f"""
        UPDATE {_PARTICIPANT} AS p SET read_up_to = t.upto FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS t (session_id, user_id, upto)
        WHERE p.session_id = t.session_id AND p.user_id = t.user_id AND p.read_up_to < t.upto
    """,
    "sqlite": f"""
        UPDATE {_PARTICIPANT} SET read_up_to = t.value ->> 2 FROM json_each(%s) AS t
        WHERE {_PARTICIPANT}.session_id = t.value ->> 0 AND {_PARTICIPANT}.user_id = t.value ->> 1 AND {_PARTICIPANT}.read_up_to < t.value ->> 2
    """,
}
_INSERT: Final = {
    "postgresql": f"""
        INSERT INTO {_MESSAGE} (public_id, session_id, "order", sender_id, sender_type, is_note, text, said, client_message_id, sender_seq, created_at)
        SELECT t.* FROM json_to_recordset(%s::json) AS t (a uuid, b bigint, c int, d bigint, e text, f bool, g text, h jsonb, i text, j bigint, k timestamptz)
        RETURNING id, session_id, "order"
    """,
    "sqlite": f"""
        INSERT INTO {_MESSAGE} (public_id, session_id, "order", sender_id, sender_type, is_note, text, said, client_message_id, sender_seq, created_at)
        SELECT value ->> 'a', value ->> 'b', value ->> 'c', value ->> 'd', value ->> 'e', value ->> 'f', value ->> 'g',
            nullif(value -> 'h', 'null'), value ->> 'i', value ->> 'j', value ->> 'k'
        FROM json_each(%s) WHERE true RETURNING id, session_id, "order"
    """,
}
_NUMBER: Final = {
    "postgresql": f"UPDATE {_MESSAGE} AS m SET sender_seq = t.seq FROM unnest(%s::bigint[], %s::bigint[]) AS t (id, seq) WHERE m.id = t.id",
    "sqlite": f"UPDATE {_MESSAGE} SET sender_seq = t.value ->> 1 FROM json_each(%s) AS t WHERE {_MESSAGE}.id = t.value ->> 0",
}


# As the database writes a time, which is UTC. Django's own way takes SQLite's ten times as long.
_MOMENT: Final[dict[str, Callable[[datetime], str]]] = {"postgresql": datetime.isoformat, "sqlite": lambda at: at.replace(tzinfo=None).isoformat(sep=" ")}


def append(session: Session, wanted: Wanted) -> Message:
    """Make the next message of a session, not stored yet."""
    by_customer = wanted.role == Role.CUSTOMER
    sender = session.customer if by_customer else session.agent if session.agent_id == wanted.sender_id else User.objects.get(pk=wanted.sender_id)
    kind = Message.SenderType.CUSTOMER if by_customer else Message.SenderType.AGENT
    message = _next(session, sender=sender, sender_type=kind, text=wanted.text, is_note=wanted.is_note, client_message_id=wanted.client_message_id)
    if by_customer:
        session.owed_since = session.owed_since or message.created_at
    elif not wanted.is_note:
        session.owed_since = None
        session.answered_at = session.answered_at or message.created_at
    return message


def append_words(session: Session, code: str, **values: str) -> Message:
    """The same for what the system says."""
    return _next(session, sender=None, sender_type=Message.SenderType.SYSTEM, said={"code": code, **values})


def _next(session: Session, **fields: Any) -> Message:
    session.newest += 1
    message = Message(session=session, order=session.newest, created_at=timezone.now(), **fields)
    if not message.is_note:
        session.written_at = message.created_at
    return message


def store(messages: Sequence[Message]) -> None:
    """Store messages, and what they change in their sessions, which must be locked. `keep_numbers` follows when they have been told."""
    if not messages:
        return
    _insert(messages)
    sessions = {message.session_id: message.session for message in messages}.values()
    moment = _MOMENT[connection.vendor]
    _run(_ADVANCE, [(each.pk, each.newest, *(at and moment(at) for at in (each.written_at, each.owed_since, each.answered_at))) for each in sessions])
    read = {(message.session_id, message.sender_id): message.order for message in messages if message.sender_id is not None}
    if read:
        _run(_READ, [(*who, order) for who, order in read.items()])


def keep_numbers(messages: Sequence[Message]) -> None:
    """Keep each one's number in its sender's own stream, with which it is told again to a client that asks again."""
    numbered = [(message.pk, message.sender_seq) for message in messages if message.client_message_id]
    if numbered:
        _run(_NUMBER, numbered)


def _insert(messages: Sequence[Message]) -> None:
    vendor = connection.vendor
    rows = [dict(zip("abcdefghijk", _values(each, vendor), strict=True)) for each in messages]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT[vendor], [as_json(rows)])
        numbers = {(session, order): pk for pk, session, order in cursor.fetchall()}
    for message in messages:
        message.pk = numbers[message.session_id, message.order]
        message._state.adding = False


def _values(message: Message, vendor: str) -> tuple[Any, ...]:
    public_id = message.public_id.hex if vendor == "sqlite" else message.public_id
    what = (message.sender_id, message.sender_type, message.is_note, message.text, message.said)
    return public_id, message.session_id, message.order, *what, message.client_message_id, message.sender_seq, _MOMENT[vendor](message.created_at)


def _run(statement: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement[connection.vendor], columns(rows))
