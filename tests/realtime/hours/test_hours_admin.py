"""The hours in Django's admin, as somebody of the staff sets them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from realtime.hours.models import BusinessHours, DatedException, Slot
from tests.notifications.desk import page, signed_in, staff
from tests.realtime.hours.conftest import Shop

LIST = "/admin/hours/businesshours/"
HOURS = f"{LIST}1/change/"
EXCEPTIONS = "/admin/hours/datedexception/"


@pytest.fixture
def desk(admin: User, shop: Shop) -> Client:
    return signed_in(admin)


def form(*rows: dict[str, Any], zone: str = "Europe/Berlin", message: str = "") -> dict[str, Any]:
    """The page as a browser sends it: rows that have a number of their own come first."""
    sent: dict[str, Any] = {"time_zone": zone, "away_message": message}
    sent |= {"slots-TOTAL_FORMS": len(rows), "slots-INITIAL_FORMS": sum("id" in row for row in rows)}
    for number, row in enumerate(rows):
        sent |= {f"slots-{number}-{name}": value for name, value in {"hours": 1, **row}.items()}
    return sent


def row(weekday: int, opens: str, closes: str, **more: Any) -> dict[str, Any]:
    return {"weekday": weekday, "opens": opens, "closes": closes, **more}


def week() -> list[tuple[int, str, str]]:
    return [(slot.weekday, f"{slot.opens:%H:%M}", f"{slot.closes:%H:%M}") for slot in Slot.objects.all()]


def test_the_list_leads_to_the_only_row(desk: Client) -> None:
    answer = desk.get(LIST)
    assert (answer.status_code, answer["Location"]) == (302, HOURS)
    text = page(desk.get(HOURS))
    assert "Open. Without slots we are open around the clock" in text
    assert '<option value="Asia/Shanghai">' in text


def test_there_is_no_second_row_and_the_first_stays(desk: Client) -> None:
    assert desk.get(f"{LIST}add/").status_code == 403
    assert desk.post(f"{LIST}add/", form()).status_code == 403
    assert desk.post(f"{LIST}1/delete/", {"post": "yes"}).status_code == 403
    assert BusinessHours.objects.count() == 1


def test_a_week_is_set_on_one_page(desk: Client) -> None:
    sent = form(row(0, "09:00", "12:00"), row(0, "13:00", "00:00"), row(6, "00:00", "00:00"), message="Back {back}.")
    assert desk.post(HOURS, sent).status_code == 302
    hours = BusinessHours.objects.get()
    assert (hours.time_zone, hours.away_message) == ("Europe/Berlin", "Back {back}.")
    assert week() == [(0, "09:00", "12:00"), (0, "13:00", "00:00"), (6, "00:00", "00:00")]


def test_rows_are_compared_as_they_will_be_and_not_as_they_were(desk: Client, shop: Shop) -> None:
    shop(slots=[(0, "09:00", "12:00"), (0, "12:00", "15:00"), (0, "15:00", "18:00")])
    first, second, third = Slot.objects.all()
    sent = form(
        row(0, "12:00", "15:00", id=first.pk),
        row(0, "09:00", "12:00", id=second.pk),
        row(0, "15:00", "18:00", id=third.pk, DELETE="on"),
        row(0, "15:00", "19:00"),
    )
    assert desk.post(HOURS, sent).status_code == 302
    assert week() == [(0, "09:00", "12:00"), (0, "12:00", "15:00"), (0, "15:00", "19:00")]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([row(0, "09:00", "12:00"), row(0, "11:59", "13:00")], "Overlaps with 09:00–12:00. Change one of them."),
        ([row(0, "09:00", "00:00"), row(0, "23:00", "00:00")], "Overlaps with 09:00–24:00. Change one of them."),
        ([row(0, "22:00", "02:00")], "A night is two slots"),
        ([row(0, "09:00", "24:00")], "Enter a valid time."),
        ([row(9, "09:00", "12:00")], "Select a valid choice."),
        ([row(0, "", "12:00")], "This field is required."),
    ],
)
def test_a_week_that_makes_no_sense_is_not_stored_and_says_where(desk: Client, rows: list[dict[str, Any]], complaint: str) -> None:
    assert complaint in page(desk.post(HOURS, form(*rows)))
    assert week() == []


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"zone": "Mars/Olympus"}, "There is no such time zone."),
        ({"zone": ""}, "This field is required."),
        ({"message": "Hi {name}"}, "{name} means nothing here."),
    ],
)
def test_a_zone_or_a_message_that_makes_no_sense_is_refused(desk: Client, wrong: dict[str, str], complaint: str) -> None:
    assert complaint in page(desk.post(HOURS, form(**wrong)))
    assert BusinessHours.objects.get().time_zone == "UTC"


def test_the_page_shows_what_a_customer_would_be_told_now(desk: Client, shop: Shop) -> None:
    today = timezone.now().astimezone(UTC).date()
    closed = [(today + timedelta(days=each), None, None) for each in range(-1, 12)]
    shop(exceptions=closed, message="<b>Asleep</b>")
    opening = datetime.combine(today + timedelta(days=12), time(), UTC)
    text = page(desk.get(HOURS))
    assert f"{opening:%Y} at 00:00. Customers are told: &lt;b&gt;Asleep&lt;/b&gt;" in text
    shop(slots=[(day, "00:00", "00:00") for day in range(7)])
    text = page(desk.get(HOURS, headers={"Accept-Language": "zh-hans"}))
    assert "营业中。" in text
    assert "没有设置时段时" not in text


def test_exceptions_are_made_changed_and_deleted_in_a_list(desk: Client) -> None:
    day = {"date": "2026-12-24", "note": "Christmas Eve"}
    assert desk.post(f"{EXCEPTIONS}add/", {**day, "opens": "09:00", "closes": "12:00"}).status_code == 302
    assert "Overlaps with 09:00–12:00" in page(desk.post(f"{EXCEPTIONS}add/", {**day, "opens": "11:00", "closes": "13:00"}))
    assert "This date has slots already." in page(desk.post(f"{EXCEPTIONS}add/", day))
    assert "Give both times, or neither" in page(desk.post(f"{EXCEPTIONS}add/", {**day, "opens": "13:00"}))
    [stored] = DatedException.objects.all()
    assert desk.post(f"{EXCEPTIONS}{stored.pk}/change/", day).status_code == 302
    assert "This date is closed all day already." in page(desk.post(f"{EXCEPTIONS}add/", {**day, "opens": "13:00", "closes": "14:00"}))
    assert [(each.date, each.span) for each in DatedException.objects.all()] == [(date(2026, 12, 24), None)]
    assert "Christmas Eve" in page(desk.get(EXCEPTIONS, {"q": "Christmas"}))
    desk.post(f"{EXCEPTIONS}{stored.pk}/delete/", {"post": "yes"})
    assert not DatedException.objects.exists()


def test_staff_does_what_it_has_a_right_to(shop: Shop) -> None:
    looker, other = signed_in(staff("view_businesshours", "view_slot")), signed_in(staff("view_notification"))
    assert 'name="time_zone"' not in page(looker.get(HOURS))
    assert looker.post(HOURS, form(row(0, "09:00", "12:00"))).status_code == 403
    assert other.get(HOURS).status_code == 403
    assert other.get(EXCEPTIONS).status_code == 403
    assert week() == []
