"""The one door for telling a user anything.

Each user has a stream of numbered entries. `send` gives every recipient the next number in the same
transaction that stores what the event tells of, so numbers have no holes and follow commit order;
after commit it publishes. The push is a hint, the stream is the truth.

Call it from services only, once per transaction and last: it locks the recipients' inboxes, in
sorted order, and a second call could meet another transaction half-way.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import counting
from accounts.groups import publish, user_group
from notifications.columns import as_json, columns
from notifications.models import Body, Entry, Inbox
from notifications.wire import Durable, encode, splice

SENDS: Final = counting.Counter("switchboard_inbox_sends_total", "Transactions of workers that told somebody something and were committed.")
ENTRIES: Final = counting.Counter("switchboard_inbox_entries_total", "Entries that these gave a number in a user's stream, by topic.", "topic")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One event for some users.

    `items` maps a recipient to the id of its own row, where the event leaves that open.
    """

    recipients: Sequence[int]
    event: Durable | Late
    items: Mapping[int, int] | None = None


@dataclass(frozen=True)
class Late:
    """An event that can only be written once its number is known, such as a counter that is true at it.

    `write` gets the number that each recipient was given and is called under their locks: a
    statement that it makes sees all that was committed below these numbers.
    """

    write: Callable[[Mapping[int, int]], Mapping[int, Durable]]


class _Line(NamedTuple):
    user_id: int
    seq: int
    topic: str
    item: int | None
    body: str


def send(deliveries: Iterable[Delivery], *, numbered: Callable[[Sequence[Mapping[int, int]]], None] | None = None) -> dict[int, int]:
    """Tell all these events, in this order, and return each recipient's newest number.

    `numbered` is called under the locks with the numbers that each delivery's recipients were given,
    before anything is written: what it stores can know its number. Must be called inside a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("inbox.send belongs into the transaction that stores what it tells of")
    if settings.SWITCHBOARD.inbox_strict and any(isinstance(hook[1], _Publish) for hook in connection.run_on_commit):
        raise transaction.TransactionManagementError("inbox.send was called twice in one transaction; collect the deliveries and send them last")
    deliveries = [each for each in deliveries if each.recipients]
    heads = _number(Counter(user_id for each in deliveries for user_id in set(each.recipients)))
    numbers = _numbers(deliveries, heads)
    if numbered is not None:
        numbered(numbers)
    lines = _lines(deliveries, numbers)
    _store(lines, _store_bodies(line.body for line in lines))
    if lines:
        transaction.on_commit(_Publish(lines), robust=True)
    return heads


# In sorted order, so that two transactions cannot wait for each other; one statement locks, creates
# and numbers.
_NUMBER: Final = {
    "postgresql": f"""
        INSERT INTO {Inbox._meta.db_table} AS inbox (user_id, head, floor)
        SELECT t.user_id, t.n, 0 FROM unnest(%s::bigint[], %s::bigint[]) AS t (user_id, n) ORDER BY t.user_id
        ON CONFLICT (user_id) DO UPDATE SET head = inbox.head + excluded.head
        RETURNING user_id, head
    """,
    # Without WHERE, SQLite takes ON for a join's.
    "sqlite": f"""
        INSERT INTO {Inbox._meta.db_table} AS inbox (user_id, head, floor)
        SELECT value ->> 0, value ->> 1, 0 FROM json_each(%s) WHERE true ORDER BY value ->> 0
        ON CONFLICT (user_id) DO UPDATE SET head = inbox.head + excluded.head
        RETURNING user_id, head
    """,
}

_STORE: Final = {
    "postgresql": f"""
        INSERT INTO {Entry._meta.db_table} (user_id, seq, topic, item, body_id)
        SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[])
    """,
    "sqlite": f"""
        INSERT INTO {Entry._meta.db_table} (user_id, seq, topic, item, body_id)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(%s)
    """,
}


_STORE_BODIES: Final = {
    "postgresql": f"INSERT INTO {Body._meta.db_table} (created_at, text) SELECT %s, value FROM json_array_elements_text(%s::json) RETURNING text, id",
    "sqlite": f"INSERT INTO {Body._meta.db_table} (created_at, text) SELECT %s, value FROM json_each(%s) WHERE true RETURNING text, id",
}


def _number(counts: Mapping[int, int]) -> dict[int, int]:
    """Give each user as many numbers as it gets events; returns the last of each."""
    if not counts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER[connection.vendor], columns(list(counts.items())))
        return dict(cursor.fetchall())


def _numbers(deliveries: Sequence[Delivery], heads: Mapping[int, int]) -> list[dict[int, int]]:
    """The number of each recipient, for each delivery."""
    left = Counter(user_id for each in deliveries for user_id in set(each.recipients))
    numbers = []
    for each in deliveries:
        seqs = {}
        for user_id in dict.fromkeys(each.recipients):
            left[user_id] -= 1
            seqs[user_id] = heads[user_id] - left[user_id]
        numbers.append(seqs)
    return numbers


def _lines(deliveries: Sequence[Delivery], numbers: Sequence[Mapping[int, int]]) -> list[_Line]:
    lines = []
    for each, seqs in zip(deliveries, numbers, strict=True):
        items = each.items or {}
        if isinstance(each.event, Late):
            written = each.event.write(seqs)
            if written.keys() != seqs.keys():
                raise ValueError("a late event must be written for exactly its recipients, or their numbers would have holes")
            for user_id, event in written.items():
                lines.append(_Line(user_id, seqs[user_id], event.topic, items.get(user_id), encode(event)))
        else:
            body = encode(each.event)
            lines += [_Line(user_id, seq, each.event.topic, items.get(user_id), body) for user_id, seq in seqs.items()]
    return lines


def _store_bodies(texts: Iterable[str]) -> dict[str, int]:
    """Store each text once; returns their ids."""
    different = list(dict.fromkeys(texts))
    if not different:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STORE_BODIES[connection.vendor], [timezone.now(), as_json(different)])
        return dict(cursor.fetchall())


def _store(lines: Sequence[_Line], body_ids: Mapping[str, int]) -> None:
    if lines:
        with connection.cursor() as cursor:
            cursor.execute(_STORE[connection.vendor], columns([(line.user_id, line.seq, line.topic, line.item, body_ids[line.body]) for line in lines]))


@dataclass(frozen=True)
class _Publish:
    lines: Sequence[_Line]

    def __call__(self) -> None:
        at = time.time()  # from when on it is on its way, for the one who measures how long that takes
        for topic, count in Counter(line.topic for line in self.lines).items():
            ENTRIES.add(topic, by=count)
        SENDS.add()
        publish(
            (
                user_group(line.user_id),
                {"type": "push", "seq": line.seq, "topic": line.topic, "at": at, "frame": splice(line.body, seq=line.seq, item=line.item)},
            )
            for line in self.lines
        )
