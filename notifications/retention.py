"""Forgetting: streams reach back as far as the retention and no further."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db.models import F, Max
from django.db.models.functions import Greatest

from notifications.models import Body, Entry, Inbox
from notifications.transactions import retried

_BATCH: Final = 500  # bodies per transaction: short locks, so that nobody who is told something waits


def prune(*, before: datetime) -> int:
    """Delete what was told before `before`, and raise the floor of the streams it was in. Returns how many entries went."""
    deleted = 0
    while True:
        bodies, entries = _prune_batch(before)
        deleted += entries
        if bodies < _BATCH:
            return deleted


@retried
def _prune_batch(before: datetime) -> tuple[int, int]:
    bodies = list(Body.objects.filter(created_at__lt=before).order_by("created_at", "pk").values_list("pk", flat=True)[:_BATCH])
    if not bodies:
        return 0, 0
    entries = Entry.objects.filter(body_id__in=bodies)
    floors = dict(entries.values_list("user_id").annotate(floor=Max("seq")))
    # Locked in the order in which `inbox.send` locks. A cursor below the new floor is answered
    # `resumed: false`, so the floor must be up in the transaction that deletes.
    list(Inbox.objects.filter(pk__in=floors).order_by("pk").select_for_update().values_list("pk"))
    for user_id, floor in floors.items():
        Inbox.objects.filter(pk=user_id).update(floor=Greatest(F("floor"), floor))
    count = entries._raw_delete(entries.db)
    Body.objects.filter(pk__in=bodies)._raw_delete(entries.db)
    return len(bodies), count
