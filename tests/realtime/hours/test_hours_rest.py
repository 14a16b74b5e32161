"""Business hours over REST: everybody who is somebody may ask, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Revocation, User
from realtime.hours import services
from tests.realtime.hours.conftest import Shop

HOURS = "/api/v1/support/hours"
ALWAYS = [{"weekday": day, "slots": [{"opens": "00:00", "closes": "24:00"}]} for day in range(7)]

Api = Callable[..., APIClient]


@pytest.fixture
def closed(shop: Shop) -> Any:
    """Closed for days around now, whenever that is, with a slot that ends the waiting at noon of the last of them."""
    today = timezone.now().astimezone(UTC).date()
    days = [today + timedelta(days=each) for each in range(-1, 12)]

    def close(**more: str) -> Any:
        exceptions = [(day, None, None) for day in days[:-1]] + [(days[-1], "12:00", "18:00")]
        shop(exceptions=[*exceptions, (today + timedelta(days=90), None, None), (today - timedelta(days=9), None, None)], **more)
        return days[-1]

    return close


def test_without_slots_we_are_open_around_the_clock(api: Api, shop: Shop, ann: User) -> None:
    answer = api(ann).get(HOURS)
    assert answer.status_code == 200
    assert answer.json() == {"open": True, "timeZone": "UTC", "nextOpening": None, "awayMessage": None, "week": ALWAYS, "exceptions": []}
    assert api(ann).get(HOURS + "/").json() == answer.json()


def test_customers_members_agents_and_staff_are_told_the_same(api: Api, closed: Any, ann: User, mia: User, bob: User, admin: User) -> None:
    last = closed(note="Holidays")
    answers = [api(who).get(HOURS).json() for who in (ann, mia, bob, admin)]
    assert answers == [answers[0]] * 4
    said = answers[0]
    assert (said["open"], said["nextOpening"], said["week"]) == (False, f"{last}T12:00:00Z", ALWAYS)
    assert said["awayMessage"].endswith("at 12:00.")
    assert said["exceptions"][-1] == {"date": str(last), "slots": [{"opens": "12:00", "closes": "18:00"}], "note": "Holidays"}
    assert said["exceptions"][0]["slots"] == []


def test_exceptions_are_those_from_today_to_sixty_days_ahead(api: Api, shop: Shop, ann: User) -> None:
    today = timezone.now().astimezone(UTC).date()
    # A day is left free at each end, should midnight pass meanwhile.
    shown = [today + timedelta(days=each) for each in (2, 30, 59)]
    shop(exceptions=[(day, None, None) for day in [*shown, today - timedelta(days=1), today + timedelta(days=62), today + timedelta(days=400)]])
    assert [each["date"] for each in api(ann).get(HOURS).json()["exceptions"]] == [str(day) for day in shown]


def test_the_week_is_shown_by_weekday_in_order(api: Api, shop: Shop, ann: User) -> None:
    shop("Asia/Shanghai", slots=[(6, "20:00", "00:00"), (0, "13:00", "17:30"), (0, "09:00", "12:00")])
    said = api(ann).get(HOURS).json()
    assert said["timeZone"] == "Asia/Shanghai"
    assert said["week"][0] == {"weekday": 0, "slots": [{"opens": "09:00", "closes": "12:00"}, {"opens": "13:00", "closes": "17:30"}]}
    assert said["week"][6] == {"weekday": 6, "slots": [{"opens": "20:00", "closes": "24:00"}]}
    assert [each["slots"] for each in said["week"][1:6]] == [[]] * 5
    # Open and closed exclude each other, whatever the time is.
    assert (said["open"], said["nextOpening"] is None, said["awayMessage"] is None) in [(True, True, True), (False, False, False)]


def test_the_message_is_in_the_callers_language_and_its_time_zone(api: Api, closed: Any, ann: User) -> None:
    last = closed()
    asked = {language: api(ann).get(HOURS, headers={"Accept-Language": language}).json()["awayMessage"] for language in ("en", "zh-CN,zh;q=0.9", "fr")}
    assert asked["zh-CN,zh;q=0.9"] == f"客服现在不在线，将于{last.year}年{last.month}月{last.day}日 12:00 回来。"
    assert asked["en"] == asked["fr"] == services.away_text("en")
    ends = {zone: api(ann).get(HOURS, {"tz": zone}).json()["awayMessage"][-6:] for zone in ("Asia/Shanghai", "")}
    assert ends == {"Asia/Shanghai": "20:00.", "": "12:00."}


@pytest.mark.parametrize("name", ["Berlin", "localtime", "../../etc/passwd", "a\0b", "x" * 65])
def test_a_time_zone_that_is_none_is_refused_by_name(api: Api, shop: Shop, ann: User, name: str) -> None:
    answer = api(ann).get(HOURS, {"tz": name})
    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (400, "INVALID_REQUEST", ["tz"])


def test_however_many_exceptions_there_are_the_hours_take_two_queries(api: Api, closed: Any, ann: User) -> None:
    closed()
    client = api(ann)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(HOURS).json()["open"] is False
    assert sum('"hours_' in query["sql"] for query in asked) == 2


def test_nothing_is_told_without_a_good_token(api: Api, shop: Shop, ann: User, expired: Callable[[User], str]) -> None:
    revoked = tokens.issue(ann)[0]
    Revocation.objects.revoke([ann.pk])
    ann.refresh_from_db()
    bearers = {"none": None, "revoked": revoked, "expired": expired(ann), "nonsense": "nonsense", "withdrawn": "sk_0123456789"}
    answers = {name: api(bearer).get(HOURS) for name, bearer in bearers.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(bearers, 401)
    assert {name: answer.json()["code"] for name, answer in answers.items()} == {**dict.fromkeys(bearers, "TOKEN_EXPIRED"), "none": "MISSING_TOKEN"}


def test_a_service_is_nobody_who_waits_for_an_answer(api: Api, shop: Shop, service_key: Callable[..., str]) -> None:
    answer = api(service_key("notifications", "tasks", "users")).get(HOURS)
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_changes_the_hours_here(api: Api, shop: Shop, admin: User, method: str) -> None:
    assert getattr(api(admin), method)(HOURS, {"open": False}).status_code == 405


def test_the_calls_documentation_has_it(api: Api, shop: Shop) -> None:
    schema = api().get("/api/schema", headers={"Accept": "application/json"}).content.decode()
    assert HOURS in schema
