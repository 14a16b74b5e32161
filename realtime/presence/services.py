"""Who is here, for REST, the admin and your own code; and when they were seen last."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django import db
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from accounts.executor import in_thread
from accounts.models import Role, User
from accounts.redis import RedisAway
from notifications.columns import columns
from realtime.presence import store
from realtime.presence.models import LastSeen
from realtime.presence.store import OFFLINE, PAGE, Answer, Change

logger = logging.getLogger(__name__)

MOST: Final = 1000
"""People in one answer."""
PATIENCE: Final = 3.0
"""Seconds that a question waits for a Redis that has just lost its memory: the workers see that within one, and then make
their connections known again. Who has not come back by then has gone with its worker."""
_PAUSE: Final = 0.1

_TABLE: Final = LastSeen._meta.db_table
# Who was deleted may have been here until then, and nothing is kept of that.
_STANDS: Final = f"EXISTS (SELECT 1 FROM {User._meta.db_table} AS person WHERE person.id = t.user_id AND person.deleted_at IS NULL)"
_NOTE: Final = {
    "postgresql": f"""
        INSERT INTO {_TABLE} AS seen (user_id, at) SELECT t.user_id, to_timestamp(t.at / 1000.0) FROM unnest(%s::bigint[], %s::bigint[]) AS t (user_id, at)
        WHERE {_STANDS} ORDER BY t.user_id ON CONFLICT (user_id) DO UPDATE SET at = excluded.at WHERE seen.at < excluded.at - %s * interval '1 second'
    """,
    "sqlite": f"""
        INSERT INTO {_TABLE} AS seen (user_id, at)
        SELECT t.user_id, strftime('%%Y-%%m-%%d %%H:%%M:%%f', t.at / 1000.0, 'unixepoch')
        FROM (SELECT value ->> 0 AS user_id, value ->> 1 AS at FROM json_each(%s)) AS t WHERE {_STANDS}
        ON CONFLICT (user_id) DO UPDATE SET at = excluded.at
        WHERE julianday(seen.at) < julianday(excluded.at) - %s / 86400.0
    """,
}


@dataclass(frozen=True, slots=True)
class Person:
    """How somebody looks to others: who has chosen `offline` is not here."""

    user_id: int
    status: str
    connections_count: int
    last_seen: datetime | None

    @property
    def online(self) -> bool:
        return self.status != OFFLINE


@dataclass(frozen=True, slots=True)
class Connections:
    """Who has connections, over all workers; it is about connections, so also who appears offline. `users`: some of them by name."""

    total_users: int
    total_connections: int
    users: Mapping[str, int]


def ask(operation: str, **job: Any) -> Answer:
    """Do a step of the store that only reads, and do it again while who is here may not be known yet. Raises RedisAway."""
    deadline = time.monotonic() + PATIENCE
    answer = store.step(operation, **job)
    while answer.young and time.monotonic() < deadline:
        time.sleep(_PAUSE)
        answer = store.step(operation, **job)
    return answer


async def aask(operation: str, **job: Any) -> Answer:
    """The same from a coroutine."""
    deadline = time.monotonic() + PATIENCE
    answer = await store.astep(operation, **job)
    while answer.young and time.monotonic() < deadline:
        await asyncio.sleep(_PAUSE)
        answer = await store.astep(operation, **job)
    return answer


def visible_to(user: User) -> QuerySet[User]:
    """Those whose presence a user may see: customers are seen by agents only, and see only the agent that serves them."""
    active: QuerySet[User] = User.objects.filter(is_active=True)
    if user.role == Role.AGENT:
        return active
    if user.role == Role.CUSTOMER:
        return active.filter(serving__customer=user, serving__status="open")
    return active.exclude(role=Role.CUSTOMER)


def look(user: User) -> Person:
    """How somebody is. Raises RedisAway."""
    answer = ask("look", kind=store.who(user.pk, customer=user.role == Role.CUSTOMER)[0], users=[str(user.pk)])
    [(told, count)] = answer.said["people"]
    return _person(user.pk, told, count, _last_seen([user.pk]))


def statuses(user_ids: Sequence[int]) -> dict[int, tuple[str, int]] | None:
    """How these members and agents are, and how many connections each has. It does not wait.

    None: it is not known, because Redis is away or has just lost its memory.
    """
    found: dict[int, tuple[str, int]] = {}
    try:
        for start in range(0, len(user_ids), PAGE):
            page = user_ids[start : start + PAGE]
            answer = store.step("look", kind="p", users=[str(each) for each in page])
            if answer.young:
                return None
            found |= {user: (word(told), count) for user, (told, count) in zip(page, list(answer.said["people"]), strict=True)}
    except RedisAway:
        return None
    return found


def newest(limit: int) -> tuple[int, list[Person]]:
    """How many members and agents are online, and those who came last, newest first. Raises RedisAway."""
    answer = ask("online", limit=min(limit, MOST))
    found = list(answer.said["people"])
    seen = _last_seen(int(user) for user, *_ in found)
    return answer.online, [_person(int(user), told, count, seen) for user, told, count, _since in found]


def connections(*, named: bool) -> Connections:
    """Who has connections; with `named` at most MOST of them by their usernames. Raises RedisAway."""
    answer = ask("stats", cursor="0", names=PAGE if named else 0)
    counts: dict[str, int] = dict(answer.said["people"])
    totals, cursor = answer.said, answer.said["cursor"]
    while cursor != "0" and len(counts) < MOST:
        answer = store.step("stats", cursor=cursor, names=PAGE)
        counts |= dict(answer.said["people"])
        cursor = answer.said["cursor"]
    users: Counter[int] = Counter()
    for who, count in list(counts.items())[:MOST]:
        users[int(who[2:])] += count
    names = User.objects.filter(pk__in=users).values_list("pk", "username") if users else ()
    return Connections(totals["users"], totals["connections"], {name: users[pk] for pk, name in names if users[pk]})


def word(told: str) -> str:
    """The status alone, of one as it is kept: a word, and after a space what else was said."""
    return told.partition(" ")[0]


def _person(user_id: int, told: str, count: int, seen: Mapping[int, datetime]) -> Person:
    return Person(user_id, word(told), count, seen.get(user_id))


def _last_seen(user_ids: Iterable[int]) -> dict[int, datetime]:
    wanted = list(user_ids)
    return dict(LastSeen.objects.filter(user__in=wanted).values_list("user", "at")) if wanted else {}


class Seen:
    """When people came or went last, until it is written."""

    def __init__(self) -> None:
        self._at: dict[int, int] = {}

    def take(self, changes: Iterable[Change]) -> None:
        """Keep what is to be written of these."""
        self._at |= {int(each.who[2:]): each.at for each in changes if each.kind in ("online", "offline")}

    async def write(self) -> None:
        """Write some of it; the rest later, and all while the database does not answer."""
        page = dict(islice(self._at.items(), PAGE))
        if not page:
            return
        try:
            await in_thread(note_seen, page)
        except db.Error as error:
            logger.warning("When people were seen last is written later: %s", error)
            return
        self._at = {user: at for user, at in self._at.items() if page.get(user) != at}


def note_seen(seen: Mapping[int, int]) -> None:
    """Keep when these users came or went (Unix time in milliseconds), unless that was noted less than PRESENCE_SEEN_INTERVAL before."""
    if not seen:
        return
    interval = settings.SWITCHBOARD.presence_seen_interval
    with connection.cursor() as cursor:
        cursor.execute(_NOTE[connection.vendor], [*columns(sorted(seen.items())), interval])
