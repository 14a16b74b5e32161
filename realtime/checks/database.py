"""What `manage.py check --deploy` finds in the database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts.redis import RedisAway
from realtime.checks.clocks import Clocks
from realtime.presence.store import workers
from realtime.shares import share_out

FEWEST: Final = 6
"""Connections of a worker: with fewer, three slow requests and three slow sockets are enough for all others to wait."""


def check_database(*, clocks: Clocks | None = None, **_: Any) -> list[CheckMessage]:
    """Everything that is wrong there."""
    if connection.vendor != "postgresql":
        return [
            Error(
                "DATABASE_URL names no PostgreSQL: SQLite lets one process write at a time.",
                hint="Set DATABASE_URL=postgres://user:password@host:5432/name, then run `python manage.py migrate`.",
                id="switchboard.E040",
            )
        ]
    found = [*pooling(connection.settings_dict)]
    try:
        # Past the pool, which would wait, and not say why.
        psycopg.connect(**connection.get_connection_params()).close()
        return [*found, *_clock(clocks or Clocks()), *_missing(), *_share()]
    except (DatabaseError, psycopg.Error) as error:
        reason = str(error).strip().partition("\n")[0]
        away = f"The database could not be asked: {reason}"
        return [*found, Error(away, hint="See that it runs, and that DATABASE_URL has its address and its password.", id="switchboard.E041")]
    finally:
        connection.close()


def pooling(database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    """What is wrong with how connections to this database are kept."""
    if database.get("CONN_MAX_AGE") != 0 or not database.get("OPTIONS", {}).get("pool"):
        yield Error(
            "Connections to PostgreSQL are not pooled, or kept by threads (CONN_MAX_AGE): each thread of each worker would hold one.",
            hint='Leave DATABASES as config/settings.py makes it: a "pool" in its OPTIONS, and CONN_MAX_AGE 0.',
            id="switchboard.E043",
        )


def _clock(clocks: Clocks) -> Iterator[CheckMessage]:
    with connection.cursor() as cursor, clocks.asking():
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        told = cursor.fetchone()[0]
    yield from clocks.judge("PostgreSQL", told, "switchboard.E031")


def _missing() -> Iterator[CheckMessage]:
    executor = MigrationExecutor(connection)
    if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        first, _ = missing[0]
        yield Error(f"{len(missing)} migrations are missing, from {first} on.", hint="Run `python manage.py migrate`.", id="switchboard.E042")


def _share() -> Iterator[CheckMessage]:
    """The connections that the workers have: those that are there, or else as many as `serve` would start."""
    try:
        count = len(workers()) or os.cpu_count() or 1
    except RedisAway:
        count = os.cpu_count() or 1
    changes, said = share_out(settings.SWITCHBOARD, os.environ, workers=count)
    if (said and not changes) or int(changes.get("DATABASE_POOL", FEWEST)) < FEWEST:
        yield Error(said, hint="Raise max_connections (or the limit of the user), or start fewer workers.", id="switchboard.E044")
