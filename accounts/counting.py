"""What a process counts of its own work: plain numbers, so that what is counted does not feel it.

Each figure is declared once, beside what it counts, with the name, the meaning and the labels under
which Prometheus has it. Nothing is written or sent here; `realtime.stats` writes a worker's figures
down once a second, and adds up those of all workers when somebody asks.

Label values come from lists of ours (kinds, codes, routes), never from what somebody sends.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

Labels = tuple[str, ...]
Kind = Literal["counter", "gauge", "histogram"]

MOST: Final = 1000
"""Combinations of labels that one figure keeps; what else is counted is counted under OTHER."""
OTHER: Final = "other"
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Up to where the buckets of durations reach, in seconds."""

figures: Final[dict[str, Figure]] = {}
"""All that this process counts, by name."""

_lock: Final = threading.Lock()


class Figure:
    """`name` is Prometheus's, with the unit; `help` says what it means; `labels` are their names."""

    kind: Kind
    per_worker = False
    """Each worker's is shown, with its process id as the label `worker`, instead of the sum."""

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        if name in figures:
            raise ValueError(f"{name} is declared twice")
        self.name, self.help, self.labels = name, help, tuple(labels)
        figures[name] = self

    def read(self) -> Mapping[Labels, Sequence[float]]:
        """The numbers of each combination of labels: one, or a histogram's buckets and the sum of what was observed."""
        raise NotImplementedError


class Counter(Figure):
    """Only grows. `counter.add("accepted")`, from any thread."""

    kind: Kind = "counter"

    def __init__(self, name: str, help: str, *labels: str) -> None:
        super().__init__(name, help, labels)
        self.values: dict[Labels, float] = {} if labels else {(): 0}

    def add(self, *labels: str, by: float = 1) -> None:
        """Count something."""
        with _lock:
            kept = _bounded(self.values, labels)
            self.values[kept] = self.values.get(kept, 0) + by

    def read(self) -> Mapping[Labels, Sequence[float]]:
        return {labels: (value,) for labels, value in self.values.copy().items()}


class Level(Counter):
    """Goes up and down, such as what is open just now."""

    kind: Kind = "gauge"


class Histogram(Figure):
    """How long something took, in seconds. `bounds` are the buckets' upper ends."""

    kind: Kind = "histogram"

    def __init__(self, name: str, help: str, *labels: str, bounds: Sequence[float] = SECONDS) -> None:
        super().__init__(name, help, labels)
        self.bounds = tuple(bounds)
        self.values: dict[Labels, list[float]] = {} if labels else {(): self._empty()}

    def observe(self, seconds: float, *labels: str, weight: int = 1) -> None:
        """Count one that took so long, or `weight` of them of which it is a sample. From any thread."""
        with _lock:
            buckets = self.values.setdefault(_bounded(self.values, labels), self._empty())
            buckets[bisect_left(self.bounds, seconds)] += weight
            buckets[-1] += seconds * weight

    def read(self) -> Mapping[Labels, Sequence[float]]:
        return {labels: tuple(buckets) for labels, buckets in self.values.copy().items()}

    def _empty(self) -> list[float]:
        return [0] * (len(self.bounds) + 2)


class Gauge(Figure):
    """Is read when it is asked for. `read` gives the number of each combination of labels; it may give none, and is never asked to wait."""

    kind: Kind = "gauge"

    def __init__(self, name: str, help: str, *labels: str, read: Callable[[], Iterable[tuple[Labels, float]]], per_worker: bool = False) -> None:
        super().__init__(name, help, labels)
        self._read = read
        self.per_worker = per_worker

    def read(self) -> Mapping[Labels, Sequence[float]]:
        return {labels: (value,) for labels, value in self._read()}


class WorkersCounter(Gauge):
    """A counter that is each worker's own, and goes with it."""

    kind: Kind = "counter"


def _bounded(values: Mapping[Labels, object], labels: Labels) -> Labels:
    return labels if labels in values or len(values) < MOST else (OTHER,) * len(labels)
