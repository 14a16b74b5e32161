"""What the database says that each person was told, and how a client's own list differs from it."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.faults.client import Client

ROWS = """
    SELECT e.user_id, e.seq, n.id, n.title FROM notifications_entry e
    LEFT JOIN notifications_notification n ON n.id = e.item AND n.user_id = e.user_id
    WHERE e.user_id IN ({}) ORDER BY e.user_id, e.seq
"""

HEADS = "SELECT user_id, head FROM notifications_inbox WHERE user_id IN ({})"


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of a stream with the notification that it tells of."""

    seq: int
    id: int
    title: str


def rows(database_url: str, people: Iterable[int]) -> dict[int, list[Row]]:
    """Everybody's entries in order, read straight from the database at that address."""
    found: dict[int, list[Row]] = defaultdict(list)
    for user_id, *row in _ask(database_url, ROWS.format(_listed(people))):
        found[user_id].append(Row(*row))
    return found


def heads(database_url: str, people: Iterable[int]) -> dict[int, int]:
    """Everybody's newest number; nothing of who was never told anything."""
    return dict(_ask(database_url, HEADS.format(_listed(people))))


def _listed(people: Iterable[int]) -> str:
    return ", ".join(str(int(user_id)) for user_id in people)


def _ask(database_url: str, query: str) -> list[Any]:
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=20)) as file:
            return file.execute(query).fetchall()
    with psycopg.connect(database_url) as server:
        return server.execute(query.encode()).fetchall()


def differences(client: Client, rows: Sequence[Row], *, so_far: bool = False) -> list[str]:
    """What a client has otherwise than these rows of its person, in words. `so_far`: it may lack the last of them."""
    if client.start is None:
        return [] if so_far else ["never connected"]
    numbers = [row.seq for row in rows]
    found = [] if numbers == list(range(1, len(rows) + 1)) else [f"the stream itself has holes: {numbers}"]
    if strange := client.known - {row.id for row in rows}:
        found.append(f"reloaded {strange}, which is not there")
    wanted = [(row.seq, row.id, row.title) for row in rows if row.seq > client.start and row.id not in client.known]
    have = [(each.seq, each.id, each.title) for each in client.applied]
    if have != (wanted[: len(have)] if so_far else wanted):
        missing, extra = [each for each in wanted if each not in have], [each for each in have if each not in wanted]
        found.append(f"lacks {len(missing)}: {missing[:3]}, has {len(extra)} too many: {extra[:3]}, of {len(wanted)}")
    return [f"person {client.user_id} on {client.connections}: {each}" for each in [*found, *client.complaints]]
