"""All that there is of one person: written out, and deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet
from django.utils import timezone

import accounts.personal
import notifications.personal
from accounts.models import User
from accounts.personal import erase_log
from notifications import history
from notifications.transactions import retried
from realtime.chat import personal as chat
from realtime.chat.models import Message, Session
from realtime.desk.models import Contact
from realtime.imports.models import Imported
from realtime.presence.models import LastSeen
from realtime.tasks.models import Task

FORMAT: Final = "switchboard-person-1"
_TASK: Final = ("public_id", "title", "status", "message", "result", "error", "link", "created_at", "updated_at", "ended_at")


def find(name: str) -> User | None:
    """The user with this username, or else this number."""
    by_number = Q(pk=int(name)) if name.isascii() and name.isdigit() and len(name) < 17 else Q(pk=None)
    found = {user.username == name: user for user in User.objects.filter(Q(username=name) | by_number)}
    return found.get(True) or found.get(False)


def export(user: User) -> Iterator[str]:
    """Everything about this person, as the pieces of one JSON object, so that no more than a part of it is in memory."""
    yield f'{{\n "format": {json.dumps(FORMAT)},\n "exported_at": {_json(timezone.now())}'
    for name, section in chain(accounts.personal.export(user), notifications.personal.export(user), chat.export(user), _export(user)):
        yield f",\n {json.dumps(name)}: "
        yield from [_json(section)] if isinstance(section, Mapping) else _listed(section)
    yield "\n}\n"


@retried
def erase(user_id: int) -> Mapping[str, int]:
    """Delete what there is of this person, in one transaction; returns what went, by its name.

    Its sockets are closed, its tokens are worthless. What is left of it is a row that nobody can log in with,
    shown as a deleted account. Whoever talked with it loads anew, and sees that.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    gone, concerned = chat.erase(user)
    rest = {"contacts": Contact.objects.filter(pk=user.pk), "tasks": Task.objects.filter(owner=user), "last seen": LastSeen.objects.filter(pk=user.pk)}
    counts = {**gone, "imported references": _imported(user).delete()[0]}
    for name, rows in rest.items():
        erase_log(rows)
        counts[name] = rows.delete()[0]
    counts |= notifications.personal.erase(user)
    counts |= accounts.personal.erase(user)
    history.break_off(concerned)
    return counts


def _export(user: User) -> Iterator[tuple[str, Any]]:
    yield "tasks", Task.objects.filter(owner=user).order_by("pk").values(*_TASK)
    yield "contact", Contact.objects.filter(pk=user.pk).values("email", "created_at", "mailed_at")
    yield "last_seen", LastSeen.objects.filter(pk=user.pk).values("at")
    yield "imported_from", _imported(user).filter(kind=Imported.Kind.USER).values("ref")


def _imported(user: User) -> QuerySet[Imported]:
    sessions = Session.objects.filter(customer=user)
    ours = {
        Imported.Kind.USER: [user.pk],
        Imported.Kind.NOTIFICATION: user.notifications.values("pk"),
        Imported.Kind.SESSION: sessions.values("pk"),
        Imported.Kind.MESSAGE: Message.objects.filter(Q(session__in=sessions.values("pk"))).values("pk"),
    }
    wanted = Q()
    for kind, rows in ours.items():
        wanted |= Q(kind=kind, row__in=rows)
    return Imported.objects.filter(wanted)


def _listed(rows: Iterable[Any]) -> Iterator[str]:
    between = ""
    yield "["
    for row in rows.iterator() if isinstance(rows, QuerySet) else rows:
        yield f"{between}\n  {_json(row)}"
        between = ","
    yield "]"


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
