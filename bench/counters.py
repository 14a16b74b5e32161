"""What a server, its Redis and its PostgreSQL have counted so far: two readings tell what something cost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import psutil
import psycopg
import redis

from bench.machine import spent
from bench.servers import Server

STATEMENTS: Final = "shared_preload_libraries=pg_stat_statements"
"""What PostgreSQL has to be started with."""
NAMED: Final = ("evalsha", "publish", "subscribe")
STANDING: Final = ("seconds", "files", "redis bytes", "redis clients", "connections")
"""What is there, and does not add up by the second."""
_COUNT: Final = "SELECT coalesce(sum(calls), 0), coalesce(sum(total_exec_time), 0) FROM pg_stat_statements WHERE query NOT ILIKE '%pg_stat%'"
_SIZES: Final = """
    SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relname IN ('notifications_entry', 'notifications_body', 'notifications_notification', 'notifications_inbox')
"""

Reading = Counter[str]


class Counters:
    """Reads them. `server` is none where only the databases matter."""

    def __init__(self, *, redis: redis.Redis, database: str) -> None:
        self.server: Server | None = None
        self._redis = redis
        self._postgres = psycopg.connect(database, autocommit=True)
        self._postgres.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        postmaster = psutil.Process(self._postgres.info.backend_pid).parent()
        assert postmaster is not None, "PostgreSQL runs on another machine"
        self._postmaster = postmaster

    def read(self) -> Reading:
        """All of it now. Processor time in seconds, the rest as it says."""
        said: Any = self._redis.info("everything")
        calls: Mapping[str, Any] = self._redis.info("commandstats")
        statements, milliseconds = self._row(_COUNT)
        found = Counter[str](
            {
                "seconds": time.perf_counter(),
                "redis cpu": said["used_cpu_user"] + said["used_cpu_sys"],
                "redis bytes": said["used_memory"],
                "redis in": said["total_net_input_bytes"],
                "redis out": said["total_net_output_bytes"],
                "redis clients": said["connected_clients"],
                "connections": self._row("SELECT count(*), 0 FROM pg_stat_activity WHERE backend_type = 'client backend'")[0],
                "statements": statements,
                "statement seconds": milliseconds / 1000,
                "postgres cpu": sum(map(spent, [self._postmaster, *self._postmaster.children(recursive=True)])),
            }
        )
        for name in NAMED:
            found[f"redis {name}"] = calls.get(f"cmdstat_{name}", {}).get("calls", 0)
            found[f"redis {name} cpu"] = calls.get(f"cmdstat_{name}", {}).get("usec", 0) / 1e6
        if self.server is not None:
            family = self.server.family()
            found["server cpu"] = sum(map(spent, family))
            found["files"] = sum(process.num_fds() for process in family)
        return found

    def sizes(self) -> Reading:
        """Bytes of the tables of notifications, and of their indexes."""
        found = Counter[str]()
        for name, own, indexes in self._postgres.execute(_SIZES.encode()).fetchall():
            found[name.removeprefix("notifications_")] = own
            found[name.removeprefix("notifications_") + " indexes"] = indexes
        return found

    def empty(self) -> None:
        """Forget all notifications, and give back what their tables and indexes have taken."""
        self._postgres.execute("TRUNCATE notifications_entry, notifications_body, notifications_notification")

    def close(self) -> None:
        self._postgres.close()
        self._redis.close()

    def _row(self, query: str) -> tuple[float, float]:
        found = self._postgres.execute(query.encode()).fetchone()
        assert found is not None
        return float(found[0]), float(found[1])


def cost(before: Reading, after: Reading, *, of: float = 1.0, idle: Reading | None = None) -> Reading:
    """What happened between two readings, per unit; `idle` is what a second costs in which nothing does."""
    lasted = after["seconds"] - before["seconds"]
    found = Counter[str]()
    for name in after:
        beside = idle[name] * lasted if idle is not None and name not in STANDING else 0.0
        found[name] = (after[name] - before[name] - beside) / of  # type: ignore[assignment]
    return found
