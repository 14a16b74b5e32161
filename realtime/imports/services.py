"""Storing what older systems held. Nobody is told of it: it is history."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts import sequences
from accounts.models import Agent, Customer, Role, User
from notifications import history
from notifications.models import Notification
from notifications.transactions import retried
from realtime.chat import appending
from realtime.chat.locking import locked
from realtime.chat.models import Message, Participant, Session
from realtime.imports.checking import Checked, Name, Row, check
from realtime.imports.lines import Line, Problem
from realtime.imports.models import Imported


@retried
def bring_in(lines: Iterable[Line | Problem], *, doubtful: set[Name], whole: bool = True) -> Checked:
    """Store what of a batch of lines is not there yet, in one transaction; `whole`: only if no line has a problem."""
    checked = check(lines, doubtful=doubtful)
    if not checked.rows or (whole and checked.problems):
        return checked
    made = dict(checked.known)
    concerned: set[int] = set()
    for store in _STORES:
        made |= store([row for row in checked.rows if row.kind in _STORES[store]], made, concerned)
    Imported.objects.bulk_create(Imported(kind=row.name[0], ref=row.name[1], row=made[row.name]) for row in checked.rows)
    # Whoever has a page open loads it anew instead of going on from a number. This locks, and so it comes last.
    history.break_off(concerned)
    return checked


def _people(rows: list[Row], made: Mapping[Name, int], concerned: set[int]) -> dict[Name, int]:
    chosen = [row.data["id"] for row in rows if "id" in row.data]
    if chosen:
        # Before they are stored: those that choose no number would be given one of these.
        sequences.put_past(User, max(chosen))
    users = {row.name: _user(row) for row in rows}
    User.objects.bulk_create(users.values())
    Agent.objects.bulk_create(Agent(user=users[row.name], max_sessions=row.data["max_sessions"]) for row in rows if row.data.get("role") == Role.AGENT)
    Customer.objects.bulk_create(_customer(row, users[row.name]) for row in rows if row.kind == "customer")
    return {name: user.pk for name, user in users.items()}


def _user(row: Row) -> User:
    said = row.data
    if row.kind == "customer":
        name = f"customer-{uuid.uuid4().hex}"
        joined = said.get("created_at") or timezone.now()
        return User(pk=said.get("id"), username=name, display_name=said["name"], role=Role.CUSTOMER, password=make_password(None), date_joined=joined)
    same = {name: said[name] for name in ("username", "display_name", "email", "role", "password", "is_active", "language")}
    return User(pk=said.get("id"), date_joined=said.get("date_joined") or timezone.now(), **same)


def _customer(row: Row, user: User) -> Customer:
    given = {name: row.data[name] for name in ("public_id", "external_id", "created_at") if name in row.data}
    return Customer(user=user, name=row.data["name"], channel=row.data["channel"], metadata=row.data["metadata"], **given)


def _notifications(rows: list[Row], made: Mapping[Name, int], concerned: set[int]) -> dict[Name, int]:
    stored = {}
    for row in rows:
        said = row.data
        user_id = made["user", said["user"]]
        same = {name: said[name] for name in ("type", "title", "message", "link", "data", "source", "status", "created_at")}
        read = said.get("read_at") or said["created_at"] if said["status"] == Notification.Status.READ else None
        stored[row.name] = Notification(user_id=user_id, read_at=read, **same)
        concerned.add(user_id)
    Notification.objects.bulk_create(stored.values())
    return {name: each.pk for name, each in stored.items()}


def _sessions(rows: list[Row], made: Mapping[Name, int], concerned: set[int]) -> dict[Name, int]:
    stored = {}
    for row in rows:
        said = row.data
        given: dict[str, Any] = {name: said[name] for name in ("public_id", "assigned_at", "answered_at", "closed_at", "rating", "rated_at") if name in said}
        same = {name: said[name] for name in ("channel", "subject", "status", "comment", "opened_at")}
        agent = made["user", said["agent"]] if said.get("agent") else None
        waiting = said["opened_at"] if said["status"] == Session.Status.WAITING else None
        stored[row.name] = Session(customer_id=made["user", said["customer"]], agent_id=agent, waiting_since=waiting, **(same | given))
    Session.objects.bulk_create(stored.values())
    for each in stored.values():
        people = [user for user in (each.customer_id, each.agent_id) if user is not None]
        parts: dict[tuple[int, int], Any] = {(each.pk, user): each.opened_at for user in people}
        _take_part(parts, concerned)
    return {name: each.pk for name, each in stored.items()}


def _messages(rows: list[Row], made: Mapping[Name, int], concerned: set[int]) -> dict[Name, int]:
    if not rows:
        return {}
    sessions = {each.pk: each for each in locked(Session.objects.filter(pk__in={made["session", row.data["session"]] for row in rows}))}
    stored: dict[Name, Message] = {}
    parts: dict[tuple[int, int], Any] = {}
    read: dict[int, int] = {}
    for row in rows:
        session = sessions[made["session", row.data["session"]]]
        message = stored[row.name] = _message(row, session, made)
        for user in (session.customer_id, session.agent_id, message.sender_id):
            if user is not None:
                parts.setdefault((session.pk, user), message.created_at)
        if row.data["read"]:
            read[session.pk] = message.order
    _take_part(parts, concerned)
    appending.store(list(stored.values()))
    for session_id, order in read.items():
        Participant.objects.filter(session=session_id, read_up_to__lt=order).update(read_up_to=order)
    return {name: each.pk for name, each in stored.items()}


def _message(row: Row, session: Session, made: Mapping[Name, int]) -> Message:
    said = row.data
    by_customer = said["sender_type"] == Message.SenderType.CUSTOMER
    sender = session.customer_id if by_customer else made["user", said["sender"]] if said.get("sender") else session.agent_id
    session.newest += 1
    if not said["note"]:
        session.written_at = said["created_at"]
        session.owed_since = (session.owed_since or said["created_at"]) if by_customer and session.status != Session.Status.CLOSED else None
        if not by_customer:
            session.answered_at = session.answered_at or said["created_at"]
    return Message(
        session=session,
        order=session.newest,
        sender_id=sender,
        sender_type=said["sender_type"],
        is_note=said["note"],
        text=said["text"],
        created_at=said["created_at"],
    )


def _take_part(parts: Mapping[tuple[int, int], Any], concerned: set[int]) -> None:
    rows = (Participant(session_id=session, user_id=user, joined_at=at) for (session, user), at in parts.items())
    Participant.objects.bulk_create(rows, ignore_conflicts=True)
    concerned.update(user for _session, user in parts)


# In this order, because each refers to those before it.
_STORES: Final = {
    _people: ("user", "customer"),
    _notifications: ("notification",),
    _sessions: ("session",),
    _messages: ("message",),
}
