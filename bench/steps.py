"""A loop of many steps, for a `bench.shop` process: bare, with `tqdm`, and shown to its owner by `track`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from tqdm import tqdm

from realtime.tasks.tracking import track


def weigh(seconds: float) -> dict[str, Any]:
    """Of how many numbers the sum takes so long here."""
    taken = []
    for _ in range(200):
        begun = time.perf_counter()
        sum(range(10_000))
        taken.append(time.perf_counter() - begun)
    return {"weight": int(10_000 * seconds / min(taken))}


def steps(kind: str, user: int, count: int, weight: int) -> dict[str, Any]:
    """So many steps, each the sum of `weight` numbers. Seconds of all of it, from the first
    to the last step, and of other threads' processor time."""
    with open(os.devnull, "w") as nowhere:
        ways: dict[str, Iterable[int]] = {
            "bare": range(count),
            "tqdm": tqdm(range(count), file=nowhere) if kind == "tqdm" else (),
            "track": track(range(count), user=user, title="Import"),
        }
        begun, spent, own = time.perf_counter(), time.process_time(), time.thread_time()
        first, last = _steps(iter(ways[kind]), count, weight)
        whole, others = time.perf_counter() - begun, (time.process_time() - spent) - (time.thread_time() - own)
    return {"whole": whole, "steps": last - first, "others": others}


def _steps(items: Iterator[int], count: int, weight: int) -> tuple[float, float]:
    """When the first step and the last one were done."""
    next(items)
    first = time.perf_counter()
    most = islice(items, count - 2)  # of the last one nobody knows before the end that it is the last
    if weight:
        for _ in most:
            sum(range(weight))
    else:
        for _ in most:
            pass
    last = time.perf_counter()
    for _ in items:
        pass
    return first, last
