"""The shop's hours. There is one row for everybody, so each test leaves it as it was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import Protocol

import pytest

from realtime.hours.models import THE_ONE, BusinessHours, DatedException, Slot


class Shop(Protocol):
    """`shop("Europe/Berlin", slots=[(0, "09:00", "17:00")], exceptions=[(day, None, None)], message="…")`: these hours and no others."""

    def __call__(
        self,
        zone: str = "UTC",
        *,
        slots: Sequence[tuple[int, str, str]] = (),
        exceptions: Sequence[tuple[date, str | None, str | None]] = (),
        message: str = "",
        note: str = "",
    ) -> BusinessHours: ...


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    def have(
        zone: str = "UTC",
        *,
        slots: Sequence[tuple[int, str, str]] = (),
        exceptions: Sequence[tuple[date, str | None, str | None]] = (),
        message: str = "",
        note: str = "",
    ) -> BusinessHours:
        Slot.objects.all().delete()
        DatedException.objects.all().delete()
        BusinessHours.objects.update(time_zone=zone, away_message=message)
        Slot.objects.bulk_create(Slot(weekday=day, opens=time.fromisoformat(opens), closes=time.fromisoformat(closes)) for day, opens, closes in slots)
        DatedException.objects.bulk_create(
            DatedException(date=day, opens=opens and time.fromisoformat(opens), closes=closes and time.fromisoformat(closes), note=note)
            for day, opens, closes in exceptions
        )
        return BusinessHours.objects.get(pk=THE_ONE)

    yield have
    have()
