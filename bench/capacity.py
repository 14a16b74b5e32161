"""What a load needs of each part of an installation, how much one of them carries, and which is the first not to be enough.

Everything is multiplied out of `figures.json`: what bench.costs has measured, what stands in
docs/benchmarks.md, what clients do, and what one machine is taken to have.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("figures.json")
GROUPS: Final = ("costs", "benchmarks", "limits", "client")
DAY: Final = 86_400


def figures(file: Path = FILE) -> dict[str, float]:
    """All figures by name, of whichever group.

    A server's processor time that was measured on a busy machine is made a quiet one's by what a handshake took there and then, and
    takes in docs/benchmarks.md. Redis's and PostgreSQL's time is left as it was measured.
    """
    said: Mapping[str, Mapping[str, Any]] = json.loads(file.read_text())
    found = {name: float(value) for group in GROUPS for name, value in said[group].items() if isinstance(value, int | float)}
    busier = said["costs"]["handshake_cpu_ms"] / said["benchmarks"]["handshake_cpu_ms"]
    return found | {name: value / busier for name, value in said["costs"].items() if "_cpu_" in name}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What goes on. `notifications`: a second, each to one user who is connected; `stay`: seconds that a socket is open; `announcements` to
    everybody, a day; `known`: users, connected or not, per socket; `retention`: days.
    """

    sockets: int
    notifications: float
    stay: float = 600.0
    announcements: float = 1.0
    known: float = 3.0
    retention: float = 30.0

    def times(self, factor: float) -> Load:
        """The same site, so many times as large."""
        return replace(self, sockets=round(self.sockets * factor), notifications=self.notifications * factor)

    @property
    def opened(self) -> float:
        """Sockets a second that open, and that close."""
        return self.sockets / self.stay


@dataclass(frozen=True)
class Part:
    """What is needed in all, and how much of it one has: one process, Redis, database server, proxy address or link."""

    name: str
    needed: float
    one: float
    unit: str

    @property
    def count(self) -> int:
        """How many of them that are, or would be if it could be shared among several."""
        return max(1, math.ceil(self.needed / self.one))

    @property
    def full(self) -> float:
        """How full one would be."""
        return self.needed / self.one


class Site:
    """An installation that carries a load."""

    def __init__(self, load: Load, known: Mapping[str, float] | None = None) -> None:
        self.load = load
        self.figures = known if known is not None else figures()

    @property
    def workers(self) -> int:
        """As many as the sockets need, or the processor time."""
        by_sockets = math.ceil(self.load.sockets / (self.figures["sockets_per_worker"] * self.figures["worker_full"]))
        by_time = math.ceil(self._worker_time(by_sockets) / self.figures["worker_busy"])
        return max(by_sockets, by_time, 1)

    @property
    def worker_cores(self) -> float:
        return self._worker_time(self.workers)

    def _worker_time(self, workers: int) -> float:
        """Seconds of processor time a second: pushes, heartbeats, who comes and goes, and what each worker hears of others."""
        f, load = self.figures, self.load
        pushes = (load.notifications + self.announced) * f["push_cpu_us"] * 1e-6
        beats = load.sockets / f["heartbeat_s"] * f["heartbeat_cpu_us"] * 1e-6
        turns = load.opened * (f["handshake_cpu_ms"] + f["ticket_cpu_ms"] + f["goodbye_cpu_ms"]) * 1e-3
        heard = workers * 2 * load.opened * f["change_heard_us"] * 1e-6
        return pushes + beats + turns + heard + workers * f["worker_idle_ms"] * 1e-3

    @property
    def announced(self) -> float:
        """Pushes a second of announcements, on the mean of a day."""
        return self.load.announcements * self.load.sockets / DAY

    def messages(self, workers: int) -> float:
        """What each worker is told of who is here, messages a second.

        Who comes is told by itself, but in a crowd; who has gone is told by the next tick of any worker, with all others who have.
        """
        return self.load.opened + min(self.load.opened, workers / self.figures["keeper_s"])

    @property
    def memory(self) -> float:
        """GiB of all workers."""
        return (self.workers * self.figures["worker_base_mib"] + self.load.sockets * self.figures["socket_kib"] / 1024) / 1024

    # The databases

    @property
    def presence_redis(self) -> float:
        """Seconds of one Redis a second, for who is here, handshakes and tickets."""
        f, load = self.figures, self.load
        turns = load.opened * (f["handshake_redis_us"] + f["ticket_redis_us"] + f["goodbye_redis_us"]) * 1e-6
        return turns + self.presence_told + self.workers * f["tick_redis_us"] * 1e-6

    @property
    def presence_told(self) -> float:
        """Of that, to hand each change to every worker."""
        return self.messages(self.workers) * self.workers * self.figures["deliver_us"] * 1e-6

    @property
    def layer_redis(self) -> float:
        """Seconds of Redis a second, for pushes: each is published once, to the one or few workers that hold the user."""
        return (self.load.notifications * (self.figures["publish_us"] + self.figures["deliver_us"]) + self.announced * self.figures["publish_bulk_us"]) * 1e-6

    @property
    def redis_memory(self) -> float:
        """GiB."""
        f, load = self.figures, self.load
        return (load.sockets * f["socket_redis_bytes"] + load.sockets * f["user_redis_bytes"]) / 2**30

    @property
    def statements(self) -> float:
        """Of PostgreSQL a second, BEGIN and COMMIT among them."""
        f, load = self.figures, self.load
        turns = load.opened * (f["handshake_statements"] + f["ticket_statements"])
        return load.notifications * f["notify_statements"] + turns + self.workers * f["idle_statements_per_worker_s"]

    @property
    def postgres_cores(self) -> float:
        f, load = self.figures, self.load
        told = load.notifications * f["notify_postgres_ms"] * 1e-3 + self.rows_announced / DAY * f["bulk_postgres_us_per_row"] * 1e-6
        turns = load.opened * f["handshake_postgres_us"] * 1e-6 + load.sockets / f["heartbeat_s"] * f["heartbeat_postgres_us"] * 1e-6
        return told + turns + self.workers * f["idle_postgres_ms_per_worker_s"] * 1e-3

    @property
    def rows_announced(self) -> float:
        """A day."""
        return self.load.announcements * self.load.sockets * self.load.known

    @property
    def rows(self) -> float:
        """Notifications a day, each with an entry."""
        return self.load.notifications * DAY + self.rows_announced

    @property
    def disk(self) -> float:
        """GB that notifications and streams take, if both are kept for as long."""
        f = self.figures
        return (self.load.notifications * DAY * f["single_row_bytes"] + self.rows_announced * f["bulk_row_bytes"]) * self.load.retention / 1e9

    @property
    def connections(self) -> float:
        """To PostgreSQL, at the most that workers open."""
        return self.workers * self.figures["database_pool"]

    # The line

    @property
    def megabits(self) -> float:
        """A second to the clients, with TLS, TCP and IP."""
        f, load = self.figures, self.load
        each = f["frame_overhead_bytes"]
        pushes = (load.notifications + self.announced) * (f["push_bytes"] + each)
        return (pushes + load.sockets / f["heartbeat_s"] * (f["heartbeat_bytes"] + each) + load.opened * f["handshake_out_bytes"]) * 8 / 1e6

    def parts(self) -> Iterator[Part]:
        """Each part, in the order in which a message meets them."""
        f = self.figures
        yield Part("proxy: ports of one address to one address", self.load.sockets, f["proxy_ports"], "sockets")
        yield Part("line to the clients", self.megabits, f["line_mbit"] * f["line_busy"], "Mbit/s")
        yield Part("workers: sockets", self.load.sockets, f["sockets_per_worker"] * f["worker_full"], "sockets")
        yield Part("workers: processor time", self.worker_cores, f["worker_busy"], "cores")
        yield Part("hosts of workers: memory", self.memory, f["host_memory_gib"] * f["memory_busy"], "GiB")
        yield Part("Redis of REDIS_URL: processor time", self.presence_redis, f["redis_busy"], "cores")
        yield Part("Redis of REDIS_URL: memory", self.redis_memory, f["redis_memory_gib"], "GiB")
        yield Part("Redis of pushes: processor time", self.layer_redis, f["redis_busy"], "cores")
        yield Part("PostgreSQL: processor time", self.postgres_cores, f["postgres_cores"] * f["postgres_busy"], "cores")
        yield Part("PostgreSQL: connections", self.connections, f["postgres_connections"], "connections")
        yield Part("PostgreSQL: disk", self.disk, f["postgres_disk_gb"], "GB")


def walls(load: Load, known: Mapping[str, float] | None = None) -> list[tuple[float, Part]]:
    """At how many sockets one of each part is full, the first first, if all grows with the sockets."""
    known = known if known is not None else figures()
    found = []
    for place, part in enumerate(Site(load, known).parts()):
        low, high = 1 / load.sockets, 1e9 / load.sockets
        for _ in range(60):
            middle = math.sqrt(low * high)
            fits = list(Site(load.times(middle), known).parts())[place].full <= 1
            low, high = (middle, high) if fits else (low, middle)
        found.append((load.sockets * low, part))
    return sorted(found, key=lambda each: each[0])
