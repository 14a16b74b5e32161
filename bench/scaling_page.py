"""Writes the tables of docs/scaling.md anew, from figures.json and the simulation: `python -m bench.scaling_page`.

Each stands between `<!-- name -->` and `<!-- end -->`; what is around them is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from bench import simulation
from bench.capacity import FILE, figures
from bench.results import table
from bench.servers import CHECKOUT

PAGE: Final = CHECKOUT / "docs" / "scaling.md"
TABLE: Final = re.compile(r"(<!-- (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

COSTS: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "socket_costs": (
        ("memory of its worker, with a browser's headers (KiB)", "socket_kib", "bytes"),
        ("open files of its worker", "socket_files", "count"),
        ("Redis: its place among those who are here, and its channel (bytes)", "socket_redis_bytes", "bytes"),
        ("Redis: what is known of its user for a day (bytes)", "user_redis_bytes", "bytes"),
        ("a heartbeat and its answer: bytes to the client", "heartbeat_bytes", "bytes"),
        ("… worker (µs)", "heartbeat_cpu_us", "time"),
        ("… PostgreSQL (µs)", "heartbeat_postgres_us", "time"),
    ),
    "handshake_costs": (
        ("worker (ms)", "handshake_cpu_ms", "time"),
        ("… the ticket before it (ms)", "ticket_cpu_ms", "time"),
        ("… its end (ms)", "goodbye_cpu_ms", "time"),
        ("Redis (µs)", "handshake_redis_us", "time"),
        ("… the ticket (µs)", "ticket_redis_us", "time"),
        ("… its end (µs)", "goodbye_redis_us", "time"),
        ("messages to all workers, 50 handshakes being under way at once; by itself each is one", "handshake_publishes", "count"),
        ("… that it has ended, all of a second in one", "goodbye_publishes", "count"),
        ("statements of PostgreSQL, those who come at once share theirs", "handshake_statements", "count"),
        ("… the ticket's", "ticket_statements", "count"),
        ("… if something was missed", "return_statements", "count"),
    ),
    "push_costs": (
        ("worker, one recipient (µs)", "push_cpu_us", "time"),
        ("worker, each of a group of 1,000 (µs)", "group_push_cpu_us", "time"),
        ("bytes to the client, before TLS, TCP and IP", "push_bytes", "bytes"),
        ("messages in Redis", "notify_publishes", "count"),
        ("Redis: bytes in", "push_redis_in_bytes", "bytes"),
        ("Redis: bytes out, its answer among them", "push_redis_out_bytes", "bytes"),
        ("Redis: processor time of a message by itself (µs)", "publish_us", "time"),
        ("… of one of 500 that are said together (µs)", "publish_bulk_us", "time"),
        ("… to hand it to one more worker (µs)", "deliver_us", "time"),
        ("statements of PostgreSQL for one call of `notify`, BEGIN and COMMIT among them", "notify_statements", "count"),
        ("… for a call that tells many", "bulk_statements", "count"),
        ("PostgreSQL: processor time of a call (ms)", "notify_postgres_ms", "time"),
        ("… for each of many in one call (µs)", "bulk_postgres_us_per_row", "time"),
        ("PostgreSQL: bytes of a notification with its entry, with all indexes", "single_row_bytes", "bytes"),
        ("… of its stream alone, which `prune` cuts", "single_stream_bytes", "bytes"),
        ("… each of many in one call", "bulk_row_bytes", "bytes"),
        ("… of its stream alone", "bulk_stream_bytes", "bytes"),
    ),
    "worker_costs": (
        ("memory before the first socket (MiB)", "worker_base_mib", "bytes"),
        ("connections to Redis, idle", "worker_redis_connections", "count"),
        ("connections to PostgreSQL, idle", "worker_postgres_connections", "count"),
        ("statements of PostgreSQL a second, whatever it holds", "idle_statements_per_worker_s", "count"),
        ("PostgreSQL for them (ms a second)", "idle_postgres_ms_per_worker_s", "time"),
        ("Redis for its sign of life, however many it holds (µs a second)", "tick_redis_us", "time"),
        ("Redis for all that it asks when nothing goes on (ms a second)", "idle_redis_ms_per_worker_s", "time"),
        ("itself, with 1,000 idle sockets (ms a second)", "worker_idle_ms", "time"),
        ("to hear of a change of somebody in whom none of its own is interested (µs)", "change_heard_us", "time"),
        ("Redis, to make a connection known again after a loss (µs)", "join_redis_us", "time"),
    ),
}
"""What is shown of the costs: the words, the figure, and whether it is a count, bytes or time."""

REALITY: Final = (
    ("memory of 1,000 sockets on two workers (MiB)", "memory_mib"),
    ("open files of them", "files"),
    ("a worker killed: half of its sockets are back (s)", "half_back_s"),
    ("… all are back (s)", "all_back_s"),
    ("… attempts of each", "attempts"),
)


def costs(name: str) -> str:
    """One table of what things cost."""
    known = figures()
    return table(("", "costs", "is"), [(words, simulation.number(known[figure]), kind) for words, figure, kind in COSTS[name]])


def reality() -> str:
    """The simulation beside what came."""
    found: Mapping[str, float] = json.loads(FILE.read_text())["reality"]
    rows = []
    for words, name in REALITY:
        said, came = found[f"{name}_predicted"], found[name]
        rows.append((words, simulation.number(said), simulation.number(came), f"{(said - came) / came:+.0%}"))
    share = f"The worker that was left had {found['share']:.0%} of a core for it; the simulation was told so."
    return f"{table(('', 'predicted', 'measured', 'error'), rows)}\n\n{share}"


def measured() -> str:
    """When and where."""
    said = json.loads(FILE.read_text())["costs"]
    return f"Measured on {said['written']} on {said['machine']}."


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "measured": measured,
    **{name: lambda name=name: costs(name) for name in COSTS},  # type: ignore[misc]
    "uses": simulation.uses,
    "walls": simulation.wall_table,
    "advice": lambda: table(("wall", "what to do"), list(simulation.ADVICE.items())),
    "storms": simulation.storms,
    "failovers": simulation.failovers,
    "reality": reality,
}


def written(page: str) -> str:
    """The page with all its tables as they should be. Raises KeyError for one that nobody makes."""
    return TABLE.sub(lambda found: f"{found[1]}\n{TABLES[found['name']]()}\n\n{found[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
