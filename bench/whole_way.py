"""The whole way: `notify` in one process, the database, Redis, a server, and the sockets of those who are told."""

from __future__ import annotations

import statistics
import time

from bench.contestants import CONTESTANTS
from bench.crowd import Crowd, Wrong
from bench.grounds import Grounds
from bench.measures import Figures, Scale, crowd_of

PATIENCE = 60.0
CLOSED_LOOP = 5  # of so many notifications one is waited for at its socket before the next is sent

BULKS = 3


def whole_way(grounds: Grounds, kind: str, scale: Scale) -> Figures:
    """Notifications a second with one call each and with one call for all, and what their SQL alone costs."""
    contestant = CONTESTANTS["ours-pg" if kind == "postgresql" else "ours"]
    shop, everybody = grounds.shops[kind], grounds.users[: scale.bulk]
    shop.ask("fresh")
    # Of those who are told in bulk, the listeners are spread over all, the last one among them.
    listeners = everybody[:: -(len(everybody) // scale.sockets)][: scale.sockets]
    figures: Figures = {}
    with grounds.serving(contestant) as (server, place):
        with crowd_of(grounds, contestant, place, listeners) as crowd:
            crowd.still()
            shop.ask("tell_each", users=listeners, count=scale.singles // CLOSED_LOOP)  # to warm up
            _arrived(crowd, scale.singles // CLOSED_LOOP)
            taken = []
            for _ in range(scale.singles // CLOSED_LOOP):
                shop.begin("tell_each", users=listeners[:1], count=1)
                _, last = _arrived(crowd, 1)
                taken.append(last - shop.end()["begun"])
            cut = statistics.quantiles(taken, n=100, method="inclusive")
            figures |= {"way p50": cut[49] * 1e3, "way p99": cut[98] * 1e3}
            shop.begin("tell_each", users=listeners, count=scale.singles)
            count, last = _arrived(crowd, scale.singles)
            figures["single"] = count / (last - shop.end()["begun"])
        server.rest()
        with crowd_of(grounds, contestant, place, listeners) as crowd:
            crowd.still()
            taken = []
            for _ in range(BULKS):
                shop.begin("tell_all", users=everybody, count=1)
                _, last = _arrived(crowd, len(listeners))
                answer = shop.end()
                taken.append(max(last, answer["ended"]) - answer["begun"])
            figures["bulk"] = len(everybody) / statistics.median(taken)
    said = shop.ask("repeat_each", users=listeners, count=scale.singles)
    figures |= {"single sql": scale.singles / said["seconds"], "single statements": said["statements"] / scale.singles}
    said = shop.ask("repeat_all", users=everybody, count=BULKS)
    figures |= {"bulk sql": len(everybody) * BULKS / said["seconds"], "bulk statements": said["statements"] / BULKS}
    shop.ask("fresh")
    return figures


def _arrived(crowd: Crowd, count: int) -> tuple[int, float]:
    """Wait for so many notifications in all; their number and the moment of the last one."""
    came, last = 0, time.perf_counter()
    while came < count:
        for _, frame in crowd.frames(0.2):
            came += frame.startswith(b'{"type":"notification"')
            last = time.perf_counter()
        if time.perf_counter() - last > PATIENCE:
            raise Wrong(f"{came} of {count} notifications came")
    return came, last
