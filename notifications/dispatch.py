"""Storing a notification for many and telling each of them, in its language and as it wishes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from django.utils import timezone

from notifications import inbox, unread
from notifications.content import Content, Words
from notifications.events import NotificationData, NotificationSent, NotificationStateChanged, NotificationStateData, Status
from notifications.inbox import Delivery, Late
from notifications.models import Announcement, Notification, Preference
from notifications.recipients import Recipient


def dispatch(*, content: Content, recipients: Sequence[Recipient], announcement: Announcement | None = None) -> list[Notification]:
    """Store `content` for these users and tell them; returns what was stored.

    Must be the last thing in its transaction. Who has turned this type off gets nothing; who wants it
    silently gets it stored, and its sockets are told a new count instead of a notification.
    """
    modes = _modes(content.type, [each.user_id for each in recipients])
    now = timezone.now()
    full: dict[Words, list[Notification]] = defaultdict(list)
    silent: list[Notification] = []
    for each in recipients:
        mode = modes.get(each.user_id, Preference.Mode.FULL)
        if mode == Preference.Mode.OFF:
            continue
        words = content.words(each.language)
        row = Notification(
            user_id=each.user_id,
            type=content.type,
            title=words.title,
            message=words.message,
            link=content.link,
            data=content.data,
            source=content.source,
            created_at=now,
            announcement=announcement,
        )
        (silent if mode == Preference.Mode.SILENT else full[words]).append(row)
    rows = Notification.objects.bulk_create([*silent, *(row for group in full.values() for row in group)])
    inbox.send([*(_told(group) for group in full.values()), state_changed(silent, "unread")])
    return sorted(rows, key=lambda row: row.pk)


def state_changed(rows: Iterable[Notification], status: Status | Literal["deleted"]) -> Delivery:
    """What tells the users of these notifications that they are now read, unread or deleted."""
    ids: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        ids[row.user_id].append(row.pk)

    def write(seqs: Mapping[int, int]) -> dict[int, NotificationStateChanged]:
        counts = unread.counts(seqs.keys())
        return {
            user_id: NotificationStateChanged(data=NotificationStateData(ids=ids[user_id], status=status, unread_count=counts[user_id])) for user_id in seqs
        }

    return Delivery(recipients=list(ids), event=Late(write))


def _modes(type: str, user_ids: Sequence[int]) -> dict[int, str]:
    return dict(Preference.objects.filter(type=type, user__in=user_ids).values_list("user", "mode"))


def _told(rows: Sequence[Notification]) -> Delivery:
    """One event for all who are told the same words."""
    one = rows[0]
    data = NotificationData(
        type=one.type,
        title=one.title,
        message=one.message,
        content=one.message,
        data=one.data,
        link=one.link,
        source=one.source,
        status="unread",
        created_at=one.created_at,
    )
    event = NotificationSent(notification_type=one.type, timestamp=one.created_at, data=data)
    return Delivery(recipients=[row.user_id for row in rows], event=event, items={row.user_id: row.pk for row in rows})
