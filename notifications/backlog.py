"""Reading a user's stream: where a socket begins, what it has missed, and how far it is.

What must be true at one number is read in one statement, so a commit in between cannot split it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, NullIf

from accounts.models import User
from accounts.standing import Standing
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
    behind: RawSQL | Value = Value(0)
    if since is not None:
        counted = f"SELECT 1 FROM {_ENTRY} e WHERE e.user_id = %s AND e.seq > %s AND {_carried(topics)} LIMIT %s"
        behind = RawSQL(f"SELECT count(*) FROM ({counted}) AS b", [user_id, since, *topics, limit + 1])
    stream = (Coalesce("inbox__head", 0), Coalesce("inbox__floor", 0), Subquery(Epoch.objects.values("value")[:1]), behind)
    person = (Coalesce(NullIf("display_name", Value("")), "username"), "language")
    standing = ("token_version", "role", "is_staff", "is_active", "tokens_revoked_at")
    row = User.objects.filter(pk=user_id).order_by().values_list(*stream, *person, *standing).first()
    if row is None:
        return None
    head, floor, epoch, count, shown_name, language, version, role, is_staff, is_active, revoked_at = row
    stands = Standing(version, role, is_staff, is_active, revoked_at.timestamp() if revoked_at else 0.0)
    return Opening(head, floor, epoch, count, shown_name, language, stands)


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
