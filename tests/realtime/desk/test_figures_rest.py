"""Figures over REST: staff sees everybody's, an agent its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from realtime.desk import figures
from tests import cast
from tests.realtime.desk.conftest import DESK, session_of

Api = Callable[..., APIClient]
FIGURES = f"{DESK}/figures"
# Berlin puts its clocks back on 25 October 2026, at 3 o'clock: until then midnight is at 22:00 UTC, afterwards at 23:00.
OPENED = datetime(2026, 10, 24, 21, 59, tzinfo=UTC)


def worked(ann: User, agent: User | None, after: float, *, answer: float | None = None, length: float | None = None, rating: int | None = None) -> None:
    """A session that was opened so many minutes after OPENED; answered and closed so many seconds later."""
    opened = OPENED + timedelta(minutes=after)
    moments = {name: opened + timedelta(seconds=value) for name, value in (("answered_at", answer), ("closed_at", length)) if value is not None}
    session_of(ann, agent, opened_at=opened, rating=rating, status="closed", **moments)


def asked(client: APIClient, **query: Any) -> Any:
    answer = client.get(FIGURES, {"from": "2026-10-24", "to": "2026-10-26", "tz": "Europe/Berlin", **query})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_day_is_one_of_the_time_zone_and_has_25_hours_when_clocks_are_put_back(api: Api, admin: User, ann: User, bob: User) -> None:
    worked(ann, bob, 0, answer=10, length=100, rating=5)
    worked(ann, bob, 1, answer=20)
    worked(ann, bob, 25 * 60, answer=30.5, length=61, rating=2)
    worked(ann, bob, 25 * 60 + 1)
    said = asked(api(admin), agent=bob.pk)
    name = {"userId": bob.pk, "name": "Bob"}
    none = {"firstAnswerMedian": None, "firstAnswerMean": None, "lengthMean": None, "ratings": 0, "ratingMean": None}
    assert said["days"] == [
        {"day": "2026-10-24", "agent": name, "sessions": 1, "firstAnswerMedian": 10, "firstAnswerMean": 10, "lengthMean": 100, "ratings": 1, "ratingMean": 5},
        {
            "day": "2026-10-25",
            "agent": name,
            "sessions": 2,
            "firstAnswerMedian": 25.25,
            "firstAnswerMean": 25.25,
            "lengthMean": 61,
            "ratings": 1,
            "ratingMean": 2,
        },
        {"day": "2026-10-26", "agent": name, "sessions": 1, **none},
    ]
    assert said["totals"] == {"sessions": 4, "firstAnswerMedian": 20, "firstAnswerMean": 20.17, "lengthMean": 80.5, "ratings": 2, "ratingMean": 3.5}
    assert [each["day"] for each in asked(api(admin), agent=bob.pk, tz="UTC")["days"]] == ["2026-10-24", "2026-10-25"]


def test_an_agent_sees_its_own_and_staff_everybodys_and_those_that_are_nobodys(api: Api, admin: User, ann: User, bob: User, alice: User) -> None:
    worked(ann, bob, 5)
    worked(ann, alice, 6)
    worked(ann, None, 7)
    for query in ({}, {"agent": bob.pk}):
        said = asked(api(bob), **query)
        assert [each["agent"]["userId"] for each in said["days"]] == [bob.pk]
        assert said["totals"]["sessions"] == 1
    everybody = [each["agent"] and each["agent"]["userId"] for each in asked(api(admin))["days"]]
    assert {bob.pk, alice.pk, None} <= set(everybody)
    assert "Bob" not in str(asked(api(admin), agent=alice.pk))


def test_an_agent_finds_no_other_and_staff_nobody_who_is_not_there_or_a_customer(api: Api, admin: User, ann: User, bob: User, alice: User) -> None:
    query = {"from": "2026-10-24", "to": "2026-10-24"}
    assert [api(bob).get(FIGURES, {**query, "agent": each}).status_code for each in (alice.pk, ann.pk, 2**52)] == [404, 404, 404]
    assert [api(admin).get(FIGURES, {**query, "agent": each}).status_code for each in (ann.pk, 2**52)] == [404, 404]


def test_days_without_a_session_give_no_rows(api: Api) -> None:
    said = asked(api(cast.agent("zed")))
    assert said["days"] == []
    assert said["totals"]["sessions"] == 0


def test_an_answer_without_end_is_refused(api: Api, admin: User, ann: User, bob: User, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(ann, bob, 5)
    worked(ann, alice, 5)
    monkeypatch.setattr(figures, "MOST_ROWS", 1)
    answer = api(admin).get(FIGURES, {"from": "2026-10-24", "to": "2026-10-26"})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"to"})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": ""}, "from"),
        ({"from": "1.11.2026"}, "from"),
        ({"from": "0001-01-01"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"to": "2026-10-23"}, "to"),
        ({"to": "2027-02-01"}, "to"),
        ({"tz": "Europe/Nowhere"}, "tz"),
        ({"tz": "Europe"}, "tz"),
        ({"tz": "../../etc/passwd"}, "tz"),
        ({"agent": "bob"}, "agent"),
        ({"agent": "0"}, "agent"),
    ],
)
def test_a_question_that_makes_no_sense_is_named(api: Api, bob: User, query: dict[str, str], field: str) -> None:
    answer = api(bob).get(FIGURES, {"from": "2026-10-24", "to": "2026-10-26", **query})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {field})


def test_a_hundred_days_are_not_too_many(api: Api, bob: User) -> None:
    assert [api(bob).get(FIGURES, {"from": "2026-01-01", "to": last}).status_code for last in ("2026-04-10", "2026-04-11")] == [200, 400]
