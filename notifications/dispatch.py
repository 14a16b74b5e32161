"""Storing a notification for many and telling each of them, in its language and as it wishes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Literal

from django.utils import timezone

from notifications import inbox, unread
from notifications.content import Content, Words
from notifications.events import NotificationData, NotificationSent, NotificationStateChanged, NotificationStateData, Status
from notifications.inbox import Delivery, Late
from notifications.models import Announcement, Notification, Preference
from notifications.recipients import Recipient
from notifications.storing import store


def dispatch(*, content: Content, recipients: Sequence[Recipient], announcement: Announcement | None = None) -> list[Notification]:
    """Store `content` for these users and tell them; returns what was stored.

    Must be the last thing in its transaction. Who has turned this type off gets nothing; who wants it
    silently gets it stored, and its sockets are told a new count instead of a notification.
    """
    now = timezone.now()

    def store_for(mode: str) -> list[list[Notification]]:
        by_words: dict[Words, list[int]] = defaultdict(list)
        for each in recipients:
            if each.mode == mode:
                by_words[content.words(each.language)].append(each.user_id)
        return [store(_row(content, words, announcement, now), user_ids) for words, user_ids in by_words.items()]

    full, silent = store_for(Preference.Mode.FULL), store_for(Preference.Mode.SILENT)
    inbox.send([*(_told(group) for group in full), state_changed(chain(*silent), "unread")])
    return sorted(chain(*full, *silent), key=attrgetter("pk"))


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


def _row(content: Content, words: Words, announcement: Announcement | None, now: datetime) -> Notification:
    return Notification(
        type=content.type,
        title=words.title,
        message=words.message,
        link=content.link,
        data=content.data,
        source=content.source,
        created_at=now,
        announcement=announcement,
    )


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
