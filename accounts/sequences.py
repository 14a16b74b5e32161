"""The numbers that the database gives to new rows, put ahead of those that somebody else has chosen or seen."""

from __future__ import annotations

from typing import Final

from django.db import connection, models

_LEAP: Final = 1000
"""How far a sequence is put ahead of a number that was chosen."""


def put_past(model: type[models.Model], number: int) -> None:
    """Let new rows have numbers above this one. PostgreSQL does not look at numbers that were chosen when it gives the next one. SQLite does."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [model._meta.db_table])
        (sequence,) = cursor.fetchone()
        # A lock orders those who move it. Nothing can lock out those who draw from it, who might
        # overtake us between reading and writing: the leap is longer than they can run.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [sequence])
        cursor.execute(f"SELECT setval('{sequence}', %s) FROM {sequence} WHERE last_value <= %s", [number + _LEAP, number])  # noqa: S608 - no user's text


def pass_over(model: type[models.Model], count: int) -> None:
    """Never give the next `count` numbers: a history that is lost may have given them."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [model._meta.db_table])
            (sequence,) = cursor.fetchone()
            cursor.execute(f"SELECT setval('{sequence}', last_value + %s) FROM {sequence}", [count])  # noqa: S608 - no user's text
            return
        cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [count, model._meta.db_table])
        if not cursor.rowcount:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [model._meta.db_table, count])
