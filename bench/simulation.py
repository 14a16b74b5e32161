"""What a site of some size needs, its first wall, and how it comes back after a failure; from figures.json.

python -m bench.simulation --sockets 1000000 --notifications 5000
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Final

from bench.capacity import Load, Site, walls
from bench.results import table
from bench.storm import host_lost, redis_lost

SIZES: Final = (Load(sockets=10_000, notifications=50), Load(sockets=1_000_000, notifications=5_000), Load(sockets=10_000_000, notifications=50_000))
"""Those of docs/scaling.md: each user is told something every 200 seconds."""
STORMS: Final = (SIZES[0], Load(sockets=100_000, notifications=500), SIZES[1])
HOST: Final = 8
"""Workers of one host."""
AWAY: Final = 10.0
"""Seconds that a Sentinel takes, with five of them before it believes that the master is gone."""

USES: Final[Sequence[tuple[str, Callable[[Site], float]]]] = (
    ("workers", lambda site: site.workers),
    ("… cores that they use", lambda site: site.worker_cores),
    ("… GiB", lambda site: site.memory),
    ("Mbit/s to the clients", lambda site: site.megabits),
    ("handshakes/s", lambda site: site.load.opened),
    ("Redis for who is here: cores", lambda site: site.presence_redis),
    ("… of it to tell all workers of changes", lambda site: site.presence_told),
    ("… GiB", lambda site: site.redis_memory),
    ("Redis for pushes: cores", lambda site: site.layer_redis),
    ("PostgreSQL: cores", lambda site: site.postgres_cores),
    ("… statements/s", lambda site: site.statements),
    ("… of them the keepers'", lambda site: site.workers * site.figures["idle_statements_per_worker_s"]),
    ("… connections, at most", lambda site: site.connections),
    ("… million rows/day", lambda site: site.rows / 1e6),
    ("… GB after 30 days", lambda site: site.disk),
)

ADVICE: Final = {
    "proxy: ports of one address to one address": "`net.ipv4.ip_local_port_range` up to 64,000; several hosts of workers, several addresses of the proxy",
    "line to the clients": "a faster line, several proxies",
    "workers: sockets": "more workers, `WS_MAX_SOCKETS`; no wall: they are added",
    "workers: processor time": "more workers; no wall: they are added",
    "hosts of workers: memory": "more hosts; no wall: they are added",
    "Redis of REDIS_URL: processor time": "pushes off it (`LAYER_REDIS_URLS`), fewer and larger workers; then presence has to be shared out",
    "Redis of REDIS_URL: memory": "a larger one",
    "Redis of pushes: processor time": "more hosts in `LAYER_REDIS_URLS`",
    "PostgreSQL: processor time": "a larger one; one call of `notify` for many; read replicas for REST",
    "PostgreSQL: connections": "PgBouncer in transaction mode, a smaller `DATABASE_POOL`",
    "PostgreSQL: disk": "a shorter `RETENTION`, old notifications deleted, partitions by user",
}
"""What to do at each wall."""


def number(value: float) -> str:
    """With three digits that count."""
    if value in (0, math.inf):
        return "never" if value else "0"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.01 else f"{value:.1g}"


def rounded(sockets: float) -> str:
    """A number of sockets with two digits that count."""
    return f"{float(f'{sockets:.2g}'):,.0f}"


def uses(loads: Sequence[Load] = SIZES) -> str:
    """What each size uses of everything."""
    sites = [Site(load) for load in loads]
    rows = [(what, *(number(of(site)) for site in sites)) for what, of in USES]
    return table(("", *(f"{load.sockets:,} sockets" for load in loads)), [("notifications/s", *(number(load.notifications) for load in loads)), *rows])


def wall_table(load: Load = SIZES[1]) -> str:
    """Where one of each part is full."""
    rows = [(part.name, rounded(sockets), f"{number(part.one)} {part.unit}") for sockets, part in walls(load)]
    return table(("one of these", "is full at sockets", "which is"), rows)


def storms(loads: Sequence[Load] = STORMS) -> str:
    """A host dies."""
    rows = []
    for load in loads:
        workers = max(2, Site(load).workers)
        lost = min(HOST, max(1, workers // 5))
        back = host_lost(load, lost=lost, workers=workers)
        values = (back.half, back.nearly_all, back.all, back.attempts, back.handshakes, back.statements, back.redis)
        rows.append((f"{load.sockets:,}: {lost} of {workers:,} workers", *map(number, values)))
    head = ("sockets", "half are back (s)", "99 % (s)", "all (s)", "attempts each", "handshakes/s at most", "statements/s", "Redis cores")
    return table(head, rows)


def failovers(loads: Sequence[Load] = SIZES, seconds: float = AWAY) -> str:
    """Redis is away until a Sentinel has promoted a replica."""
    rows = []
    for load in loads:
        left = redis_lost(load, seconds=seconds)
        rows.append((f"{load.sockets:,}", *map(number, (left.lost, left.behind, left.postgres, left.rejoined, left.redis))))
    head = ("sockets", "pushes not heard", "streams behind", "PostgreSQL to fill them (core s)", "connections to be known again", "Redis for that (core s)")
    return table(head, rows)


def report(load: Load, *, lost: int, away: float) -> str:
    """All of it for one load."""
    site = Site(load)
    workers = max(2, site.workers)
    lost = min(lost, workers - 1)
    back, left = host_lost(load, lost=lost, workers=workers), redis_lost(load, seconds=away)
    first, part = next(each for each in walls(load) if not each[1].name.startswith(("workers", "hosts")))
    parts = [(each.name, number(each.needed), number(each.one), each.unit, f"{each.count:,}") for each in site.parts()]
    return "\n".join(
        [
            table(("part", "needed", "one has", "unit", "so many"), parts),
            "",
            uses([load]),
            "",
            f"The first wall: {part.name}, one of which is full at {rounded(first)} sockets. {ADVICE[part.name]}.",
            f"{lost} of {workers} workers die: half of their sockets are back after {number(back.half)} s, all after {number(back.all)} s, "
            f"with {number(back.attempts)} attempts each;",
            f"at most {number(back.handshakes)} handshakes/s, which are {number(back.statements)} statements/s and {number(back.redis)} cores of Redis.",
            f"Redis is away for {number(away)} s: {number(left.lost)} pushes are not heard, {number(left.behind)} streams are filled from PostgreSQL",
            f"({number(left.postgres)} core seconds), and all connections are made known again, which takes Redis {number(left.redis)} s.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.simulation", description="What a site of some size needs, and how it comes back after a failure.")
    parser.add_argument("--sockets", type=int, default=SIZES[1].sockets)
    parser.add_argument("--notifications", type=float, help="a second, each to one user (default: a two-hundredth of the sockets)")
    parser.add_argument("--stay", type=float, default=600.0, help="seconds that a socket is open (%(default)g)")
    parser.add_argument("--announcements", type=float, default=1.0, help="a day, to everybody (%(default)g)")
    parser.add_argument("--known", type=float, default=3.0, help="users for each that is connected (%(default)g)")
    parser.add_argument("--retention", type=float, default=30.0, help="days that notifications are kept (%(default)g)")
    parser.add_argument("--lost", type=int, default=HOST, help="workers of the host that dies (%(default)s)")
    parser.add_argument("--away", type=float, default=AWAY, help="seconds until Sentinel has promoted a replica (%(default)g)")
    given = parser.parse_args()
    if given.sockets < 1 or given.stay <= 0 or (given.notifications or 0) < 0:
        parser.error("--sockets and --stay are above 0, and --notifications is not below")
    told = given.sockets / 200 if given.notifications is None else given.notifications
    load = Load(sockets=given.sockets, notifications=told, stay=given.stay, announcements=given.announcements, known=given.known, retention=given.retention)
    print(report(load, lost=given.lost, away=given.away))


if __name__ == "__main__":
    main()
