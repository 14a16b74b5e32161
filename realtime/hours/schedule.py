"""When somebody is here. No database and no clock: what is asked for is passed in.

We are open whenever a clock on the wall of the shop shows a time within a slot. So a slot that begins
in the hour that the clocks leave out begins with the hour after it, one that lies within that hour is
not there on that night, and one within the hour that comes twice comes twice.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple

HORIZON: Final = timedelta(days=366)
"""How far ahead an opening is looked for."""
DAY_MINUTES: Final = 24 * 60
_DAY: Final = timedelta(days=1)


class Span(NamedTuple):
    """A part of a day, in minutes since midnight on the wall; `closes` is the first minute that is not in it, at most 1440."""

    opens: int
    closes: int

    def overlaps(self, other: Span) -> bool:
        return self.opens < other.closes and other.opens < self.closes

    def __str__(self) -> str:
        return f"{clock(self.opens)}–{clock(self.closes)}"


ALL_DAY: Final = Span(0, DAY_MINUTES)


def clock(minute: int) -> str:
    """A minute of the day as `HH:MM`; the last one is `24:00`."""
    return f"{minute // 60:02}:{minute % 60:02}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The hours of each weekday (0 is Monday), and of the dates that are different. An empty `week` is open around the clock."""

    zone: tzinfo
    week: Mapping[int, Sequence[Span]]
    exceptions: Mapping[date, Sequence[Span]]

    def weekday(self, number: int) -> Sequence[Span]:
        """When we are open on such a day, if its date is no exception; in order."""
        return self.week.get(number, ()) if self.week else (ALL_DAY,)

    def day(self, day: date) -> Sequence[Span]:
        """When we are open on that date, in order."""
        return self.exceptions[day] if day in self.exceptions else self.weekday(day.weekday())

    def is_open(self, at: datetime) -> bool:
        """Whether we are open at that instant, which must be aware."""
        wall = _aware(at).astimezone(self.zone)
        minute = wall.hour * 60 + wall.minute
        return any(span.opens <= minute < span.closes for span in self.day(wall.date()))

    def next_opening(self, at: datetime) -> datetime | None:
        """The first instant from `at` on at which we are open, in UTC: `at` itself if we are. None if there is none within HORIZON."""
        for start, end, offset in self._stretches(_aware(at).astimezone(UTC)):
            wall, last = (start + offset).replace(tzinfo=None), (end + offset).replace(tzinfo=None)
            for number in range((last.date() - wall.date()).days + 1):
                midnight = datetime.combine(wall.date() + number * _DAY, time())
                for span in self.day(midnight.date()):
                    opens, closes = (midnight + timedelta(minutes=minute) for minute in span)
                    if opens < last and wall < closes:
                        return max(opens, wall).replace(tzinfo=UTC) - offset
        return None

    def _stretches(self, start: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """The time from there to HORIZON, cut wherever the offset from UTC changes and at least once a day, and its offset."""
        end = start + HORIZON
        while start < end:
            stop = min(start + _DAY, end)
            if (offset := self._offset(start)) != self._offset(stop):
                stop = self._change(start, stop)
            yield start, stop, offset
            start = stop

    def _change(self, start: datetime, stop: datetime) -> datetime:
        """When the offset changes; it does so at a whole second."""
        first, before = start.replace(microsecond=0), self._offset(start)
        seconds = range(math.ceil((stop - first).total_seconds()))
        return first + timedelta(seconds=bisect_left(seconds, True, key=lambda each: self._offset(first + timedelta(seconds=each)) != before))

    def _offset(self, at: datetime) -> timedelta:
        return at.astimezone(self.zone).utcoffset() or timedelta()


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("“at” has no time zone; use django.utils.timezone.now()")
    return at
