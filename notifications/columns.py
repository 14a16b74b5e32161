"""Many rows as a few parameters: a list of 10,000 ids costs the driver more than the statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import connection


def columns(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Rows of numbers and plain words, one at least, as text parameters of one statement.

    PostgreSQL gets an array literal per column, to be unnested; SQLite one JSON array of arrays.
    """
    if connection.vendor == "sqlite":
        return [msgspec.json.encode(rows).decode()]
    return ["{" + ",".join("NULL" if value is None else str(value) for value in column) + "}" for column in zip(*rows, strict=True)]
