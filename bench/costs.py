"""What a socket, a push, a second of nothing and a change of presence cost, written into figures.json.

    python -m bench.costs [--write bench/figures.json] [--smoke]

Counts and bytes are the same on a busy machine; processor time is not quite, and is taken from
docs/benchmarks.md where that has it. `python -m bench.scaling_page` then writes docs/scaling.md's tables.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from bench import machine
from bench.contestants import CONTESTANTS, OursOnPostgres, Place
from bench.counters import STATEMENTS, Counters, Reading, cost
from bench.crowd import BROWSER, Crowd
from bench.grounds import Grounds, prepared
from bench.load import FIRST
from bench.measures import FIRST_SOCKETS, crowd_of
from bench.messages import messages
from bench.servers import Server

FILE: Final = Path(__file__).with_name("figures.json")
ROW: Final = CONTESTANTS["ours-pg"]
# From 0 people on only those are told who watch somebody, as in every site that is large enough for these figures.
OPTIONS: Final = {"PRESENCE_BROADCAST_LIMIT": "0", "PRESENCE_BROADCAST_AGAIN": "0", "PRESENCE_GRACE": "1", "PRESENCE_SEEN_INTERVAL": "0"}
PONG: Final = b"\x8a\x80\0\0\0\0"
MARGIN: Final = 3.0  # seconds until it is told that somebody has gone, and written when


@dataclass(frozen=True)
class Size:
    """How much of it; `seconds` for what costs something each second."""

    sockets: int = 1000
    seconds: float = 10.0
    told: int = 1000
    bulk: int = 3000


SMOKE: Final = Size(sockets=100, seconds=4.0, told=50, bulk=200)


def _sockets(grounds: Grounds, size: Size) -> dict[str, float]:
    """Sockets come, stay and go."""
    with closing(_counters(grounds)) as counters:
        nobody = counters.read()
        with grounds.serving(ROW, **OPTIONS, WS_HEARTBEAT_INTERVAL="600") as (server, place):
            counters.server = server
            return _come_and_go(grounds, place, server, counters, nobody, size)


def _come_and_go(grounds: Grounds, place: Place, server: Server, counters: Counters, nobody: Reading, size: Size) -> dict[str, float]:
    with crowd_of(grounds, ROW, place, grounds.users[:FIRST_SOCKETS], more=BROWSER) as first:
        _wait(first, MARGIN)
        base = max(process.memory_full_info().uss for process in server.family())
        held = cost(nobody, counters.read())
        idle = _idle(counters, size)
        memory, before = server.settled_memory(), counters.read()
        crowd = crowd_of(grounds, ROW, place, grounds.users[FIRST_SOCKETS : FIRST_SOCKETS + size.sockets], more=BROWSER)
        _wait(crowd, MARGIN)
        came = cost(before, counters.read(), of=size.sockets, idle=idle)
        memory = server.settled_memory() - memory
        before = counters.read()
        crowd.close()
        _wait(first, MARGIN)
        gone = cost(before, counters.read(), of=size.sockets, idle=idle)
        before = counters.read()
        _ask_for_tickets(grounds, place, size.sockets)
        tickets = cost(before, counters.read(), of=size.sockets, idle=idle)
        return {
            "worker_base_mib": base / 2**20,
            "worker_redis_connections": held["redis clients"],
            "worker_postgres_connections": held["connections"],
            "worker_files": counters.read()["files"],
            "idle_statements_per_worker_s": idle["statements"],
            "idle_postgres_ms_per_worker_s": idle["statement seconds"] * 1e3,
            "idle_redis_ms_per_worker_s": idle["redis cpu"] * 1e3,
            "socket_kib": memory / size.sockets / 1024,
            "socket_files": came["files"],
            "socket_redis_bytes": came["redis bytes"],
            "user_redis_bytes": float(grounds.redis.memory_usage(f"switchboard:standing:{grounds.users[0]}") or 0),
            "handshake_cpu_ms": came["server cpu"] * 1e3,
            "handshake_redis_us": came["redis cpu"] * 1e6,
            "handshake_redis_scripts": came["redis evalsha"],
            "handshake_publishes": came["redis publish"],
            "handshake_statements": came["statements"],
            "handshake_postgres_us": came["statement seconds"] * 1e6,
            "handshake_redis_in_bytes": came["redis in"],
            "handshake_redis_out_bytes": came["redis out"],
            "goodbye_cpu_ms": gone["server cpu"] * 1e3,
            "goodbye_redis_us": gone["redis cpu"] * 1e6,
            "goodbye_publishes": gone["redis publish"],
            "goodbye_statements": gone["statements"],
            "goodbye_postgres_us": gone["statement seconds"] * 1e6,
            "ticket_cpu_ms": tickets["server cpu"] * 1e3,
            "ticket_redis_us": tickets["redis cpu"] * 1e6,
            "ticket_statements": tickets["statements"],
        }


class _Returning(OursOnPostgres):
    """A client that goes on from where nobody had been told anything."""

    path = f"{OursOnPostgres.path}&since={FIRST}"


def _returned(grounds: Grounds, size: Size) -> dict[str, float]:
    """Sockets that have missed something, beside those that have not: what their handshakes cost PostgreSQL."""
    users, found = grounds.users[: size.sockets], []
    with closing(_counters(grounds)) as counters, grounds.serving(ROW, **OPTIONS, WS_HEARTBEAT_INTERVAL="600") as (server, place):
        counters.server = server
        with crowd_of(grounds, ROW, place, grounds.users[-FIRST_SOCKETS:]) as first:
            _wait(first, MARGIN)
            idle = _idle(counters, size)
            for missed in (0, 1):
                grounds.shops["postgresql"].ask("tell_each", users=users, count=missed * len(users))
                before = counters.read()
                with crowd_of(grounds, _Returning(), place, users) as crowd:
                    _wait(crowd, MARGIN)
                    found.append(cost(before, counters.read(), of=len(users), idle=idle))
    grounds.shops["postgresql"].ask("fresh")
    nothing, behind = found
    return {
        "return_statements": behind["statements"] - nothing["statements"],
        "return_cpu_ms": (behind["server cpu"] - nothing["server cpu"]) * 1e3,
        "fill_postgres_us": (behind["statement seconds"] - nothing["statement seconds"]) * 1e6,
    }


def _beats(grounds: Grounds, size: Size) -> dict[str, float]:
    """A heartbeat and the sign of life with which its peer answers: what time costs with them, less what it costs without."""
    found, every = [], 20.0  # half of the silence after which a peer is dropped, should a crowd take long to open
    for interval in (600.0, every):
        with closing(_counters(grounds)) as counters, grounds.serving(ROW, **OPTIONS, WS_HEARTBEAT_INTERVAL=f"{interval:g}") as (server, place):
            counters.server = server
            with crowd_of(grounds, ROW, place, grounds.users[: size.sockets], more=BROWSER) as crowd:
                _wait(crowd, 1.0)
                crowd.begin()
                before = counters.read()
                for _ in range(2):
                    for peer in crowd.peers if interval == every else ():
                        peer.sock.send(PONG)
                    _wait(crowd, every)
                after = counters.read()
                lasted = after["seconds"] - before["seconds"]
                found.append((cost(before, after, of=lasted), sum(peer.got for peer in crowd.peers) / lasted))
    (without, _), (beating, heard) = found
    return {
        "heartbeat_bytes": heard * every / size.sockets,
        "heartbeat_cpu_us": (beating["server cpu"] - without["server cpu"]) * every / size.sockets * 1e6,
        "heartbeat_postgres_us": (beating["statement seconds"] - without["statement seconds"]) * every / size.sockets * 1e6,
    }


def _told(grounds: Grounds, size: Size) -> dict[str, float]:
    """Notifications to one at a time, all of whom are connected."""
    shop, users = grounds.shops["postgresql"], grounds.users[: size.sockets]
    with closing(_counters(grounds)) as counters, grounds.serving(ROW, **OPTIONS, WS_HEARTBEAT_INTERVAL="600") as (server, place):
        counters.server = server
        with crowd_of(grounds, ROW, place, users) as crowd:
            shop.ask("tell_each", users=users, count=10)
            _wait(crowd, MARGIN)
            idle = _idle(counters, size)
            crowd.begin()
            before = counters.read()
            shop.begin("tell_each", users=users, count=size.told)
            _wait(crowd, 0.5)
            shop.end()
            _wait(crowd, 1.0)
            told = cost(before, counters.read(), of=size.told, idle=idle)
            heard = sum(peer.got for peer in crowd.peers) / size.told
    return {
        "notify_statements": told["statements"],
        "notify_postgres_ms": told["postgres cpu"] * 1e3,
        "notify_publishes": told["redis publish"],
        "push_redis_us": told["redis cpu"] * 1e6,
        "push_redis_in_bytes": told["redis in"],
        "push_redis_out_bytes": told["redis out"],
        "push_bytes": heard,
    }


def _stored(grounds: Grounds, size: Size) -> dict[str, float]:
    """Bytes in PostgreSQL of a notification to one, and of one of many, with all indexes."""
    shop, users = grounds.shops["postgresql"], grounds.users[: size.bulk]
    counters = _counters(grounds)
    figures: dict[str, float] = {}
    for name, do, count, rows in (("single", "tell_each", size.bulk, size.bulk), ("bulk", "tell_all", 3, 3 * len(users))):
        shop.ask("fresh")
        counters.empty()
        sizes, before = counters.sizes(), counters.read()
        shop.ask(do, users=users, count=count)
        used, grown = cost(before, counters.read(), of=count), counters.sizes()
        figures[f"{name}_row_bytes"] = sum(grown[part] - sizes[part] for part in grown if not part.startswith("inbox")) / rows
        figures[f"{name}_stream_bytes"] = sum(grown[part] - sizes[part] for part in grown if part.startswith(("entry", "body"))) / rows
        if name == "bulk":
            figures["bulk_statements"] = used["statements"]
            figures["bulk_postgres_us_per_row"] = used["postgres cpu"] * count / rows * 1e6
    shop.ask("fresh")
    counters.close()
    return figures


def _counters(grounds: Grounds) -> Counters:
    return Counters(redis=grounds.redis, database=grounds.databases["postgresql"])


def _idle(counters: Counters, size: Size) -> Reading:
    """What a second of nothing costs."""
    before = counters.read()
    time.sleep(size.seconds)
    after = counters.read()
    return cost(before, after, of=after["seconds"] - before["seconds"])


def _wait(crowd: Crowd, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        crowd.sweep()
        time.sleep(0.02)


def _ask_for_tickets(grounds: Grounds, place: Place, count: int) -> None:
    """What a browser does before it opens a socket: over one connection, one after the other."""
    with httpx.Client(base_url=f"http://127.0.0.1:{place.port}") as client:
        for user in grounds.users[:count]:
            client.post("/api/v1/ws/ticket", headers={"Authorization": f"Bearer {grounds.tokens[user]}"}).raise_for_status()


MEASURES: Final[dict[str, Callable[[Grounds, Size], dict[str, float]]]] = {
    "messages": lambda grounds, size: messages(grounds, size.told),
    "sockets": _sockets,
    "returned": _returned,
    "beats": _beats,
    "told": _told,
    "stored": _stored,
}
"""Each gives figures by name; the name says the unit."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description="What things cost, by counters.")
    parser.add_argument("--smoke", action="store_true", help="a moment of it: only counts mean something")
    parser.add_argument("--only", default=",".join(MEASURES), help="of them these (%(default)s)")
    parser.add_argument("--write", type=Path, help="the file of figures whose measured part is replaced")
    given = parser.parse_args()
    size = SMOKE if given.smoke else Size()
    machine.prepare()
    with prepared(max(size.bulk, size.sockets + FIRST_SOCKETS), postgres=(STATEMENTS,)) as grounds:
        for each in given.only.split(","):
            measured = MEASURES[each](grounds, size)
            for name, value in measured.items():
                print(f"{name:32} {value:14.3f}", flush=True)
            if given.write:
                _write(given.write, measured)


def _write(file: Path, measured: dict[str, float]) -> None:
    said: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    written = {"written": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine.describe()}
    said["costs"] = {**said.get("costs", {}), **written, **{name: float(f"{value:.4g}") for name, value in measured.items()}}
    file.write_text(json.dumps(said, indent=2) + "\n")


if __name__ == "__main__":
    main()
