"""Many rows as a few parameters: a list of 10,000 ids costs the driver more than the statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models.expressions import RawSQL


def among(ids: Iterable[int]) -> RawSQL:
    """These numbers as a subquery with one parameter: `filter(pk__in=among(ids))`."""
    return RawSQL(NUMBERS[connection.vendor], [numbers(ids)])  # noqa: S611 - one of our own two texts


NUMBERS: Final = {"postgresql": "SELECT unnest(%s::bigint[])", "sqlite": "SELECT value FROM json_each(%s)"}
"""A subquery of numbers, whose parameter is made by `numbers`."""


def numbers(ids: Iterable[int]) -> str:
    """Numbers as one text parameter: an array literal for PostgreSQL, JSON for SQLite."""
    opening, closing = "[]" if connection.vendor == "sqlite" else "{}"
    return opening + ",".join(map(str, ids)) + closing


def columns(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Rows of numbers and plain words, one at least, as text parameters of one statement.

    PostgreSQL gets an array literal per column, to be unnested; SQLite one JSON array of arrays.
    """
    if connection.vendor == "sqlite":
        return [msgspec.json.encode(rows).decode()]
    # JSON's writer is fast, and of numbers, null and plain words an array literal is what JSON has, in other brackets.
    return ["{" + msgspec.json.encode([row[nth] for row in rows]).decode()[1:-1] + "}" for nth in range(len(rows[0]))]


def as_json(rows: Sequence[Any]) -> str:
    """Rows of any kind as one text parameter, which both databases read faster than the driver writes a list of them."""
    return msgspec.json.encode(rows).decode()
