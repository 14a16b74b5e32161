"""What was measured, by row: medians, ratios, and the aims that they are held against."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

SATURATED = 0.97
"""Share of its core above which a server was the limit itself, and not the generator or Redis."""


class Results:
    """Figures of each row, one for each round."""

    def __init__(self) -> None:
        self._figures: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.failures: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, row: str, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._figures[row][name].append(value)

    def get(self, row: str, name: str) -> float:
        """The median; NaN where there is none."""
        values = self._figures[row][name] if row in self._figures else []
        return statistics.median(values) if values else math.nan

    def worst(self, name: str) -> float:
        """The highest of any round of any row."""
        return max((value for row in self._figures.values() for value in row.get(name, ())), default=math.nan)

    def rate(self, row: str, name: str) -> float:
        """Pushes a second of a server that has its core to itself: as they came, or where it was not the limit, by its processor time."""
        return self.get(row, name if self.get(row, f"{name} server") >= SATURATED else f"{name} per core")

    def ratio(self, name: str, row: str, to: str = "ours") -> float:
        """How many times the rate of `row` that of `to` is."""
        return self.rate(to, name) / self.rate(row, name)

    def as_dict(self) -> dict[str, dict[str, list[float]]]:
        return {row: dict(figures) for row, figures in self._figures.items()}


@dataclass(frozen=True)
class Aim:
    """Something that is wanted. `floor`: at least, or else at most, `bound`."""

    what: str
    bound: float
    value: Callable[[Results], float]
    floor: bool = True
    form: str = "{:.2f}"

    def met(self, results: Results) -> bool | None:
        """Whether it is reached; None where it was not measured."""
        value = self.value(results)
        if math.isnan(value):
            return None
        return value >= self.bound if self.floor else value <= self.bound

    @property
    def wanted(self) -> str:
        return ("≥ " if self.floor else "≤ ") + f"{self.bound:,g}"


def _over(name: str, row: str) -> Callable[[Results], float]:
    return lambda results: results.ratio(name, row)


def _figure(row: str, name: str) -> Callable[[Results], float]:
    return lambda results: results.get(row, name)


def _compared(name: str, row: str, other: str, to: str) -> Callable[[Results], float]:
    return lambda results: results.get(row, name) / results.get(to, other)


WHOLE = "{:,.0f}"
AIMS = (
    Aim("pushes, one recipient each: of the bare application", 1.25, _over("each", "bare")),
    Aim("… of Socket.IO", 1.8, _over("each", "socketio")),
    Aim("… of the FastAPI manager", 2.5, _over("each", "fastapi")),
    Aim("… of stock Channels with Daphne and the core layer", 40, _over("each", "daphne"), form="{:.0f}"),
    Aim("one group of 1,000: of Socket.IO", 1, _over("group", "socketio")),
    Aim("… of the bare application", 1.5, _over("group", "bare")),
    Aim("p99 at 2,000 pushes/s: of the bare application's", 1, _compared("p99", "ours", "p99", "bare"), floor=False),
    Aim("memory per idle socket at 5,000, our client's headers (KiB)", 28, _figure("ours", "plain 5000"), floor=False, form="{:.1f}"),
    Aim("… a browser's headers (KiB)", 33, _figure("ours", "browser 5000"), floor=False, form="{:.1f}"),
    Aim("handshakes up to `connected`: of the bare application that checks the same token", 0.55, _compared("handshakes", "ours", "handshakes", "bare")),
    Aim("2,000 at once: of the bare application's time", 1.4, _compared("at once", "ours", "at once", "bare"), floor=False),
    Aim("… how many of them were refused", 0, _figure("ours", "refused"), floor=False, form=WHOLE),
    Aim("notify → socket on PostgreSQL, one at a time: of its SQL alone", 0.5, _compared("single", "ours-pg", "single sql", "ours-pg")),
    Aim("… in bulk to 10,000 users (notifications/s)", 30_000, _figure("ours-pg", "bulk"), form=WHOLE),
    Aim(
        "presence: Redis's time for a worker's tick, 10,000 people: of that with 1,000",
        1.5,
        _compared("tick redis many", "ours", "tick redis few", "ours"),
        floor=False,
    ),
    Aim("… the worker's own time for it", 1.5, _compared("tick process many", "ours", "tick process few", "ours"), floor=False),
    Aim("… how many are online, of 100,000: p99 (ms)", 2, _figure("ours", "count p99"), floor=False),
    Aim("… and the first 100 of them: p99 (ms)", 2, _figure("ours", "first p99"), floor=False),
    Aim("… publishes of one change that 400 sockets watch (one of them to its own user)", 2, _figure("ours", "publishes many"), floor=False),
    Aim("support messages on SQLite: of the hand-made FastAPI service", 1, _over("chat many", "desk")),
    Aim("… on PostgreSQL", 1, lambda results: results.ratio("chat many", "desk-pg", to="ours-pg")),
)


def number(value: float, form: str = "{:,.0f}") -> str:
    return "" if math.isnan(value) else form.format(value)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """As Markdown that can be read as it is; the first column is text, the others are numbers."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [[cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in enumerate(zip(line, widths, strict=True))] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in (aligned[0], rule, *aligned[1:]))
