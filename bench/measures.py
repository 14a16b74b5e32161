"""What is measured of one server. Each returns figures by name; what is not exact raises Wrong."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from bench.contestants import Contestant, Place
from bench.crowd import BROWSER, Crowd, Wrong, open_crowd, readable
from bench.grounds import Grounds
from bench.load import Pushes, Stream
from bench.machine import Meter, Use
from bench.servers import Server

Figures = dict[str, float]
FIRST_SOCKETS = 100


@dataclass(frozen=True)
class Scale:
    """How much of it. Times are in seconds."""

    rounds: int = 3
    sockets: int = 1000
    seconds: float = 2.5
    warm_up: float = 0.5
    rate: float = 2000.0
    paced: float = 4.0
    handshakes: int = 2000
    concurrent: int = 50
    idle: tuple[int, ...] = (1000, 5000)
    singles: int = 1000
    bulk: int = 10_000
    present: tuple[int, int] = (1000, 10_000)
    crowd: int = 100_000
    ticks: int = 1000
    changes: int = 50
    churn: int = 5000
    churning: float = 60.0
    pairs: tuple[int, int] = (50, 200)
    chat_rate: float = 100.0
    chat_paced: float = 10.0
    steps: int = 20_000
    step: float = 100e-6
    turns: int = 3
    visits: int = 5

    @property
    def people(self) -> int:
        return max(self.sockets, self.handshakes, self.bulk, max(self.idle) + FIRST_SOCKETS, self.churn // 2)


QUICK = Scale(
    rounds=1,
    seconds=1.0,
    warm_up=0.3,
    paced=2.0,
    handshakes=1000,
    idle=(1000,),
    singles=300,
    ticks=500,
    changes=20,
    churn=1000,
    churning=10.0,
    chat_paced=5.0,
    turns=1,
    visits=1,
)
SMOKE = Scale(
    rounds=1,
    sockets=20,
    seconds=0.2,
    warm_up=0.05,
    rate=200.0,
    paced=0.5,
    handshakes=40,
    concurrent=10,
    idle=(20,),
    singles=20,
    bulk=100,
    present=(20, 100),
    crowd=200,
    ticks=100,
    changes=4,
    churn=40,
    churning=1.0,
    pairs=(2, 5),
    chat_paced=0.5,
    steps=2000,
    turns=1,
    visits=1,
)


def crowd_of(grounds: Grounds, contestant: Contestant, place: Place, users: Sequence[int], *, at_once: int = 50, more: str = "") -> Crowd:
    """Open a socket for each of these users. Raises Wrong unless all of them opened."""
    requests = grounds.requests(contestant, place, users, more)
    crowd = open_crowd(requests, port=place.port, steps=contestant.steps, at_once=at_once)
    if crowd.failures:
        crowd.close()
        raise Wrong(f"{sum(crowd.failures.values())} of {len(users)} sockets did not open: {readable(crowd.failures)}")
    return crowd


def pushes(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """One recipient each as fast as it goes; the same at a given rate; and one group of all."""
    users = grounds.users[: scale.sockets]
    with grounds.serving(contestant) as (server, place), closing(contestant.publisher(place)) as publisher:
        with crowd_of(grounds, contestant, place, users) as crowd:
            crowd.still()
            template = contestant.template(place, grounds.redis)
            each = Pushes(users, template, reaches=1, window=contestant.window, wire=contestant.wire)
            stream = Stream(crowd, publisher, each)
            figures = _blasted(grounds, server, stream, scale, "each")
            if contestant.punctual and figures["each per core"] > 1.2 * scale.rate:
                taken = stream.pace(scale.rate, scale.paced, random.Random(7))
                cut = statistics.quantiles(taken, n=100, method="inclusive")
                figures |= {"p50": cut[49] * 1e6, "p99": cut[98] * 1e6}
        server.rest()
        with crowd_of(grounds, contestant, place, [users[0]] * len(users)) as crowd:
            crowd.still()
            template = contestant.template(place, grounds.redis)
            window = max(contestant.window, 8 * len(users))
            group = Pushes(users[:1], template, reaches=len(users), window=window, wire=contestant.wire)
            figures |= _blasted(grounds, server, Stream(crowd, publisher, group), scale, "group")
    return figures


def _blasted(grounds: Grounds, server: Server, stream: Stream, scale: Scale, name: str) -> Figures:
    per_round = len(stream.pushes.users) * stream.pushes.reaches

    def rounds(seconds: float, took: float, done: int) -> int:
        return max(1, math.ceil(seconds * done / took))

    few = rounds(0.05, stream.blast(1), 1)
    enough = rounds(scale.warm_up, stream.blast(few), few)
    count = rounds(scale.seconds, stream.blast(enough), enough)
    meter = Meter(server.pids, grounds.redis_pid)
    took = stream.blast(count)
    use = meter.stop()
    done = count * per_round
    return {name: done / took, f"{name} per core": done / use.server if use.server else math.nan, **shares(name, use)}


def shares(name: str, use: Use) -> Figures:
    """Of a core, who used how much."""
    spent = {"server": use.server, "generator": use.generator, "redis": use.redis, "database": use.database, "others": use.others}
    return {f"{name} {who}": seconds / use.wall for who, seconds in spent.items()}


def handshakes(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """So many a second, a few at a time; and the time until all are served who come at once."""
    users = grounds.users[: scale.handshakes]
    with grounds.serving(contestant) as (server, place):
        crowd_of(grounds, contestant, place, users[: len(users) // 5], at_once=scale.concurrent).close()
        server.rest()
        meter = Meter(server.pids, grounds.redis_pid)
        with crowd_of(grounds, contestant, place, users, at_once=scale.concurrent) as crowd:
            use = meter.stop()
            figures = {"handshakes": len(users) / crowd.seconds, **shares("handshakes", use)}
        server.rest()
        requests = grounds.requests(contestant, place, users)
        with open_crowd(requests, port=place.port, steps=contestant.steps, at_once=len(users)) as crowd:
            return {**figures, "at once": crowd.seconds, "refused": float(crowd.failures.total())}


def memory(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """KiB that each idle socket adds to the server, with our client's headers and with a browser's."""
    figures = {}
    for headers, more in (("plain", ""), ("browser", BROWSER)):
        with grounds.serving(contestant) as (server, place):
            # What the first sockets bring with them (threads, imports, pools) is nobody's share. They
            # stay, or those that come after them would be given their pages.
            crowds = [crowd_of(grounds, contestant, place, grounds.users[:FIRST_SOCKETS], more=more)]
            before = server.settled_memory()
            count = 0
            try:
                for wanted in scale.idle:
                    users = grounds.users[FIRST_SOCKETS + count : FIRST_SOCKETS + wanted]
                    crowds.append(crowd_of(grounds, contestant, place, users, more=more))
                    count = wanted
                    figures[f"{headers} {wanted}"] = (server.settled_memory() - before) / wanted / 1024
            finally:
                for crowd in crowds:
                    crowd.close()
    return figures
