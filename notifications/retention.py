"""Forgetting: streams reach back as far as the retention and no further."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Exists, OuterRef

from notifications.columns import among, columns
from notifications.models import Body, Entry, Inbox, Notification
from notifications.transactions import retried

_BATCH: Final = 5_000  # entries per transaction: short locks, so that nobody who is told something waits


def prune(*, before: datetime) -> int:
    """Delete what was told before `before`, and raise the floor of the streams it was in. Returns how many entries went."""
    deleted = 0
    while True:
        looked_at, entries = _prune_batch(before)
        deleted += entries
        if looked_at < _BATCH:
            return deleted


def prune_notifications(*, before: datetime) -> int:
    """Delete the notifications made before `before`, read or not; returns how many. Nobody is told: pages that show them load them no more."""
    old, deleted = Notification.objects.filter(created_at__lt=before), 0
    while pks := list(old.order_by("created_at").values_list("pk", flat=True)[:_BATCH]):
        deleted += Notification.objects.filter(pk__in=among(pks)).delete()[0]
    return deleted


# Entries of old bodies, oldest first; an old body that nobody has any more is a row too. In the order
# of an index and no other: with a second column all that is old would be sorted for each batch.
_OLDEST: Final = f"""
    SELECT b.id, e.user_id, e.seq FROM {Body._meta.db_table} b LEFT JOIN {Entry._meta.db_table} e ON e.body_id = b.id
    WHERE b.created_at < %s ORDER BY b.created_at LIMIT %s
"""

_PAIRS: Final = {
    "postgresql": "SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS t (user_id, seq)",
    "sqlite": "SELECT value ->> 0 AS user_id, value ->> 1 AS seq FROM json_each(%s)",
}
_RAISE: Final = f"UPDATE {Inbox._meta.db_table} AS i SET floor = t.seq FROM ({{pairs}}) AS t WHERE i.user_id = t.user_id AND i.floor < t.seq"
_DELETE: Final = f"DELETE FROM {Entry._meta.db_table} WHERE (user_id, seq) IN ({{pairs}})"


@retried
def _prune_batch(before: datetime) -> tuple[int, int]:
    """Forget at most _BATCH entries; how many rows there were to look at, and how many entries went."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, [connection.ops.adapt_datetimefield_value(before), _BATCH])
        rows = cursor.fetchall()
        count = forget([(user_id, seq) for _body, user_id, seq in rows if user_id is not None])
    # The last one's other entries may be the next batch's.
    forget_bodies({row[0] for row in rows})
    return len(rows), count


def forget_bodies(pks: Iterable[int]) -> None:
    """Delete those of these bodies that stand in no stream any more."""
    Body.objects.filter(~Exists(Entry.objects.filter(body=OuterRef("pk"))), pk__in=among(pks))._raw_delete(Body.objects.db)


def forget(entries: Sequence[tuple[int, int]]) -> int:
    """Delete these entries, each a user and a number, and raise the floors; returns how many went. Must be called inside a transaction."""
    if not entries:
        return 0
    floors: dict[int, int] = {}
    for user_id, seq in entries:
        floors[user_id] = max(seq, floors.get(user_id, 0))
    # Locked in the order in which `inbox.send` locks. A cursor below the new floor is answered
    # `resumed: false`, so the floor must be up in the transaction that deletes.
    list(Inbox.objects.filter(pk__in=floors).order_by("pk").select_for_update().values_list("pk"))
    pairs = _PAIRS[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(_RAISE.format(pairs=pairs), columns(list(floors.items())))
        cursor.execute(_DELETE.format(pairs=pairs), columns(entries))
        return int(cursor.rowcount)
