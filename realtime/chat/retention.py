"""Forgetting what people wrote, where the shop does not want to keep it for ever."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from realtime.chat.models import DirectMessage, Session

_SESSIONS: Final = 100  # per transaction, each with all that was said in it
_MESSAGES: Final = 5_000


def prune_sessions(*, before: datetime) -> int:
    """Delete the support sessions that were closed before `before`, with what was said in them; returns how many."""
    old, deleted = Session.objects.filter(status=Session.Status.CLOSED, closed_at__lt=before), 0
    while pks := list(old.order_by("pk").values_list("pk", flat=True)[:_SESSIONS]):
        Session.objects.filter(pk__in=pks).delete()
        deleted += len(pks)
    return deleted


def prune_messages(*, before: datetime) -> int:
    """Delete the direct messages written before `before`; returns how many."""
    old, deleted = DirectMessage.objects.filter(created_at__lt=before), 0
    while pks := list(old.order_by("pk").values_list("pk", flat=True)[:_MESSAGES]):
        deleted += DirectMessage.objects.filter(pk__in=pks).delete()[0]
    return deleted
