"""Breaking a history off, so that clients load anew what they show instead of going on from a number.

Numbers are passed over and no longer kept: a cursor below them is answered `resumed: false`, whether or
not it names an epoch, and an open socket is told to begin anew by its next push or heartbeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from django.db import connection, transaction

from accounts import sequences
from accounts.groups import publish, user_group
from accounts.models import User
from notifications.columns import columns
from notifications.models import Epoch, Inbox, Notification, new_epoch
from notifications.transactions import retried

LEAP: Final = 10**9
"""Numbers that each stream passes over after a restore: more than the lost history can have given, and a JavaScript number holds nine million such leaps."""
_IDS: Final = 10**6
"""Numbers of users and of notifications that are never given after one: tokens of the lost history name some of them."""
_PAGE: Final = 5_000  # users per transaction: short locks


def break_off(user_ids: Iterable[int], *, by: int = 2) -> None:
    """Pass over the next `by` numbers of each of these streams, at least two: the very next one would leave no hole that a socket looks into.

    Must be in the transaction that changes what clients show, and late in it: it locks.
    """
    rows = [(user_id, by) for user_id in sorted(set(user_ids))]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(_PASS[connection.vendor], columns(rows))
        heads = dict(cursor.fetchall())
    transaction.on_commit(lambda: _hint(heads), robust=True)


def begin_anew() -> int:
    """After a restore: another epoch, and no number that the lost history gave is given again. Returns how many streams there are."""
    with transaction.atomic():
        Epoch.objects.all().delete()
        Epoch.objects.create(value=new_epoch())
        for model in (User, Notification):
            sequences.pass_over(model, _IDS)
    count, waiting = 0, _users()
    while page := list(islice(waiting, _PAGE)):
        _begin_page(page)
        count += len(page)
    return count


@retried
def _begin_page(user_ids: list[int]) -> None:
    break_off(user_ids, by=LEAP)


def _users() -> Iterator[int]:
    after = 0
    while page := list(User.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:_PAGE]):
        yield from page
        after = page[-1]


def _hint(heads: dict[int, int]) -> None:
    """Sockets that hear this look at once and not with their next heartbeat. No topic, so it is never sent itself."""
    publish((user_group(user_id), {"type": "push", "seq": head, "topic": "", "frame": ""}) for user_id, head in heads.items())


# As in `inbox.send`: in sorted order, and one statement locks, creates and numbers.
_PASS: Final = {
    "postgresql": f"""
        INSERT INTO {Inbox._meta.db_table} AS inbox (user_id, head, floor)
        SELECT t.user_id, t.n, t.n FROM unnest(%s::bigint[], %s::bigint[]) AS t (user_id, n) ORDER BY t.user_id
        ON CONFLICT (user_id) DO UPDATE SET head = inbox.head + excluded.head, floor = inbox.head + excluded.head
        RETURNING user_id, head
    """,
    "sqlite": f"""
        INSERT INTO {Inbox._meta.db_table} AS inbox (user_id, head, floor)
        SELECT value ->> 0, value ->> 1, value ->> 1 FROM json_each(%s) WHERE true ORDER BY value ->> 0
        ON CONFLICT (user_id) DO UPDATE SET head = inbox.head + excluded.head, floor = inbox.head + excluded.head
        RETURNING user_id, head
    """,
}
