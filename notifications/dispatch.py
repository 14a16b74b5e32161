"""Storing a notification for many and telling each of them, in its language and as it wishes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Literal

from django.utils import timezone

from notifications import inbox, unread
from notifications.content import Content, Words
from notifications.events import NotificationData, NotificationSent, NotificationStateChanged, NotificationStateData, Status
from notifications.inbox import Delivery, Late
from notifications.models import Announcement, Notification, Preference
from notifications.recipients import Recipient
from notifications.storing import Row, Stored, store


def dispatch(
    *,
    content: Content,
    recipients: Sequence[Recipient],
    announcement: Announcement | None = None,
    before: Sequence[Delivery] = (),
    numbered: Callable[[Sequence[Mapping[int, int]]], None] | None = None,
) -> Stored:
    """Store `content` for these users and tell them; returns what was stored.

    Must be the last thing in its transaction. Who has turned this type off gets nothing; who wants it
    silently gets it stored, and its sockets are told a new count instead of a notification. `before` is
    what else this transaction tells, and `numbered` as in `inbox.send`.
    """
    now = timezone.now()
    words = {language: content.words(language) for language in {language for _, language, _ in recipients}}
    alike: dict[tuple[str, Words], list[int]] = defaultdict(list)
    for user_id, language, mode in recipients:
        alike[mode, words[language]].append(user_id)

    def store_for(mode: str) -> list[tuple[Notification, list[Row]]]:
        patterns = [(_pattern(content, said, announcement, now), user_ids) for (its_mode, said), user_ids in alike.items() if its_mode == mode]
        return [(pattern, store(pattern, user_ids)) for pattern, user_ids in patterns]

    full, silent = store_for(Preference.Mode.FULL), store_for(Preference.Mode.SILENT)
    told = [_told(pattern, rows) for pattern, rows in full]
    inbox.send([*before, *told, state_changed(chain.from_iterable(rows for _, rows in silent), "unread")], numbered=numbered)
    return Stored([*full, *silent])


def state_changed(rows: Iterable[Row], status: Status | Literal["deleted"]) -> Delivery:
    """What tells the users of these notifications that they are now read, unread or deleted."""
    ids: dict[int, list[int]] = defaultdict(list)
    for pk, user_id in rows:
        ids[user_id].append(pk)

    def write(seqs: Mapping[int, int]) -> dict[int, NotificationStateChanged]:
        counts = unread.counts(seqs.keys())
        return {
            user_id: NotificationStateChanged(data=NotificationStateData(ids=ids[user_id], status=status, unread_count=counts[user_id])) for user_id in seqs
        }

    return Delivery(recipients=list(ids), event=Late(write))


def _pattern(content: Content, words: Words, announcement: Announcement | None, now: datetime) -> Notification:
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


def _told(one: Notification, rows: Sequence[Row]) -> Delivery:
    """One event for all who are told the same words."""
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
    return Delivery(recipients=[user_id for _, user_id in rows], event=event, items={user_id: pk for pk, user_id in rows})
