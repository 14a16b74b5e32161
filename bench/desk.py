"""The support desk's people, and what is stored of what they say. For `bench.shop`."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from accounts import standing, tokens
from accounts.models import Agent, Customer, Role, User
from bench.load import FIRST
from notifications.models import Body, Entry, Inbox
from realtime.chat.models import Attendance, Message, Participant, Session, Transfer
from realtime.chat.routing import here

LOAD = 1000  # sessions that an agent takes at once


def desk(pairs: int) -> dict[str, Any]:
    """So many customers and as many agents, made when they are first asked for; their tokens by number."""
    said = {}
    for role, kind, facts in ((Role.AGENT, Agent, {"max_sessions": LOAD}), (Role.CUSTOMER, Customer, {"name": "Ann", "channel": "WEB"})):
        there = User.objects.filter(role=role).count()
        users = [User(username=f"{role}{n}", display_name=f"{kind.__name__} {n}", password="!", role=role) for n in range(there, pairs)]  # noqa: S106
        User.objects.bulk_create(users)
        kind._base_manager.bulk_create(kind(user=user, **facts) for user in users)
        Inbox.objects.bulk_create(Inbox(user=user, head=FIRST, floor=FIRST) for user in users)
        everybody = list(User.objects.filter(role=role).order_by("pk")[:pairs])
        # As for everybody who was here today.
        standing.put({user.pk: user.standing for user in everybody})
        said[f"{role}s"] = {user.pk: tokens.issue(user)[0] for user in everybody}
    return said


def clear_desk() -> dict[str, Any]:
    """Forget all that was said, by any of the servers."""
    with transaction.atomic():
        for model in (Entry, Body, Message, Participant, Transfer, Attendance, Session):
            model._base_manager.all()._raw_delete("default")
        Inbox.objects.update(head=FIRST, floor=FIRST)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS hand_made_message")
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")
    return {}


def attending() -> dict[str, Any]:
    """How many agents can be given sessions. After Redis has been emptied it takes some seconds until that is known."""
    present = here()
    return {"count": len(present.available) if present is not None else 0}


def stored(table: str) -> dict[str, Any]:
    """How many messages a table has that a client gave a name; what the system says has none."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)} WHERE client_message_id <> ''")  # noqa: S608
        return {"count": cursor.fetchone()[0]}


def backends() -> dict[str, Any]:
    """The processes of the database; of SQLite, which has none, none."""
    if connection.vendor != "postgresql":
        return {"pids": []}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity")
        return {"pids": [pid for (pid,) in cursor.fetchall()]}
