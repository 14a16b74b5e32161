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

STEP: Final = 0.05
"""Seconds of one step."""
CROWD: Final = 5_000
"""Clients that are played one by one; of more, each stands for several."""
STALE: Final = 0.1
"""Of a handshake's work, what one costs that is refused, or whose client has gone: it asks neither Redis nor PostgreSQL. Taken, not measured."""
NEXT: Final = -1.0
"""In place of the time of an attempt whose patience ends: the next one begins."""
END: Final = 600.0
"""Seconds after which nobody waits for the last ones."""


@dataclass(frozen=True)
class Return:
    """How sockets came back. Times in seconds after the failure (infinite: not all did); the rest a second, at its highest."""

    half: float
    nearly_all: float
    all: float
    attempts: float
    handshakes: float
    statements: float
    redis: float


def host_lost(
    load: Load,
    *,
    lost: int,
    workers: int,
    replaced_after: float = math.inf,
    tickets: bool = True,
    share: float = 1.0,
    known: Mapping[str, float] | None = None,
    seed: int = 1,
) -> Return:
    """`lost` of so many workers die at once, and all their sockets come back to the others, as backoff.js has it.

    After `replaced_after` seconds there are as many workers again. Handshakes are taken in the order of their coming, as fast as the
    workers' processor time (`share`: of a core, what each is given) and that of Redis allow; a client that is not in after its patience goes
    and tries again later.
    """
    f = known if known is not None else figures()
    gone = load.sockets * lost / workers
    each = max(1.0, gone / CROWD)
    count = max(1, round(gone / each))
    site = Site(load, f)
    work = (f["handshake_cpu_ms"] + f["return_cpu_ms"] + tickets * f["ticket_cpu_ms"]) * 1e-3
    free = max(0.1 * share, share - site.worker_cores / workers) / work  # handshakes a second of one worker
    in_redis = (f["handshake_redis_us"] + tickets * f["ticket_redis_us"]) * 1e-6
    most = max(0.1, 1 - site.presence_redis) / in_redis
    crowd = _Crowd(count, f, seed)
    credit, now = 0.0, 0.0
    while len(crowd.back) < count and now < END:
        now += STEP
        alive = workers if now >= replaced_after else workers - lost
        places = (alive * f["sockets_per_worker"] - (load.sockets - gone)) / each
        served = min(alive * free, most) * STEP / each
        credit = credit + served if crowd.queue else max(1.0, served)  # nobody works for those who are still to come
        credit = crowd.step(now, credit, places)
    peak = max(crowd.per_second.values(), default=0) * each
    back = crowd.back + [math.inf] * (count - len(crowd.back))
    return Return(
        half=back[count // 2],
        nearly_all=back[min(count - 1, int(0.99 * count))],
        all=back[-1],
        attempts=crowd.attempts / count,
        handshakes=peak,
        statements=peak * (f["handshake_statements"] + f["return_statements"] + tickets * f["ticket_statements"]),
        redis=peak * in_redis,
    )


class _Crowd:
    """The clients that want to come back. `back`: when each was, in that order."""

    def __init__(self, count: int, known: Mapping[str, float], seed: int) -> None:
        self.back: list[float] = []
        self.queue: deque[tuple[float, int]] = deque()  # since when, and who
        self.per_second = Counter[int]()
        self.attempts = 0
        self._chance = random.Random(seed)
        self._first, self._longest, self._patience = (known[f"{name}_ms"] / 1000 for name in ("backoff_first", "backoff_longest", "greeting"))
        self._tries = [0] * count
        self._waits = [math.inf] * count  # since when it waits for an answer
        self._due: list[tuple[float, int, float]] = []  # when, who, and the attempt whose patience ends then
        for client in range(count):
            self._again(0.0, client)

    def step(self, now: float, credit: float, places: float) -> float:
        """All that happens up to now, with so much work to be given; what is left of that."""
        while self._due and self._due[0][0] <= now:
            at, client, since = heapq.heappop(self._due)
            if since == NEXT:
                self.attempts += 1
                self._waits[client] = at
                self.queue.append((at, client))
                heapq.heappush(self._due, (at + self._patience, client, at))
            elif self._waits[client] == since:  # its patience ends
                self._again(at, client)
        while self.queue and credit >= 1:
            since, client = self.queue.popleft()
            if self._waits[client] != since:
                credit -= STALE
            elif len(self.back) >= places:
                credit -= STALE
                self._again(now, client)
            else:
                credit -= 1
                self.per_second[int(now)] += 1
                self._waits[client] = math.inf
                self.back.append(now)
        return credit

    def _again(self, now: float, client: int) -> None:
        self._waits[client] = math.inf
        heapq.heappush(self._due, (now + self._chance.random() * min(self._longest, self._first * 2 ** self._tries[client]), client, NEXT))
        self._tries[client] += 1


@dataclass(frozen=True)
class Failover:
    """What a time without Redis leaves to be made good. Seconds are of one core."""

    lost: float
    behind: float
    postgres: float
    rejoined: float
    redis: float


def redis_lost(load: Load, *, seconds: float, known: Mapping[str, float] | None = None) -> Failover:
    """Redis is away for so long: pushes that nobody hears, streams that are behind, and everybody to be made known again.

    Heartbeats bring some of it earlier; they are taken not to.
    """
    f = known if known is not None else figures()
    lost = load.notifications * seconds
    behind = load.sockets * (1 - math.exp(-lost / load.sockets))
    heads = 2 * load.sockets * f["heartbeat_postgres_us"] * 1e-6  # all streams are compared twice: at its return, and when all publish again
    return Failover(
        lost=lost, behind=behind, postgres=heads + behind * f["fill_postgres_us"] * 1e-6, rejoined=load.sockets, redis=load.sockets * f["join_redis_us"] * 1e-6
    )
