"""Reading a user's stream: where a socket begins, what it has missed, and how far it is.

What must be true at one number is read in one statement, so a commit in between cannot split it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from django.db import connection

from accounts.batches import Batch
from accounts.executor import in_thread
from accounts.models import User
from accounts.standing import Standing
from notifications.columns import among, columns
from notifications.models import Body, Entry, Epoch, Inbox
from notifications.wire import splice

PAGE: Final = 500  # numbers per fill; bounds what one socket holds in memory while it catches up

_INBOX, _ENTRY, _BODY, _EPOCH, _USER = (model._meta.db_table for model in (Inbox, Entry, Body, Epoch, User))
# Questions of many sockets as the rows of one statement: a number to tell them apart by, a user, a number of its stream, topics.
_QUESTIONS: Final = {
    "postgresql": "SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::text[])",
    "sqlite": "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(%s)",
}
# The same, and who asks, who may be another than the user whose stream it is.
_ASKED: Final = {
    "postgresql": "SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[])",
    "sqlite": "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(%s)",
}
_CARRIED: Final = {
    "postgresql": "strpos(q.topics, '|' || e.topic || '|') > 0",
    "sqlite": "instr(q.topics, '|' || e.topic || '|') > 0",
}


def _listed(topics: Sequence[str]) -> str:
    return f"|{'|'.join(topics)}|"


Outcome = Literal["resumed", "other_epoch", "ahead", "too_far"]


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a user's stream stands as a socket opens, and how who opens it stands.

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

    def outcome(self, since: int, epoch: str | None, limit: int) -> Outcome:
        """Whether a client can go on from `since` without having lost anything, or why not."""
        if epoch not in (None, self.epoch):
            return "other_epoch"
        if since > self.head:
            return "ahead"
        return "resumed" if self.floor <= since and self.behind <= limit else "too_far"


def opening(user_id: int, topics: Sequence[str], *, since: int | None, limit: int, stream: int | None = None) -> Opening | None:
    """Read where the user's stream stands, or that of another user (`stream`); None if the user is gone. One statement."""
    return openings([(user_id, tuple(topics), since, limit, stream or user_id)])[0]


async def aopening(user_id: int, topics: Sequence[str], *, since: int | None, limit: int, stream: int | None = None) -> Opening | None:
    """The same from a coroutine: one statement for all sockets of this worker that open just now."""
    return await _openings.ask((user_id, tuple(topics), since, limit, stream or user_id))


def openings(questions: Sequence[Question]) -> list[Opening | None]:
    """Read where many streams stand, in one statement."""
    most = max((limit for *_, limit, _ in questions), default=0)
    rows = [(number, stream, since, _listed(topics), user_id) for number, (user_id, topics, since, _, stream) in enumerate(questions)]
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


Question = tuple[int, tuple[str, ...], int | None, int, int]
"""Who asks, which topics are carried, the client's cursor, up to where to count, and whose stream it is."""


_OPEN: Final = {
    vendor: f"""
        WITH q (number, user_id, since, topics, asker) AS ({questions})
        SELECT
            q.number, COALESCE(i.head, 0), COALESCE(i.floor, 0), (SELECT value FROM {_EPOCH} LIMIT 1),
            CASE WHEN q.since IS NULL THEN 0 ELSE (
                SELECT count(*) FROM (SELECT 1 FROM {_ENTRY} e WHERE e.user_id = q.user_id AND e.seq > q.since AND {_CARRIED[vendor]} LIMIT %s) AS b
            ) END,
            COALESCE(NULLIF(u.display_name, ''), u.username), u.language, u.token_version, u.role, u.is_staff, u.is_active, u.tokens_revoked_at
        FROM q JOIN {_USER} u ON u.id = q.asker LEFT JOIN {_INBOX} i ON i.user_id = q.user_id
    """
    for vendor, questions in _ASKED.items()
}


async def _ask(questions: Sequence[Question]) -> list[Opening | None]:
    return await in_thread(openings, questions)


_openings: Final = Batch(_ask, limit=500, at_once=2)


@dataclass(frozen=True, slots=True)
class Page:
    """Some frames of a stream, in order, and up to which number nothing else was there to carry."""

    frames: list[tuple[int, str]]
    upto: int
    head: int
    floor: int


Place = tuple[int, tuple[str, ...], int]
"""Whose stream, which topics are carried, and after which number to read."""


def page(user_id: int, topics: Sequence[str], *, after: int) -> Page:
    """Read the frames after `after` that a socket with these topics carries, out of the next PAGE numbers. One statement."""
    return pages([(user_id, tuple(topics), after)])[0]


async def apage(user_id: int, topics: Sequence[str], *, after: int) -> Page:
    """The same from a coroutine: one statement for many sockets of this worker, for they all read at once when Redis returns."""
    return await _pages.ask((user_id, tuple(topics), after))


def pages(places: Sequence[Place]) -> list[Page]:
    """Read a page of many streams, in one statement."""
    found = [Page([], 0, 0, 0) for _ in places]
    if not places:
        return found
    rows = [(number, user_id, after, _listed(topics)) for number, (user_id, topics, after) in enumerate(places)]
    with connection.cursor() as cursor:
        cursor.execute(_READ[connection.vendor], [*columns(rows), PAGE])
        for number, head, floor, seq, item, text in cursor.fetchall():
            page = found[number]
            if not page.head:
                page = found[number] = Page([], min(places[number][2] + PAGE, head), head, floor)
            if seq is not None:
                page.frames.append((seq, splice(text, seq=seq, item=item)))
    return found


_READ: Final = {
    vendor: f"""
        WITH q (number, user_id, after, topics) AS ({questions})
        SELECT q.number, i.head, i.floor, e.seq, e.item, b.text
        FROM q JOIN {_INBOX} i ON i.user_id = q.user_id
        LEFT JOIN {_ENTRY} e ON e.user_id = q.user_id AND e.seq > q.after AND e.seq <= q.after + %s AND {_CARRIED[vendor]}
        LEFT JOIN {_BODY} b ON b.id = e.body_id
        ORDER BY q.number, e.seq
    """
    for vendor, questions in _QUESTIONS.items()
}


async def _ask_pages(places: Sequence[Place]) -> list[Page]:
    return await in_thread(pages, places)


_pages: Final = Batch(_ask_pages, limit=20, at_once=4)


def heads(user_ids: Iterable[int]) -> dict[int, int]:
    """The newest number of each user that was ever told anything. One statement for a whole worker."""
    return dict(Inbox.objects.filter(user_id__in=among(user_ids)).values_list("user_id", "head"))
