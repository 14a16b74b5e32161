"""Reading a user's stream: where a socket begins, what it has missed, and how far it is.

What must be true at one number is read in one statement, so a commit in between cannot split it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import connection

from accounts.batches import Batch
from accounts.executor import in_thread
from accounts.models import User
from accounts.standing import Standing
from notifications.columns import columns
from notifications.models import Body, Entry, Epoch, Inbox
from notifications.wire import splice

PAGE: Final = 500  # frames per fill; bounds what one socket holds in memory while it catches up

_INBOX, _ENTRY, _BODY = (model._meta.db_table for model in (Inbox, Entry, Body))


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a user's stream stands as a socket opens.

    `behind` counts the entries after the client's cursor that this socket carries, and stops
    counting one past the limit.
    """

    head: int
    floor: int
    epoch: str
    behind: int
    shown_name: str
    language: str
    standing: Standing

    def reaches(self, since: int, epoch: str | None, limit: int) -> bool:
        """Whether a client can go on from `since` without having lost anything."""
        return self.floor <= since <= self.head and epoch in (None, self.epoch) and self.behind <= limit


def opening(user_id: int, topics: Sequence[str], *, since: int | None, limit: int) -> Opening | None:
    """Read where the stream stands, or None if the user is gone. One statement."""
    return openings([(user_id, tuple(topics), since, limit)])[0]


async def aopening(user_id: int, topics: Sequence[str], *, since: int | None, limit: int) -> Opening | None:
    """The same from a coroutine: one statement for all sockets of this worker that open just now."""
    return await _openings.ask((user_id, tuple(topics), since, limit))


def openings(questions: Sequence[Question]) -> list[Opening | None]:
    """Read where many streams stand, in one statement."""
    most = max((limit for *_, limit in questions), default=0)
    rows = [(number, user_id, since, f"|{'|'.join(topics)}|") for number, (user_id, topics, since, _) in enumerate(questions)]
    found: list[Opening | None] = [None] * len(questions)
    if not rows:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_OPEN[connection.vendor], [*columns(rows), most + 1])
        for number, head, floor, epoch, behind, shown_name, language, version, role, is_staff, is_active, revoked_at in cursor.fetchall():
            standing = Standing(version, role, is_staff, is_active, _unix(revoked_at))
            # Counted up to the highest limit among them, so that one statement does for all.
            found[number] = Opening(head, floor, epoch, min(behind, questions[number][3] + 1), shown_name, language, standing)
    return found


def _unix(moment: datetime | None) -> float:
    if moment is None:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


Question = tuple[int, tuple[str, ...], int | None, int]
"""Whose stream, which topics are carried, the client's cursor, and up to where to count."""

_EPOCH, _USER = Epoch._meta.db_table, User._meta.db_table


def _open(questions: str, carried: str) -> str:
    return f"""
        WITH q (number, user_id, since, topics) AS ({questions})
        SELECT
            q.number, COALESCE(i.head, 0), COALESCE(i.floor, 0), (SELECT value FROM {_EPOCH} LIMIT 1),
            CASE WHEN q.since IS NULL THEN 0 ELSE (
                SELECT count(*) FROM (SELECT 1 FROM {_ENTRY} e WHERE e.user_id = q.user_id AND e.seq > q.since AND {carried} LIMIT %s) AS b
            ) END,
            COALESCE(NULLIF(u.display_name, ''), u.username), u.language, u.token_version, u.role, u.is_staff, u.is_active, u.tokens_revoked_at
        FROM q JOIN {_USER} u ON u.id = q.user_id LEFT JOIN {_INBOX} i ON i.user_id = q.user_id
    """


_OPEN: Final = {
    "postgresql": _open(
        "SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::text[])",
        "strpos(q.topics, '|' || e.topic || '|') > 0",
    ),
    "sqlite": _open(
        "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(%s)",
        "instr(q.topics, '|' || e.topic || '|') > 0",
    ),
}


async def _ask(questions: Sequence[Question]) -> list[Opening | None]:
    return await in_thread(openings, questions)


_openings: Final = Batch(_ask, limit=500, at_once=2)


@dataclass(frozen=True, slots=True)
class Page:
    """Some frames of a stream, in order, and up to which number nothing else was there to carry."""

    frames: Sequence[tuple[int, str]]
    upto: int
    head: int
    floor: int


def page(user_id: int, topics: Sequence[str], *, after: int) -> Page:
    """Read the frames after `after` that a socket with these topics carries, at most PAGE. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT i.head, i.floor, e.seq, e.item, b.text
            FROM {_INBOX} i
            LEFT JOIN {_ENTRY} e ON e.user_id = i.user_id AND e.seq > %s AND {_carried(topics)}
            LEFT JOIN {_BODY} b ON b.id = e.body_id
            WHERE i.user_id = %s ORDER BY e.seq LIMIT %s
            """,
            [after, *topics, user_id, PAGE],
        )
        rows = cursor.fetchall()
    if not rows:
        return Page((), 0, 0, 0)
    head, floor = rows[0][:2]
    frames = [(seq, splice(text, seq=seq, item=item)) for _, _, seq, item, text in rows if seq is not None]
    return Page(frames, frames[-1][0] if len(frames) == PAGE else head, head, floor)


def heads(user_ids: Iterable[int]) -> dict[int, int]:
    """The newest number of each user that was ever told anything. One statement for a whole worker."""
    return dict(Inbox.objects.filter(user_id__in=list(user_ids)).values_list("user_id", "head"))


def _carried(topics: Sequence[str]) -> str:
    return f"e.topic IN ({', '.join(['%s'] * len(topics))})"
