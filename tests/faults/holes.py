"""How long somebody who stayed connected went without what had been written for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.faults.client import Arrival

LATE = 0.5
"""Seconds after it was written from which on a notification is late: a push takes milliseconds."""
PAUSE = 0.25
"""Seconds without an arrival that part two bursts."""


@dataclass(frozen=True, slots=True)
class Hole:
    """From when the oldest of what was late was written to when the burst that brought it was over (Unix times)."""

    began: float
    ended: float

    @property
    def length(self) -> float:
        return self.ended - self.began


def holes(arrivals: Iterable[Arrival]) -> list[Hole]:
    """The holes of one client, in order."""
    bursts: list[list[Arrival]] = []
    for arrival in arrivals:
        if not bursts or arrival.came - bursts[-1][-1].came > PAUSE:
            bursts.append([])
        bursts[-1].append(arrival)
    late = ([each for each in burst if each.came - each.written > LATE] for burst in bursts)
    return [Hole(min(each.written for each in burst), max(each.came for each in burst)) for burst in late if burst]


def filled_after(arrivals: Iterable[Arrival], moment: float) -> float:
    """Seconds after that moment at which the last of what had been written before it had come."""
    return max((each.came - moment for each in arrivals if each.written < moment < each.came), default=0.0)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
