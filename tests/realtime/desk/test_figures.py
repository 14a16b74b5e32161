"""Figures by day and agent: what the database counts is what a patient reader of all sessions counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from realtime.chat.models import Session
from realtime.desk import figures
from realtime.desk.figures import Figures, day_begins
from tests import cast

# Clocks there are put forward and back, some of them at midnight; one is far ahead of UTC, and one by three quarters of an hour.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "America/Havana",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "America/Scoresbysund",
    "Africa/Casablanca",
    "Asia/Shanghai",
]
# Of days around such a change in one zone or another, among them the day that Samoa left out.
DAYS = [date(2018, 2, 17), date(2018, 11, 3), date(2011, 12, 29)]
DAYS += [date(2024, 3, 30), date(2024, 10, 26), date(2023, 3, 25), date(2025, 3, 29), date(2024, 11, 2)]
AGENTS = 3


@pytest.fixture
def agents(db: None) -> list[User | None]:
    return [*(cast.agent(f"agent{number}") for number in range(AGENTS)), None]


def slowly(sessions: Iterable[Session], first: date, last: date, zone: ZoneInfo) -> dict[Any, Figures]:
    """By (day, agent), and under None of all."""
    groups: dict[Any, list[Session]] = defaultdict(list)
    for session in sessions:
        day = session.opened_at.astimezone(zone).date()
        if first <= day <= last:
            groups[day, session.agent_id].append(session)
            groups[None].append(session)
    return {key: _figures(found) for key, found in groups.items()} or {None: _figures([])}


def _figures(sessions: list[Session]) -> Figures:
    answers = [(each.answered_at - each.opened_at).total_seconds() for each in sessions if each.answered_at]
    lengths = [(each.closed_at - each.opened_at).total_seconds() for each in sessions if each.closed_at]
    ratings = [each.rating for each in sessions if each.rating]
    return Figures(
        sessions=len(sessions),
        answer_mean=fmean(answers) if answers else None,
        answer_median=median(answers) if answers else None,
        length_mean=fmean(lengths) if lengths else None,
        ratings=len(ratings),
        rating_mean=fmean(ratings) if ratings else None,
    )


def same(one: Figures, other: Figures) -> bool:
    names = Figures.__slots__
    return all(getattr(one, name) == pytest.approx(getattr(other, name), abs=0.002) for name in names)


seconds = st.integers(0, 3 * 86_400_000).map(lambda number: timedelta(milliseconds=number))
session = st.fixed_dictionaries(
    {
        "after": st.one_of(st.integers(0, 96).map(lambda number: timedelta(minutes=30 * number)), seconds),
        "agent": st.integers(0, AGENTS),
        "answer": st.none() | seconds,
        "length": st.none() | seconds,
        "rating": st.none() | st.integers(1, 5),
    }
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(zone=st.sampled_from(ZONES).map(ZoneInfo), day=st.sampled_from(DAYS), length=st.integers(1, 4), made=st.lists(session, max_size=12))
def test_the_figures_are_those_of_a_patient_reader_in_every_time_zone(
    agents: list[User | None], ann: User, zone: ZoneInfo, day: date, length: int, made: list[dict[str, Any]]
) -> None:
    Session.objects.filter(customer=ann).delete()  # no other test's are so old
    opening = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=12)
    rows = []
    for each in made:
        opened = opening + each["after"]
        answered, closed = (opened + each[name] if each[name] is not None else None for name in ("answer", "length"))
        fields = {"opened_at": opened, "answered_at": answered, "closed_at": closed, "rating": each["rating"], "status": "closed"}
        rows.append(Session(customer=ann, agent=agents[each["agent"]], channel="WEB", **fields))
    Session.objects.bulk_create(rows)
    last = day + timedelta(days=length - 1)
    for agent in (None, agents[0]):
        expected = slowly([each for each in rows if agent in (None, each.agent)], day, last, zone)
        found, total = figures.figures(first=day, last=last, zone=zone, agent_id=agent.pk if agent else None)
        assert {(row.day, row.agent_id) for row in found} == expected.keys() - {None}
        assert all(same(row.figures, expected[row.day, row.agent_id]) for row in found)
        assert same(total, expected[None])


@given(zone=st.sampled_from(ZONES).map(ZoneInfo), moment=st.integers(1_325_376_000, 2_114_380_800).map(lambda number: datetime.fromtimestamp(number, UTC)))
@settings(max_examples=2000, deadline=None)
def test_a_moment_lies_between_the_beginning_of_its_day_and_that_of_the_next(zone: ZoneInfo, moment: datetime) -> None:
    day = moment.astimezone(zone).date()
    assert day_begins(day, zone) <= moment < day_begins(day + timedelta(days=1), zone)
