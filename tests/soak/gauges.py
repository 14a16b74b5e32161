"""What a server holds, looked at again and again, and whether it has become more."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import psycopg
import redis as redis_py

from tests.faults.town import Town

Sample = Mapping[str, float]

MIB = 2**20


class Gauges:
    """`look()` adds one sample. `tasks` is the folder where the server's processes write how many coroutines each runs."""

    def __init__(self, town: Town, *, tasks: Path) -> None:
        self.samples: list[Sample] = []
        self._town = town
        self._tasks = tasks
        self._workers = [psutil.Process(pid) for pid in town.workers()]
        self._began = time.monotonic()

    def look(self) -> Sample:
        """How things stand now. Raises psutil.NoSuchProcess if a worker is not the one it was."""
        sample = {"minutes": (time.monotonic() - self._began) / 60, "told": len(self._town.writer.told), **dict(self._of_workers()), **self._of_redis()}
        if self._town.site.env["DATABASE_URL"].startswith("postgres"):
            sample["database connections"] = self._of_postgres()
        self.samples.append(sample)
        return sample

    def _of_workers(self) -> Iterator[tuple[str, float]]:
        for number, worker in enumerate(self._workers, 1):
            yield f"MiB {number}", worker.memory_full_info().uss / MIB
            yield f"files {number}", worker.num_fds()
            yield f"threads {number}", worker.num_threads()
            yield f"tasks {number}", int((self._tasks / str(worker.pid)).read_text() or 0)

    def _of_redis(self) -> Sample:
        with redis_py.Redis.from_url(self._town.redis.url) as client:
            return {
                "Redis clients": len(client.client_list()) - 1,
                "Redis channels": len(client.pubsub_channels()),
                "Redis keys": client.dbsize(),
                "Redis MiB": client.info("memory")["used_memory"] / MIB,
            }

    def _of_postgres(self) -> float:
        with psycopg.connect(self._town.site.env["DATABASE_URL"]) as server:
            row = server.execute("SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()").fetchone()
        assert row is not None
        return float(row[0])

    def table(self) -> str:
        """The samples, at most twenty of them, as a table."""
        shown = self.samples[:: max(1, len(self.samples) // 20)]
        head = f"| {' | '.join(shown[0])} |\n|{'---|' * len(shown[0])}"
        return "\n".join([head, *(f"| {' | '.join(f'{value:.1f}'.removesuffix('.0') for value in sample.values())} |" for sample in shown)])

    def grown(self, *, memory: float, count: float) -> dict[str, tuple[float, float]]:
        """What is more in the last quarter than it was in the second, by its medians: MiB more than so many, others more than that.

        The first quarter does not count: caches fill and pools open.
        """
        quarter = len(self.samples) // 4
        found = {}
        for name in list(self.samples[0])[2:]:
            before, after = _median(self.samples[quarter : 2 * quarter], name), _median(self.samples[-quarter:], name)
            if after - before > (memory if "MiB" in name else count):
                found[name] = (before, after)
        return found


def _median(samples: Sequence[Sample], name: str) -> float:
    return statistics.median(sample[name] for sample in samples)
