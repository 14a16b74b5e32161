"""Long work that shows how far it is: what that costs a step, and how often its owner is told."""

from __future__ import annotations

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from bench.contestants import Contestant
from bench.crowd import Wrong
from bench.grounds import Grounds, Shop
from bench.machine import Meter
from bench.measures import Figures, Scale, shares
from bench.results import Results, number, table

KINDS = ("bare", "tqdm", "track")
AT_MOST = 5  # frames in a second
FRAME = re.compile(rb'"type":"(progress|completed|error)".*"progress":([0-9.]+).*"timestamp":"([^"]+)"')


def tasks(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """A loop of steps that do nothing and of steps that do a little, bare, with tqdm and with `track`, in turn."""
    shop = grounds.shops["postgresql" if contestant.key.endswith("-pg") else "sqlite"]
    weight = shop.ask("weigh", seconds=scale.step)["weight"]
    figures: Figures = {}
    meter = Meter([shop.pid], grounds.redis_pid)
    for name, kilos in (("empty", 0), ("work", weight)):
        taken: defaultdict[str, list[float]] = defaultdict(list)
        for _ in range(scale.turns):
            for kind in KINDS:
                said, frames = _heard(grounds, shop, kind, scale.steps, kilos)
                for what in ("steps", "others", "whole"):
                    taken[f"{name} {kind} {what}"].append(said[what] / scale.steps * 1e9)
                taken[f"{name} {kind} ends"].append((said["whole"] - said["steps"]) * 1e3)
                if kind == "track":
                    taken[f"{name} frames"].append(len(frames))
                    taken[f"{name} busiest"].append(_busiest(frames))
        # What disturbs a loop makes it longer, so the quickest turn was disturbed least.
        ways = {"frames": statistics.median, "busiest": max, "ends": statistics.median, "others": statistics.median}
        figures |= {what: ways.get(what.split()[-1], min)(values) for what, values in taken.items()}
    use = meter.stop()
    return {**figures, "tasks others": shares("tasks", use)["tasks others"]}


def _heard(grounds: Grounds, shop: Shop, kind: str, count: int, weight: int) -> tuple[dict[str, Any], list[float]]:
    """One loop, and when the frames were sent that its owner was told meanwhile. Raises Wrong if they are not as they should be."""
    user = grounds.users[0]
    with grounds.redis.pubsub() as ear:
        ear.subscribe(grounds.ours["channel"] % user)
        ear.get_message(timeout=5)  # that it listens
        said = shop.ask("steps", kind=kind, user=user, count=count, weight=weight)
        heard = []
        while message := ear.get_message(timeout=0.2):
            heard.append(message["data"])
    found = [frame for body in heard if (frame := FRAME.search(body))]
    if kind == "track":
        if not found or (found[-1][1], float(found[-1][2])) != (b"completed", 100.0):
            raise Wrong(f"the last frame is not the end, at 100 %: {heard[-1:]}")
    elif heard:
        raise Wrong(f"who did nothing was told something: {heard[0]!r}")
    sent = [datetime.fromisoformat(frame[3].decode()).timestamp() for frame in found]
    if sent and _busiest(sent) > AT_MOST:
        raise Wrong(f"{_busiest(sent)} frames in a second")
    return said, sent


def _busiest(sent: list[float]) -> int:
    """How many were sent in the second in which most were."""
    return max(sum(1 for other in sent if 0 <= other - one < 1) for one in sent)


LOOPS = (("ours", "bare", "a bare loop"), ("ours", "tqdm", "with tqdm"), ("ours", "track", "with track"), ("ours-pg", "track", "… on PostgreSQL"))


def shown_tasks(results: Results) -> str:
    """The table."""

    def line(row: str, kind: str, title: str) -> Sequence[str]:
        figure = partial(results.get, row)
        return (
            title,
            number(figure(f"empty {kind} steps")),
            number(figure(f"empty {kind} ends"), "{:.1f}"),
            number(figure(f"work {kind} steps") / 1e3, "{:.1f}"),
            number(figure(f"work {kind} others")) if kind == "track" else "",
            number(figure(f"work {kind} ends"), "{:.1f}"),
            *(number(figure(f"work {name}")) if kind == "track" else "" for name in ("frames", "busiest")),
        )

    head = ("", "a step of nothing (ns)", "the ends (ms)", "a step of work (µs)", "its thread (ns)", "the ends (ms) ", "frames", "in a second")
    lines = [line(*each) for each in LOOPS if not math.isnan(results.get(each[0], "empty bare steps"))]
    return table(head, lines) if lines else ""
