"""What a shop's page has to know before anybody has said a word: who answers, how soon, and whether somebody is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final, Generic, TypeVar

from django.db.models import F

from accounts.models import Role, User
from realtime.chat.models import Session
from realtime.hours import services as hours
from realtime.presence import services as presence
from realtime.presence.store import OFFLINE

Value = TypeVar("Value")

FRESH: Final = 10.0
"""Seconds for which a worker answers what it has found."""
_SPAN: Final = timedelta(days=7)
_SAMPLES: Final = 200
_ENOUGH: Final = 5


@dataclass(frozen=True, slots=True)
class Front:
    """`answers_in`: the usual seconds to the first answer; None: too few were answered of late. `agents_online` names nobody."""

    open: bool
    next_opening: datetime | None
    agents_online: bool
    answers_in: int | None


class Kept(Generic[Value]):
    """A value that is worked out at most every `life` seconds, however many ask; while one does, the others get the one before."""

    def __init__(self, work: Callable[[], Value], *, life: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._work, self._life, self._clock = work, life, clock
        self._lock = threading.Lock()
        self._found: tuple[float, Value] | None = None

    def get(self) -> Value:
        """The value. Raises what the work raises."""
        found = self._found
        if found is not None and (self._clock() < found[0] + self._life or not self._lock.acquire(blocking=False)):
            return found[1]
        if found is None:
            self._lock.acquire()
        try:
            if self._found is found:
                self._found = (self._clock(), self._work())
            assert self._found is not None  # noqa: S101
            return self._found[1]
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Work it out anew the next time."""
        self._found = None


def look() -> Front:
    """How it is just now: two queries about the hours, one about the agents and one about the last answers."""
    plan = hours.plan()
    opening = None if plan.is_open else plan.next_opening()
    return Front(plan.is_open, opening, _agents_online(unknown=plan.is_open), _answers_in(plan.at))


front: Final = Kept(look, life=FRESH)


def _agents_online(*, unknown: bool) -> bool:
    agents = list(User.objects.filter(role=Role.AGENT, is_active=True).values_list("pk", flat=True))
    told = presence.statuses(agents)
    return unknown if told is None else any(status != OFFLINE and connections for status, connections in told.values())


def _answers_in(now: datetime) -> int | None:
    """The median of the newest sessions that were answered, of the last days."""
    answered = Session.objects.filter(opened_at__gte=now - _SPAN, answered_at__isnull=False).order_by("-opened_at")
    waits = [wait.total_seconds() for wait in answered.values_list(F("answered_at") - F("opened_at"), flat=True)[:_SAMPLES]]
    return round(median(waits)) if len(waits) >= _ENOUGH else None
