"""Who is here: what it costs to know, and that it stays true."""

from __future__ import annotations

import json
import random
import socket
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import redis

from bench.contestants import Contestant
from bench.crowd import Crowd, Peer, Wrong, masked, open_crowd
from bench.grounds import Grounds, Shop
from bench.machine import Meter, spent
from bench.measures import Figures, Scale, crowd_of
from bench.rivals.keys import Keys

WORKERS = 2
REAL = 5  # one of so many people has a socket, the others a seat at a third worker
PATIENCE = 20.0  # seconds in which what Redis knows has to become true
FEW, MANY = 10, 400  # sockets that watch somebody
RUN_AWAY = 20  # for so many that come one goes before it is in
BY_HAND = 20  # of its counts are measured; each takes long
STATUSES = ("away", "busy")


def presence(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """What a worker's tick costs with few people and with many, what a count costs; for ours also who is told, and how true it is."""
    grounds.forget_everybody()
    if contestant.key == "keys":
        return _by_hand(grounds, scale)
    try:
        return {
            **_ticks(grounds, contestant, scale),
            **_counts(grounds, scale),
            **_told(grounds, contestant, scale),
            **_churned(grounds, contestant, scale),
        }
    finally:
        grounds.forget_everybody()


def _ticks(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    figures: Figures = {}
    with grounds.serving(contestant, workers=WORKERS) as (server, place), grounds.another_shop() as shop, ExitStack() as crowds:
        seated = connected = 0
        for name, total in zip(("few", "many"), scale.present, strict=True):
            real = total // REAL
            crowds.enter_context(crowd_of(grounds, contestant, place, grounds.users[connected:real]))
            shop.ask("seat", count=total - real - seated)
            seated, connected = total - real, real
            server.rest()
            said = shop.ask("ticks", count=scale.ticks)
            for whose in ("redis", "process"):
                figures[f"tick {whose} {name}"] = statistics.median(said[whose]) * 1e6
            before, family = time.perf_counter(), server.family()
            used = sum(map(spent, family))
            time.sleep(4 * scale.seconds)  # the clock that says it is coarse
            figures[f"idle {name}"] = (sum(map(spent, family)) - used) / (time.perf_counter() - before) / WORKERS * 1e3
            known = shop.ask("truth")
            if (known["connections"], known["users"], known["online"]) != (total, total, total):
                raise Wrong(
                    f"{total} people are here, Redis counts {known['users']}, with {known['connections']} connections, {known['online']} of them online"
                )
    return figures


def _counts(grounds: Grounds, scale: Scale) -> Figures:
    grounds.forget_everybody()
    with grounds.another_shop() as shop:
        shop.ask("seat", count=scale.crowd)
        shop.ask("ticks", count=0)  # until it is written when they were seen
        meter = Meter([shop.pid], grounds.redis_pid)
        figures = {**_asked(shop, "count", "stand", scale), **_asked(shop, "first", "online", scale, limit=100)}
        use = meter.stop()
        return {**figures, "count others": use.others / use.wall}


def _asked(shop: Shop, name: str, operation: str, scale: Scale, **job: Any) -> Figures:
    said = shop.ask("ask", operation=operation, times=scale.ticks, **job)
    if said["online"] != [scale.crowd]:
        raise Wrong(f"{scale.crowd} people are online, Redis counts {said['online']}")
    return {**_cut(name, said["taken"]), **_cut(f"{name} redis", said["redis"])}


def _cut(name: str, taken: Sequence[float]) -> Figures:
    """In milliseconds."""
    cut = statistics.quantiles(taken, n=100, method="inclusive")
    return {f"{name} p50": cut[49] * 1e3, f"{name} p99": cut[98] * 1e3}


def _told(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """How often Redis is told to publish one change, and when the last socket that wants to know has it."""
    figures: Figures = {}
    somebody, *others = grounds.users
    eager = {"PRESENCE_BROADCAST_LIMIT": "0", "PRESENCE_BROADCAST_AGAIN": "0", "PRESENCE_QUIET": "0", "WS_FRAME_RATE": "0"}
    with grounds.serving(contestant, workers=WORKERS, **eager) as (_server, place), crowd_of(grounds, contestant, place, [somebody]) as one:
        one.peers[0].sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as browsers do; it is not answered
        for name, count in (("few", FEW), ("many", min(MANY, scale.sockets))):
            with crowd_of(grounds, contestant, place, others[:count]) as crowd:
                for peer in crowd.peers:
                    peer.sock.send(masked(json.dumps({"type": "watch", "user_ids": [somebody]}).encode()))
                _heard(crowd, count, "online")
                crowd.begin()
                before, taken = _publishes(grounds.redis), []
                for turn in range(scale.changes):
                    status = STATUSES[turn % len(STATUSES)]
                    begun = time.perf_counter()
                    one.peers[0].sock.send(masked(json.dumps({"type": "presence", "status": status}).encode()))
                    taken.append(_reached(crowd, count) - begun)
                if len({peer.got for peer in crowd.peers}) > 1:
                    raise Wrong("not all sockets were told the same")
                figures[f"publishes {name}"] = (_publishes(grounds.redis) - before) / scale.changes
                figures[f"told {name}"] = statistics.median(taken) * 1e3
                one.peers[0].sock.send(masked(b'{"type":"presence","status":"online"}'))
                _heard(crowd, count, "online")
    return figures


def _reached(crowd: Crowd, count: int) -> float:
    """When the last of them had something to read. It is not looked at: that would take longer than it takes to come."""
    came: set[int] = set()
    until = time.perf_counter() + PATIENCE
    while len(came) < count:
        came.update(peer.number for peer, _size in crowd.arrivals())
        if time.perf_counter() > until:
            raise Wrong(f"{len(came)} of {count} sockets were told of a change")
    return time.perf_counter()


def _heard(crowd: Crowd, count: int, status: str) -> float:
    """When the last of them was told that somebody is so."""
    came, until = set(), time.perf_counter() + PATIENCE
    while len(came) < count:
        for peer, frame in crowd.frames(0.2):
            if frame.startswith(b'{"type":"presence"') and b'"status":"%b"' % status.encode() in frame:
                came.add(peer.number)
        if time.perf_counter() > until:
            raise Wrong(f"{len(came)} of {count} sockets were told that somebody is {status}")
    return time.perf_counter()


def _publishes(client: redis.Redis) -> int:
    said: Any = client.info("commandstats")
    return sum(each["calls"] for name, each in said.items() if name in ("cmdstat_publish", "cmdstat_spublish"))


def _churned(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """Sockets open and close at random for a while; then Redis must know exactly who is still there."""
    chance, turns = random.Random(11), 0
    users = grounds.users[: scale.churn // 2]  # who so has two connections, now and then none and sometimes five
    with grounds.serving(contestant, workers=WORKERS, PRESENCE_GRACE="1") as (_server, place), grounds.another_shop() as shop, Crowd() as crowd:
        whose: dict[int, int] = {}
        crowd_of(grounds, contestant, place, users[:FEW]).close()  # the workers are ready by then
        begun = time.perf_counter()
        while time.perf_counter() - begun < scale.churning:
            going = chance.sample(crowd.peers, chance.randint(0, min(len(crowd.peers), scale.churn // 10)))
            for peer in going:
                del whose[peer.sock.fileno()]
            crowd.dismiss(going)
            coming = chance.choices(users, k=chance.randint(0, min(scale.churn - len(crowd.peers), scale.churn // 5)))
            _run_away(grounds.requests(contestant, place, coming[::RUN_AWAY]), place.port)
            there = len(crowd.peers)
            open_crowd(grounds.requests(contestant, place, coming), port=place.port, steps=contestant.steps, at_once=100, crowd=crowd)
            if crowd.failures:
                raise Wrong(f"sockets did not open: {dict(crowd.failures)}")
            for peer in crowd.peers[there:]:
                whose[peer.sock.fileno()] = coming[peer.number]
            crowd.still(0)
            turns += len(going) + len(coming)
        took = time.perf_counter() - begun
        wanted = {f"p:{user}": count for user, count in Counter(whose.values()).items()}
        quiet = time.perf_counter()
        _become_true(shop, crowd, wanted)
        return {"turns": turns / took, "here": float(len(whose)), "people here": float(len(wanted)), "true after": time.perf_counter() - quiet}


def _run_away(requests: Sequence[bytes], port: int) -> None:
    """Ask to come in, and be gone before there is an answer."""
    for request in requests:
        peer = Peer(0, request)
        peer.sock.setblocking(True)
        with peer.sock:
            peer.sock.connect(("127.0.0.1", port))
            peer.sock.send(peer.request)


def _become_true(shop: Shop, crowd: Crowd, wanted: dict[str, int]) -> None:
    until = time.perf_counter() + PATIENCE
    while True:
        known = shop.ask("truth")
        connections = sum(wanted.values())
        if known["people"] == known["told"] == wanted and (known["users"], known["connections"], known["online"]) == (len(wanted), connections, len(wanted)):
            return
        if time.perf_counter() > until:
            wrong = {who: (wanted.get(who, 0), known["people"].get(who, 0), known["told"].get(who, 0)) for who in wanted | known["people"] | known["told"]}
            wrong = {who: counts for who, counts in wrong.items() if len({*counts}) > 1}
            some = dict(list(wrong.items())[:5])
            raise Wrong(f"{len(wrong)} of {len(wanted)} people are counted wrongly (connections there, known, of those told to be online): {some}")
        crowd.still(0)
        time.sleep(0.2)


def _by_hand(grounds: Grounds, scale: Scale) -> Figures:
    figures: Figures = {}
    with redis.Redis(unix_socket_path=grounds.redis_path, db=1) as client:
        keys, there = Keys(client), 0
        for name, total in zip(("few", "many"), scale.present, strict=True):
            keys.join(total - there)
            there = total
            own, process = [], []
            for _ in range(max(2, scale.ticks // 50)):
                redis_before, before = _redis_seconds(client), time.process_time()
                keys.renew()
                process.append(time.process_time() - before)
                own.append(_redis_seconds(client) - redis_before)
            figures |= {f"tick redis {name}": statistics.median(own) * 1e6, f"tick process {name}": statistics.median(process) * 1e6}
        keys.join(scale.crowd - there)
        taken, own = [], []
        for _ in range(BY_HAND):
            redis_before, begun = _redis_seconds(client), time.perf_counter()
            if keys.count() != scale.crowd:
                raise Wrong("the keys were not all counted")
            taken.append(time.perf_counter() - begun)
            own.append(_redis_seconds(client) - redis_before)
        client.flushdb()
    return {**figures, **_cut("count", taken), **_cut("count redis", own)}


def _redis_seconds(client: redis.Redis) -> float:
    """Processor time of Redis so far."""
    said: Any = client.info("cpu")
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])
