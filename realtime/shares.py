"""How the connections that PostgreSQL allows are shared out among the workers.

Each worker's pool grows under load to DATABASE_POOL. All of them together, that may be more than the
server lets in, and then it turns away whoever comes next, be it a worker, a command or the shop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from django.db import connection

KNOBS: Final = ("DATABASE_POOL", "EXECUTOR_THREADS", "HTTP_REQUESTS")


class Limits(Protocol):
    """Those of our options that say how many connections a worker uses."""

    @property
    def database_pool(self) -> int: ...
    @property
    def executor_threads(self) -> int: ...
    @property
    def http_requests(self) -> int: ...


def allowed() -> int | None:
    """How many connections our user may have to our database, if nobody else has any; None: there is no such limit (SQLite)."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT current_setting('max_connections')::int
                 - current_setting('superuser_reserved_connections')::int
                 - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0),
                   rolconnlimit, datconnlimit
            FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
            """
        )
        return min(int(limit) for limit in cursor.fetchone() if limit >= 0)


def share_out(limits: Limits, environment: Mapping[str, str], *, workers: int) -> tuple[dict[str, str], str]:
    """What to change in the environment of so many workers, and a sentence about that or about what is wrong; both may be empty.

    What the operator has chosen stays as it is. Raises what the database raises.
    """
    limit = allowed()
    most = workers * limits.database_pool
    if limit is None:
        return {}, ""
    if any(environment.get(name, "").strip() for name in KNOBS):
        wrong = f"{workers} workers with DATABASE_POOL={limits.database_pool} may take {most} connections, but PostgreSQL allows {limit}."
        return {}, wrong if most > limit else ""
    changes = smaller(limits, workers=workers, allowed=limit)
    named = " ".join(f"{name}={value}" for name, value in changes.items())
    return changes, f"PostgreSQL allows {limit} connections, so each of {workers} workers has {named}." if changes else ""


def smaller(limits: Limits, *, workers: int, allowed: int) -> dict[str, str]:
    """The knobs with which so many workers fit into what is allowed, and leave one worker's share to others; empty if they do.

    The others are a worker that is about to take another's place, commands, and the shop's own processes.
    """
    share = max(2, allowed // (workers + 1))
    if limits.database_pool <= share:
        return {}
    wanted = limits.executor_threads + limits.http_requests
    threads = limits.executor_threads if wanted <= share else max(1, limits.executor_threads * share // wanted)
    requests = limits.http_requests if wanted <= share else share - threads
    return {name: str(value) for name, value in zip(KNOBS, (share, threads, requests), strict=True)}
