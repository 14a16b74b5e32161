"""Whether somebody is here, and when again. Each call asks the database twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone, translation

from realtime.hours import words, zones
from realtime.hours.models import BusinessHours, DatedException, span
from realtime.hours.schedule import HORIZON, Schedule, Span

UPCOMING: Final = timedelta(days=60)
"""How far ahead exceptions are shown."""


@dataclass(frozen=True, slots=True)
class Exceptional:
    """A date that is not like its weekday; without spans it is closed."""

    date: date
    spans: Sequence[Span]
    note: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The hours as they stand, with the exceptions from the day of `at` to HORIZON after it."""

    at: datetime
    time_zone: str
    schedule: Schedule
    away_message: str
    exceptions: Sequence[Exceptional]

    @property
    def is_open(self) -> bool:
        return self.schedule.is_open(self.at)

    def next_opening(self) -> datetime | None:
        return self.schedule.next_opening(self.at)

    def upcoming(self) -> list[Exceptional]:
        """The exceptions of today and of the days to come, as far as UPCOMING, in order."""
        last = self.at.astimezone(self.schedule.zone).date() + UPCOMING
        return [each for each in self.exceptions if each.date <= last]

    def away_text(self, language: str, customer_time_zone: str | None = None) -> str | None:
        """See the function of this name."""
        opening = self.next_opening()
        if opening is not None and opening <= self.at:
            return None
        zone = zones.find(customer_time_zone) or self.schedule.zone
        with translation.override(language or settings.LANGUAGE_CODE):
            return words.away(self.away_message, opening, at=self.at, zone=zone)


def is_open(at: datetime | None = None) -> bool:
    """Whether we are open at that instant, which must be aware; now, if none is given."""
    return plan(at).is_open


def next_opening(at: datetime | None = None) -> datetime | None:
    """The first instant from `at` on at which we are open, in UTC: `at` itself if we are. None if there is none within 366 days."""
    return plan(at).next_opening()


def away_text(language: str, at: datetime | None = None, customer_time_zone: str | None = None) -> str | None:
    """What a customer who writes at that instant is told, in that language: when somebody is back. None while we are open.

    The times are those of `customer_time_zone`, an IANA name; if that is missing, or no name of a zone, those of the shop.
    """
    return plan(at).away_text(language, customer_time_zone)


def plan(at: datetime | None = None) -> Plan:
    """The hours, read in two queries, as they are at that instant; for who wants to know several things about it."""
    at = at or timezone.now()
    time_zone, away_message, week = _week()
    zone = zones.find_or_utc(time_zone)
    exceptions = _exceptions(at.astimezone(zone).date(), (at + HORIZON).astimezone(zone).date())
    return Plan(at, time_zone, Schedule(zone, week, {each.date: each.spans for each in exceptions}), away_message, exceptions)


def _week() -> tuple[str, str, dict[int, list[Span]]]:
    """The time zone, the message and the slots of each weekday, in order."""
    hours = BusinessHours()
    week: defaultdict[int, list[Span]] = defaultdict(list)
    rows = BusinessHours.objects.order_by("slots__weekday", "slots__opens")
    for time_zone, message, weekday, opens, closes in rows.values_list("time_zone", "away_message", "slots__weekday", "slots__opens", "slots__closes"):
        hours.time_zone, hours.away_message = time_zone, message
        if opens is not None:
            week[weekday].append(span(opens, closes))
    return hours.time_zone, hours.away_message.strip(), dict(week)


def _exceptions(first: date, last: date) -> list[Exceptional]:
    found: dict[date, list[DatedException]] = {}
    for row in DatedException.objects.filter(date__range=(first, last)).order_by("date", "opens"):
        found.setdefault(row.date, []).append(row)
    return [
        Exceptional(day, [each.span for each in rows if each.span is not None], next((each.note for each in rows if each.note), ""))
        for day, rows in found.items()
    ]
