"""The hours as they stand in the database: what may be stored, what is said of it, and what customers are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from realtime.hours import services, zones
from realtime.hours.models import BusinessHours, DatedException, Slot
from tests.realtime.hours.conftest import Shop

FRIDAY_NIGHT = datetime(2026, 7, 10, 18, tzinfo=UTC)  # 20:00 in Berlin
OFFICE = [(day, "09:00", "17:00") for day in range(5)]


def wall(text: str) -> time:
    return time.fromisoformat(text)


# What may be stored


def errors(row: Any) -> list[str]:
    """The fields that are complained of."""
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    return sorted(refused.value.message_dict)


def test_a_fresh_deployment_is_open_around_the_clock(shop: Shop) -> None:
    assert services.is_open()
    assert services.is_open(FRIDAY_NIGHT)
    assert services.next_opening(FRIDAY_NIGHT) == FRIDAY_NIGHT
    assert services.away_text("en", FRIDAY_NIGHT) is None


@pytest.mark.parametrize(
    ("weekday", "opens", "closes", "field"),
    [
        (0, "12:00", "09:00", "closes"),
        (0, "12:00", "12:00", "closes"),
        (0, "22:00", "02:00", "closes"),
        (7, "09:00", "12:00", "weekday"),
        (-1, "09:00", "12:00", "weekday"),
        (None, "09:00", "12:00", "weekday"),
        (0, "09:00:30", "12:00", "opens"),
        (0, "09:00", "12:00:00.5", "closes"),
        (2, "11:59", "13:00", "opens"),
        (2, "08:00", "09:01", "opens"),
        (2, "09:00", "12:00", "opens"),
        (2, "10:00", "11:00", "opens"),
        (2, "00:00", "00:00", "opens"),
    ],
)
def test_a_slot_that_makes_no_sense_is_refused_by_field(shop: Shop, weekday: Any, opens: str, closes: str, field: str) -> None:
    shop(slots=[(2, "09:00", "12:00")])
    assert errors(Slot(weekday=weekday, opens=wall(opens), closes=wall(closes))) == [field]


def test_slots_may_touch_and_reach_to_midnight_and_stay_what_they_are(shop: Shop) -> None:
    shop(slots=[(2, "09:00", "12:00")])
    for opens, closes in (("12:00", "13:00"), ("00:00", "09:00"), ("13:00", "00:00")):
        row = Slot(weekday=2, opens=wall(opens), closes=wall(closes))
        row.full_clean()
        row.save()
        row.full_clean()
    Slot(weekday=3, opens=wall("09:00"), closes=wall("12:00")).full_clean()


@pytest.mark.parametrize(
    ("opens", "closes", "field"),
    [
        ("09:00", None, "closes"),
        (None, "09:00", "opens"),
        ("12:00", "09:00", "closes"),
        ("09:00:01", "12:00", "opens"),
        ("11:00", "13:00", "opens"),
        ("10:00", "12:00", "opens"),
        (None, None, "date"),
    ],
)
def test_an_exception_that_makes_no_sense_is_refused_by_field(shop: Shop, opens: str | None, closes: str | None, field: str) -> None:
    day = date(2026, 12, 24)
    shop(exceptions=[(day, "10:00", "12:00")])
    assert errors(DatedException(date=day, opens=opens and wall(opens), closes=closes and wall(closes))) == [field]


@pytest.mark.parametrize(("opens", "closes"), [(None, None), ("09:00", "12:00")])
def test_a_date_that_is_closed_has_no_other_row(shop: Shop, opens: str | None, closes: str | None) -> None:
    day = date(2026, 12, 25)
    shop(exceptions=[(day, None, None)])
    assert errors(DatedException(date=day, opens=opens and wall(opens), closes=closes and wall(closes))) == ["date"]


@pytest.mark.parametrize("name", ["", "Berlin", "europe/berlin", "localtime", "Factory", "../etc/passwd", "Europe/Berlin\0", "+02:00", "x" * 65])
def test_a_time_zone_that_is_none_is_refused(shop: Shop, name: str) -> None:
    hours = shop()
    hours.time_zone = name
    assert errors(hours) == ["time_zone"]
    assert zones.find(name) is None


@pytest.mark.parametrize("text", ["{name}", "Back {Back}", "{ back }", "{}", "a\0b", "x" * 1001])
def test_an_away_message_that_could_not_be_said_is_refused(shop: Shop, text: str) -> None:
    hours = shop()
    hours.away_message = text
    assert errors(hours) == ["away_message"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: BusinessHours.objects.create(id=2),
        lambda: Slot.objects.create(weekday=7, opens=time(9), closes=time(12)),
        lambda: Slot.objects.create(weekday=0, opens=time(12), closes=time(9)),
        lambda: DatedException.objects.create(date=date(2026, 12, 25), opens=time(9)),
        lambda: DatedException.objects.create(date=date(2026, 12, 25), opens=time(9), closes=time(8)),
        lambda: DatedException.objects.bulk_create(DatedException(date=date(2026, 12, 25)) for _ in range(2)),
        lambda: DatedException.objects.bulk_create(DatedException(date=date(2026, 12, 25), opens=time(9), closes=time(10)) for _ in range(2)),
    ],
)
def test_the_database_itself_refuses_what_no_form_has_seen(shop: Shop, wrong: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        wrong()


# What is said of it


def test_an_exception_takes_the_place_of_its_weekday(shop: Shop) -> None:
    monday, tuesday = date(2026, 7, 13), date(2026, 7, 14)
    shop("Europe/Berlin", slots=OFFICE, exceptions=[(monday, None, None), (tuesday, "13:00", "14:00"), (tuesday, "10:00", "11:00")])
    assert services.next_opening(FRIDAY_NIGHT) == datetime(2026, 7, 14, 8, tzinfo=UTC)
    opened = [services.is_open(datetime(2026, 7, 14, hour, 30, tzinfo=UTC)) for hour in range(7, 15)]
    assert opened == [False, True, False, False, True, False, False, False]


def test_an_exception_is_that_of_the_date_in_the_shop(shop: Shop) -> None:
    shop("Asia/Shanghai", exceptions=[(date(2026, 7, 11), None, None)])
    assert services.next_opening(FRIDAY_NIGHT) == datetime(2026, 7, 11, 16, tzinfo=UTC)
    shop("America/Los_Angeles", exceptions=[(date(2026, 7, 10), None, None)])
    assert services.next_opening(datetime(2026, 7, 11, 3, tzinfo=UTC)) == datetime(2026, 7, 11, 7, tzinfo=UTC)


def test_the_exceptions_of_the_last_day_that_is_looked_at_count(shop: Shop) -> None:
    # From half past eleven at night; 366 days later the clocks have gone forward, so it is the next date there.
    shop(
        "Africa/Cairo",
        slots=[(day, "00:00", "00:05") for day in range(7)],
        exceptions=[(date(2027, 4, 15) + timedelta(days=each), None, None) for each in range(400)],
    )
    assert services.next_opening(datetime(2027, 4, 28, 21, 30, tzinfo=UTC)) is None


def test_the_hours_are_those_of_their_time_zone(shop: Shop) -> None:
    for zone, opening in (("Europe/Berlin", 7), ("Asia/Shanghai", 1), ("UTC", 9)):
        shop(zone, slots=OFFICE)
        assert services.next_opening(FRIDAY_NIGHT) == datetime(2026, 7, 13, opening, tzinfo=UTC)


def test_all_is_known_after_two_queries(shop: Shop) -> None:
    shop("Europe/Berlin", slots=OFFICE, exceptions=[(date(2026, 7, 13) + timedelta(days=each), "10:00", "11:00") for each in range(20)])
    for ask in (services.is_open, services.next_opening, lambda at: services.away_text("en", at)):
        with CaptureQueriesContext(connection) as asked:
            ask(FRIDAY_NIGHT)
        assert len(asked) == 2


def test_a_machine_without_the_time_zone_says_so_and_goes_on(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop(slots=OFFICE)
    BusinessHours.objects.update(time_zone="Europe/Atlantis")
    assert services.next_opening(FRIDAY_NIGHT) == datetime(2026, 7, 13, 9, tzinfo=UTC)
    assert "Europe/Atlantis" in caplog.text


# What customers are told

AWAY = [
    # Berlin has 20:00 on a Friday, or what is said here; it opens at 09:00.
    ("2026-07-10T18:00", "We are back on Monday at 09:00.", "客服现在不在线，将于下星期一 09:00 回来。"),
    ("2026-07-12T21:59", "We are back tomorrow at 09:00.", "客服现在不在线，将于明天 09:00 回来。"),
    ("2026-07-12T22:00", "We are back today at 09:00.", "客服现在不在线，将于今天 09:00 回来。"),
]


@pytest.mark.parametrize(("at", "english", "chinese"), AWAY)
def test_a_customer_is_told_when_we_are_back_in_its_language(shop: Shop, at: str, english: str, chinese: str) -> None:
    shop("Europe/Berlin", slots=OFFICE)
    when = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert [services.away_text(language, when) for language in ("en", "", "zh-hans")] == [english, english, chinese]


def test_a_day_of_this_week_is_not_called_one_of_the_next(shop: Shop) -> None:
    shop(slots=[(4, "09:00", "17:00")])
    tuesday = datetime(2026, 7, 7, 12, tzinfo=UTC)
    assert services.away_text("en", tuesday) == "We are back on Friday at 09:00."
    assert services.away_text("zh-hans", tuesday) == "客服现在不在线，将于星期五 09:00 回来。"


def test_what_is_a_week_away_or_more_is_said_by_its_date(shop: Shop) -> None:
    shop(slots=[(4, "09:00", "17:00")])
    friday_night = datetime(2026, 12, 25, 18, tzinfo=UTC)
    assert services.away_text("en", friday_night) == "We are back on Jan. 1, 2027 at 09:00."
    assert services.away_text("zh-hans", friday_night) == "客服现在不在线，将于2027年1月1日 09:00 回来。"


def test_nobody_is_promised_a_return_that_nobody_knows(shop: Shop) -> None:
    closed = [(FRIDAY_NIGHT.date() + timedelta(days=each), None, None) for each in range(-1, 370)]
    shop(exceptions=closed)
    assert services.next_opening(FRIDAY_NIGHT) is None
    assert [services.away_text(language, FRIDAY_NIGHT) for language in ("en", "zh-hans")] == ["We are not here at the moment.", "客服现在不在线。"]
    shop(exceptions=closed, message="Back {back}!")
    assert [services.away_text(language, FRIDAY_NIGHT) for language in ("en", "zh-hans")] == ["Back later!", "Back 稍后!"]


@pytest.mark.parametrize(
    ("zone", "english"),
    [
        ("America/Los_Angeles", "We are back on Monday at 00:00."),
        ("Asia/Shanghai", "We are back on Monday at 15:00."),
        ("Pacific/Honolulu", "We are back on Sunday at 21:00."),
        ("Mars/Olympus", "We are back on Monday at 09:00."),
        ("", "We are back on Monday at 09:00."),
        (None, "We are back on Monday at 09:00."),
    ],
)
def test_times_are_those_of_the_customer_where_its_zone_is_known(shop: Shop, zone: str | None, english: str) -> None:
    shop("Europe/Berlin", slots=OFFICE)
    assert services.away_text("en", FRIDAY_NIGHT, zone) == english


def test_tomorrow_is_tomorrow_where_the_customer_is(shop: Shop) -> None:
    shop("Europe/Berlin", slots=OFFICE)
    sunday = datetime(2026, 7, 12, 21, 30, tzinfo=UTC)  # Monday already in Shanghai
    assert [services.away_text("en", sunday, zone) for zone in ("Europe/Berlin", "Asia/Shanghai")] == [
        "We are back tomorrow at 09:00.",
        "We are back today at 15:00.",
    ]


def test_the_shops_own_message_is_said_as_it_is_with_the_moment_in_it(shop: Shop) -> None:
    shop("Europe/Berlin", slots=OFFICE, message="Gone fishing: 100 % {back}. %(back)s <b> {back}\n")
    assert services.away_text("en", FRIDAY_NIGHT) == "Gone fishing: 100 % on Monday at 09:00. %(back)s <b> on Monday at 09:00"
    assert services.away_text("zh-hans", FRIDAY_NIGHT) == "Gone fishing: 100 % 下星期一 09:00. %(back)s <b> 下星期一 09:00"
    shop("Europe/Berlin", slots=OFFICE, message="We sleep.")
    assert services.away_text("zh-hans", FRIDAY_NIGHT) == "We sleep."
