"""What happens after a failure, step by step: who comes back when, and what that asks of the databases."""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.capacity import Load, Site, figures

STEP: Final = 0.02
"""Seconds of one step."""
CROWD: Final = 50_000
"""Clients that are played one by one; of more, each stands for several."""


@dataclass(frozen=True)
class Return:
    """How sockets came back. Times in seconds after the failure; the rest a second, at its highest."""

    half: float
    nearly_all: float
    all: float
    attempts: float
    handshakes: float
    statements: float
    redis: float


def host_lost(load: Load, *, lost: int, workers: int, replaced_after: float = math.inf, known: Mapping[str, float] | None = None, seed: int = 1) -> Return:
    """`lost` of so many workers die at once, and all their sockets come back to the others, as backoff.js has it.

    After `replaced_after` seconds there are as many workers again. A worker takes one handshake after the
    other, in the order of their coming; a client that is not in after its patience tries again later.
    """
    f = known if known is not None else figures()
    chance = random.Random(seed)
    gone = load.sockets * lost / workers
    each = max(1.0, gone / CROWD)
    count = max(1, round(gone / each))
    rate = 1000 / f["handshake_cpu_ms"]  # of one worker that does nothing else
    busy = min(0.9, Site(load, f).worker_cores / workers)
    first, longest, patience = f["backoff_first_ms"] / 1000, f["backoff_longest_ms"] / 1000, f["greeting_ms"] / 1000
    tries = [1] * count
    due = [(chance.random() * first, client) for client in range(count)]
    heapq.heapify(due)
    queue: deque[tuple[float, int]] = deque()  # since when, and who
    back: list[float] = []
    attempts, per_second, credit, now = 0, Counter[int](), 0.0, 0.0
    while len(back) < count and now < 3600:
        now += STEP
        while due and due[0][0] <= now:
            since, client = heapq.heappop(due)
            queue.append((since, client))
            attempts += 1
        alive = workers if now >= replaced_after else workers - lost
        served = alive * rate * (1 - busy) * STEP / each
        credit = credit + served if queue else max(1.0, served)  # nobody works for those who are still to come
        while queue and credit >= 1:
            since, client = queue.popleft()
            credit -= 1
            per_second[int(now)] += 1
            if now - since > patience:  # it has given up, and the worker finds that out
                heapq.heappush(due, (max(now, since + patience) + chance.random() * min(longest, first * 2 ** tries[client]), client))
                tries[client] += 1
            else:
                back.append(now)
    peak = max(per_second.values(), default=0) * each
    reach = sorted(back)
    return Return(
        half=reach[len(reach) // 2],
        nearly_all=reach[min(len(reach) - 1, int(0.99 * len(reach)))],
        all=reach[-1],
        attempts=attempts / count,
        handshakes=peak,
        statements=peak * (f["handshake_statements"] + f["return_statements"]),
        redis=peak * f["handshake_redis_us"] * 1e-6,
    )


@dataclass(frozen=True)
class Failover:
    """What a time without Redis leaves to be made good. Seconds are of one core."""

    lost: float
    behind: float
    statements: float
    postgres: float
    rejoined: float
    redis: float


def redis_lost(load: Load, *, seconds: float, known: Mapping[str, float] | None = None) -> Failover:
    """Redis is away for so long: pushes that nobody hears, streams that are behind, and everybody to be made known again.

    Heartbeats bring some of it earlier; they are taken not to.
    """
    f = known if known is not None else figures()
    lost = load.notifications * seconds
    behind = load.sockets * (1 - math.exp(-lost / (load.sockets * load.known)))
    heads = 2 * load.sockets * f["heartbeat_postgres_us"] * 1e-6  # all streams are compared twice: at its return, and when all publish again
    return Failover(
        lost=lost,
        behind=behind,
        statements=behind * f["return_statements"] + 2 * load.sockets / 5000,
        postgres=heads + behind * f["fill_postgres_us"] * 1e-6,
        rejoined=load.sockets,
        redis=load.sockets * f["join_redis_us"] * 1e-6,
    )
