"""When we are open, compared with a clock on the wall that is looked at every minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.hours.schedule import ALL_DAY, DAY_MINUTES, HORIZON, Schedule, Span

MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
FOREVER: dict[int, list[Span]] = {day: [ALL_DAY] for day in range(7)}

# Instants around which clocks do odd things.
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # 02:00 becomes 03:00
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),  # 03:00 becomes 02:00
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # half an hour
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC)),  # midnight becomes 01:00
    ("Africa/Cairo", datetime(2026, 10, 29, 21, tzinfo=UTC)),  # midnight becomes 23:00 of the day that just ended
    ("America/Havana", datetime(2026, 11, 1, 5, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # two hours
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # a whole day is left out
    ("Pacific/Kiritimati", datetime(2026, 7, 1, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 7, 1, tzinfo=UTC)),
    ("Asia/Shanghai", datetime(2026, 2, 28, tzinfo=UTC)),
    ("UTC", datetime(2026, 12, 31, tzinfo=UTC)),
]


def by_the_wall(schedule: Schedule, at: datetime) -> bool:
    """Whether we are open, the slow and simple way: by the set of all open minutes of that date."""
    wall = at.astimezone(schedule.zone)
    spans = schedule.exceptions.get(wall.date())
    if spans is None:
        spans = schedule.week.get(wall.weekday(), []) if schedule.week else [ALL_DAY]
    return f"{wall:%H:%M}" in {f"{minute // 60:02}:{minute % 60:02}" for span in spans for minute in range(*span)}


def looked_for(schedule: Schedule, at: datetime, until: datetime) -> datetime | None:
    """The first open instant from `at` to before `until`, looked for minute by minute."""
    while at < until:
        if by_the_wall(schedule, at):
            return at
        at = at.replace(second=0, microsecond=0) + MINUTE
    return None


@st.composite
def days(draw: st.DrawFn, least: int = 0) -> list[Span]:
    """Some slots of one day that do not overlap, in order."""
    edges = st.one_of(st.integers(0, DAY_MINUTES), st.sampled_from([0, 60, 90, 119, 120, 121, 150, 180, 181, 1380, 1410, DAY_MINUTES]))
    cuts = sorted(draw(st.sets(edges, min_size=2 * least, max_size=6)))
    return [Span(*pair) for pair in zip(cuts[::2], cuts[1::2], strict=False)]


@st.composite
def moments(draw: st.DrawFn) -> tuple[Schedule, datetime]:
    """A schedule, and an instant within some days of an odd one."""
    name, change = draw(st.sampled_from(CHANGES))
    zone = ZoneInfo(name)
    at = change + timedelta(seconds=draw(st.one_of(st.integers(-4 * 86400, 2 * 86400), st.integers(-3 * 60, 3 * 60).map(lambda each: 60 * each))))
    if draw(st.booleans()):
        at += timedelta(microseconds=draw(st.integers(0, 999_999)))
    week = draw(st.dictionaries(st.integers(0, 6), days(least=1), max_size=4))
    nearby = st.integers(-5, 9).map(lambda number: (change + timedelta(days=number)).astimezone(zone).date())
    return Schedule(zone, week, draw(st.dictionaries(nearby, days(), max_size=5))), at


@settings(max_examples=150, deadline=None)
@given(moments())
def test_the_next_opening_is_the_first_minute_on_the_wall_that_is_open(moment: tuple[Schedule, datetime]) -> None:
    schedule, at = moment
    found, end = schedule.next_opening(at), at + timedelta(days=5)
    if found is None or found >= end:
        assert looked_for(schedule, at, end) is None
    else:
        assert looked_for(schedule, at, end) == found
    if found is not None:
        assert at <= found < at + HORIZON
        assert schedule.is_open(found)
        assert (found.tzinfo, schedule.next_opening(found)) == (UTC, found)


@settings(max_examples=150, deadline=None)
@given(moments(), st.integers(-180, 180))
def test_open_is_what_the_clock_on_the_wall_says(moment: tuple[Schedule, datetime], minutes: int) -> None:
    schedule, at = moment
    at += minutes * MINUTE
    assert schedule.is_open(at) == by_the_wall(schedule, at) == (schedule.next_opening(at) == at)


def at_berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


def sundays(*spans: tuple[int, int]) -> Schedule:
    return Schedule(BERLIN, {6: [Span(*each) for each in spans]}, {})


def test_what_would_open_in_the_hour_that_is_left_out_opens_after_it() -> None:
    schedule = sundays((150, 360))  # 02:30 to 06:00, on 29 March 2026
    assert schedule.next_opening(at_berlin("2026-03-28T12:00")) == at_berlin("2026-03-29T03:00") == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert schedule.next_opening(at_berlin("2026-03-28T12:00:00.250")) == at_berlin("2026-03-29T03:00")
    assert schedule.next_opening(at_berlin("2026-03-21T12:00")) == at_berlin("2026-03-22T02:30")


def test_what_lies_within_the_hour_that_is_left_out_waits_for_the_next_week() -> None:
    schedule = sundays((130, 170))
    assert schedule.next_opening(at_berlin("2026-03-28T12:00")) == at_berlin("2026-04-05T02:10")


def test_what_lies_within_the_hour_that_comes_twice_comes_twice() -> None:
    schedule = sundays((135, 165))  # 02:15 to 02:45, on 25 October 2026
    first, second = at_berlin("2026-10-25T02:15"), at_berlin("2026-10-25T02:15", fold=1)
    assert second - first == timedelta(hours=1)
    assert schedule.next_opening(at_berlin("2026-10-24T12:00")) == first
    assert schedule.next_opening(first + timedelta(minutes=30)) == second
    assert not schedule.is_open(first + timedelta(minutes=40))


def test_the_hour_that_comes_twice_is_open_as_a_whole_in_a_slot_around_it() -> None:
    schedule, start = sundays((60, 240)), at_berlin("2026-10-25T01:00")
    assert [schedule.is_open(start + timedelta(minutes=each)) for each in (-1, 0, 90, 150, 239, 240)] == [False, True, True, True, True, False]


def test_midnight_is_the_end_of_a_day_and_the_start_of_the_next() -> None:
    schedule = Schedule(BERLIN, {0: [Span(1320, DAY_MINUTES)], 1: [Span(0, 120)]}, {})
    assert all(schedule.is_open(at_berlin(text)) for text in ("2026-07-06T22:00", "2026-07-06T23:59", "2026-07-07T00:00", "2026-07-07T01:59"))
    assert not any(schedule.is_open(at_berlin(text)) for text in ("2026-07-06T21:59", "2026-07-07T02:00"))


def test_a_date_that_is_left_out_does_not_open() -> None:
    """Samoa had no 30 December 2011."""
    schedule = Schedule(ZoneInfo("Pacific/Apia"), {0: [Span(540, 1020)]}, {date(2011, 12, 30): [ALL_DAY], date(2011, 12, 31): [Span(600, 660)]})
    found = schedule.next_opening(datetime(2011, 12, 30, 9, tzinfo=UTC))
    assert found is not None
    assert found.astimezone(schedule.zone).isoformat() == "2011-12-31T10:00:00+14:00"


def test_without_slots_only_exceptions_close() -> None:
    schedule = Schedule(BERLIN, {}, {date(2026, 12, 25): [], date(2026, 12, 26): []})
    eve = at_berlin("2026-12-24T23:59")
    assert schedule.next_opening(eve) == eve
    assert schedule.next_opening(eve + MINUTE) == at_berlin("2026-12-27T00:00")


def test_an_opening_is_looked_for_through_366_days_and_no_longer() -> None:
    at = at_berlin("2026-01-01T12:00")
    nothing = {date(2025, 12, 31) + timedelta(days=each): [] for each in range(400)}
    for minute, expected in ((719, at_berlin("2027-01-02T11:59")), (720, None)):
        assert Schedule(BERLIN, FOREVER, {**nothing, date(2027, 1, 2): [Span(minute, minute + 1)]}).next_opening(at) == expected


@pytest.mark.parametrize("ask", [Schedule.is_open, Schedule.next_opening])
def test_an_instant_without_a_zone_is_refused(ask: Any) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ask(Schedule(BERLIN, {}, {}), datetime(2026, 1, 1))  # noqa: DTZ001
