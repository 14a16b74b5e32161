"""A crowd without sockets: a worker's roster as it is, in a loop of its own, that ticks every second like the keeper's.

For a `bench.shop` process of its own, which is killed when it has served. So there can be more people than sockets.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from accounts.redis import client
from realtime.presence.board import Board
from realtime.presence.roster import Roster
from realtime.presence.store import PAGE, Answer, step
from realtime.refusals import Refusal

FIRST_USER = 10_000_000
"""These have no row in the database."""
AT_ONCE = 1000
BATCH = 50  # ticks of one figure


@dataclass(slots=True, eq=False)
class PlainSeat:
    """What the roster needs of a socket, and no socket."""

    who: str
    connection_id: str
    path: str = "api/v1/ws"
    limit: int = 20
    yields: bool = False
    opened: str | None = None
    shown: bool = False
    chosen: str = ""
    ending: bool = False

    def end(self, refusal: Refusal) -> None:
        raise RuntimeError(f"a seat was ended: {refusal.code}")

    def probe(self, patience: float) -> None:
        raise RuntimeError("a seat was probed")


class Hall:
    """One pretended worker."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._roster: Roster | None = None
        self._seats: list[PlainSeat] = []
        self._resting = False
        self._clock: asyncio.Task[None] | None = None

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def seat(self, count: int) -> None:
        if self._roster is None:
            self._roster = Roster.of_this_loop()
            self._clock = asyncio.create_task(self._tick_on())
        new = [PlainSeat(f"p:{FIRST_USER + n}", f"seat-{n}") for n in range(len(self._seats), len(self._seats) + count)]
        self._seats += new
        for begin in range(0, len(new), AT_ONCE):
            await asyncio.gather(*(self._roster.join(each) for each in new[begin : begin + AT_ONCE]))

    async def ticks(self, count: int) -> dict[str, Any]:
        assert self._roster is not None
        self._resting = True
        figures: dict[str, list[float]] = {"process": [], "redis": []}
        for _ in range(len(self._seats) // PAGE + 2):  # until it is written when they were seen
            await self._roster.tick()
        for _ in range(count // BATCH):
            redis_before, before = _redis_seconds(), time.thread_time()
            for _ in range(BATCH):
                await self._roster.tick()
            figures["process"].append((time.thread_time() - before) / BATCH)
            figures["redis"].append((_redis_seconds() - redis_before) / BATCH)
        self._resting = False
        return figures

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(settings.SWITCHBOARD.keeper_interval)
            if not self._resting and self._roster is not None:
                await self._roster.tick()


_halls: list[Hall] = []


def seat(count: int) -> dict[str, Any]:
    """So many more people, each with one connection."""
    if not _halls:
        _halls.append(Hall())
    begun = time.perf_counter()
    _halls[0].do(_halls[0].seat(count))
    return {"seconds": time.perf_counter() - begun}


def ticks(count: int) -> dict[str, Any]:
    """What a tick costs this worker and Redis: processor seconds, means of BATCH ticks each."""
    figures: dict[str, Any] = _halls[0].do(_halls[0].ticks(count))
    return figures


def ask(operation: str, times: int, **job: Any) -> dict[str, Any]:
    """One step so many times: seconds of each round trip and of Redis by its own account, and what it said of how many are online."""
    taken, own, online = [], [], []
    for _ in range(times):
        before = _script()
        begun = time.perf_counter()
        answer = step(operation, **job)
        taken.append(time.perf_counter() - begun)
        calls, microseconds = (now - then for now, then in zip(_script(), before, strict=True))
        if calls == 1:  # or somebody's tick came in between
            own.append(microseconds / 1e6)
        online.append(answer.online)
    return {"taken": taken, "redis": own, "online": sorted(set(online))}


def hear(count: int) -> dict[str, Any]:
    """How long a worker takes for so many changes of presence in which nobody of its own is interested: processor seconds."""
    layer: Any = get_channel_layer()
    board, era = Board(), "bench"
    board.restore(Answer.decode(json.dumps({**_NOTHING, "era": era})), asked_at=0)
    said = [layer.serialize({"type": "presence.changed", "era": era, "changes": [[n, "status", f"p:{n}", "away", n]]}) for n in range(1, count + 1)]
    before = time.process_time()
    for each in said:
        board.hear(layer.deserialize(each))
    seconds = time.process_time() - before
    if board.version != count:
        raise RuntimeError(f"{board.version} of {count} changes were heard")
    return {"seconds": seconds}


_NOTHING = {"version": 0, "online": 0, "mode": "watch", "young": False, "changes": [], "wake": [], "p": [], "c": []}


def truth() -> dict[str, Any]:
    """Who is here as Redis knows it, by how many connections; and who was told to be online."""
    cursor, people, answer = "0", {}, None
    while answer is None or cursor != "0":
        answer = step("stats", cursor=cursor, names=PAGE)
        cursor = answer.said["cursor"]
        people |= dict(answer.said["people"])
    online = step("online", limit=max(1, answer.online))
    told = {f"p:{each[0]}": each[2] for each in online.said["people"]}
    return {"people": people, "told": told, "users": answer.said["users"], "connections": answer.said["connections"], "online": online.online}


def _redis_seconds() -> float:
    """Processor time of Redis so far."""
    said: Any = client().info("cpu")
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])


def _script() -> tuple[int, int]:
    """How often a script was called so far, and the microseconds of that."""
    said: Any = client().info("commandstats").get("cmdstat_evalsha", {"calls": 0, "usec": 0})
    return said["calls"], said["usec"]
