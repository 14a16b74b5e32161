"""How the support desk is just now: who waits, and how soon those who have asked of late were answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from realtime.chat.models import Session

WINDOW: Final = timedelta(hours=1)
"""First answers that were given in this time count."""
_LONGEST: Final = timedelta(days=1)  # a session that had to wait longer is not looked for
_MOST: Final = 10_000
QUANTILES: Final = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Vitals:
    """`longest_wait` in seconds, 0 if nobody waits; `answered` sessions and, by quantile, the seconds to their first answer, none if none was."""

    waiting: int
    longest_wait: float
    answered: int
    first_answers: dict[float, float]


def vitals() -> Vitals:
    """Three cheap queries. Raises what the database raises."""
    now = timezone.now()
    waiting = Session.objects.filter(status=Session.Status.WAITING)
    first = waiting.order_by("waiting_since", "pk").values_list("waiting_since", flat=True).first()
    of_late = Session.objects.filter(opened_at__gte=now - WINDOW - _LONGEST, answered_at__gte=now - WINDOW)
    answers = sorted(_seconds(*pair) for pair in of_late.values_list("opened_at", "answered_at")[:_MOST])
    return Vitals(
        waiting=waiting.count(),
        longest_wait=max(0.0, (now - first).total_seconds()) if first else 0.0,
        answered=len(answers),
        first_answers={each: answers[min(len(answers) - 1, int(each * len(answers)))] for each in QUANTILES} if answers else {},
    )


def _seconds(opened_at: datetime, answered_at: datetime | None) -> float:
    return max(0.0, ((answered_at or opened_at) - opened_at).total_seconds())
