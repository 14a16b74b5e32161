"""Forgetting: a task is kept for as long as the stream that tells of its end."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from realtime.tasks.models import Task

_BATCH: Final = 1_000  # tasks per transaction: short locks


def prune(*, before: datetime) -> int:
    """Delete the tasks that ended before `before`; returns how many."""
    old, deleted = Task.objects.filter(ended_at__lt=before), 0
    while pks := list(old.order_by("ended_at").values_list("pk", flat=True)[:_BATCH]):
        deleted += Task.objects.filter(pk__in=pks).delete()[0]
    return deleted
