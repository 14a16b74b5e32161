"""Where waiting customers stand, and how long it may take. It is said to all of them whenever it changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from statistics import fmean
from typing import Final

from django.db.models import Q
from django.utils import timezone

from accounts.groups import publish, user_group
from accounts.models import Role, User
from notifications.wire import encode
from realtime.chat.events import OWN_SUPPORT, SUPPORT, Queue, QueueData, Waiting, WaitingData
from realtime.chat.models import Session, Transfer

MOST: Final = 1000
"""Waiting customers that are told where they stand, and counted."""
_HISTORY: Final = timedelta(hours=4)
_SAMPLES: Final = 20
_TRIES: Final = 5


def tell() -> None:
    """Tell everybody who waits where it stands, and agents and staff how many do."""
    told: list[tuple[int, str]] | None = None
    for _ in range(_TRIES):
        frames = list(_frames())
        if frames == told:
            return
        count = encode(Waiting(data=WaitingData(count=len(frames))))
        asides = [(customer, SUPPORT, frame) for customer, frame in frames] + [(user, OWN_SUPPORT, count) for user in _served_by()]
        publish((user_group(user), {"type": "aside", "topic": topic, "frame": frame}) for user, topic, frame in asides)
        # Another worker may have told of a later change before this was out: whoever is out last looks again, so the last word is true.
        told = frames


def place_of(customer_id: int) -> str | None:
    """The `queue` frame for a customer who waits."""
    return next((frame for customer, frame in _frames() if customer == customer_id), None)


def _served_by() -> list[int]:
    """Whoever may take from the queue, or looks after it. They are told on new clients' sockets only: older consoles do not know the frame."""
    people = User.objects.filter(Q(role=Role.AGENT) | Q(is_staff=True), is_active=True)
    return list(people.values_list("pk", flat=True))


def _frames() -> Iterator[tuple[int, str]]:
    waiting = Session.objects.filter(status=Session.Status.WAITING).order_by("waiting_since", "pk")
    rows = list(waiting.values_list("customer", "public_id")[:MOST])
    if not rows:
        return
    count = len(rows) if len(rows) < MOST else waiting.count()
    each = _seconds_each()
    for position, (customer, public_id) in enumerate(rows, start=1):
        estimate = None if each is None else round(position * each)
        yield customer, encode(Queue(data=QueueData(session_id=public_id, position=position, waiting=count, estimate_s=estimate)))


def _seconds_each() -> float | None:
    """The mean time between the last sessions that were taken from the queue; None, where too few were."""
    taken = Transfer.objects.filter(from_agent=None, to_agent__isnull=False, created_at__gte=timezone.now() - _HISTORY)
    moments = list(taken.order_by("-created_at").values_list("created_at", flat=True)[:_SAMPLES])
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(moments)]
    return fmean(gaps) if len(gaps) >= 2 else None
