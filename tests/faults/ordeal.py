"""One fault, from a town in which all is well to one in which all is well again."""

from __future__ import annotations

import time
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.faults.client import Client
from tests.faults.crowd import Crowd
from tests.faults.holes import filled_after, holes, percentile
from tests.faults.ledger import differences
from tests.servers.waiting import until

if TYPE_CHECKING:
    from tests.faults.town import Town

FIRST = 100
"""Notifications that everybody hears of before anything fails."""


class Ordeal:
    """`away` and `back` are the Unix times at which the test said that something had gone and returned."""

    def __init__(self, town: Town, name: str) -> None:
        self.town = town
        self.name = name
        self.away = self.back = 0.0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.crowd = self._stack.enter_context(Crowd(self.town.url, self.town.people))
        self.crowd.connect_everybody(self.town.workers())
        self._stack.enter_context(self.town.writer.writing())
        self.write(FIRST)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, count: int) -> None:
        """Let that many more notifications be told."""
        already = len(self.town.writer.told)
        until(lambda: len(self.town.writer.told) >= already + count, what=f"{count} more are told", seconds=120)

    def last(self, seconds: float) -> None:
        """Let the fault, or the time after it, last that long."""
        time.sleep(seconds)

    def gone(self) -> None:
        """What fails is gone now."""
        self.away = time.time()

    def returned(self) -> None:
        """What failed is back now."""
        self.back = time.time()

    def away_for(self) -> float:
        """Seconds since what fails was gone."""
        return time.time() - self.away

    def newcomer(self) -> Client:
        """A client that opens now and wants all since this ordeal began."""
        one = self.crowd.clients[0]
        assert one.start is not None
        return self.crowd.join(one.user_id, begin_at=f"{one.epoch}:{one.start}")

    @property
    def stayed(self) -> list[Client]:
        """The clients that were connected all the time."""
        return [client for client in self.crowd.clients if len(client.connections) == 1 and not client.codes]

    @property
    def filled_after(self) -> float:
        """Seconds after `back` at which those who stayed had all that had been written before it."""
        return max((filled_after(client.applied, self.back) for client in self.stayed), default=0.0)

    def rest_p99(self) -> float:
        """Seconds that REST took to answer 201 while something was away, but for the slowest hundredth."""
        calls = [call for call in self.town.writer.calls if call.way == "rest" and self.away <= call.began and (not self.back or call.began <= self.back)]
        return percentile([call.took for call in calls if call.status == 201], 0.99)

    def refused(self) -> dict[str, int]:
        """How many calls were not answered 201, by what they were answered or how they failed."""
        found: dict[str, int] = {}
        for call in list(self.town.writer.calls):
            if call.status != 201:
                found[f"{call.way} {call.status}"] = found.get(f"{call.way} {call.status}", 0) + 1
        return found

    def caught_up(self) -> bool:
        """Whether every client has come to the end of its stream."""
        return self.crowd.reaches(self.town.heads())

    def conclude(self) -> str:
        """Stop writing and wait until every client has exactly the database's rows. Returns what happened as a line of a table."""
        self.town.writer.stop()
        try:
            until(self.caught_up, what="everybody catches up", seconds=2.5 * self.town.heartbeat() + 20)
            self.crowd.sync()
        except AssertionError:  # what follows says more
            pass
        rows = self.town.rows()
        problems = [each for client in self.crowd.clients for each in differences(client, rows[client.user_id])]
        problems += [f"a client failed: {error!r}" for error in self.crowd.failures()]
        assert not problems, "\n".join(problems[:20])
        there = {row.id for stream in rows.values() for row in stream}
        assert not (lost := set(self.town.writer.told) - there), f"answered 201 and not stored: {lost}"
        return self._line()

    def _line(self) -> str:
        lengths = [hole.length for client in self.stayed for hole in holes(client.applied)]
        refused = ", ".join(f"{count} {what}" for what, count in self.refused().items())
        fields = [
            f"{self.name}{', through nginx' if self.town.nginx is not None else ''}",
            len(self.town.writer.told),
            refused or "none",
            f"{len(self.stayed)} of {len(self.crowd.clients)}",
            len(lengths),
            f"{percentile(lengths, 0.5):.2f}",
            f"{max(lengths, default=0):.2f}",
            f"{self.filled_after:.2f}" if self.back else "",
            f"{1000 * self.rest_p99():.0f}",
        ]
        return f"| {' | '.join(str(field) for field in fields)} |"


HEAD = "| ordeal | told | not answered 201 | stayed connected | holes | median s | longest s | filled after return s | REST p99 ms |"
