"""The same words to many: delivered in chunks, so that no transaction is long, and continued where one broke off."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from accounts.models import User
from notifications.content import Content, Text, Words
from notifications.dispatch import dispatch
from notifications.models import Announcement, Preference
from notifications.recipients import Audience, Users, audience, chosen, recipients, user_ids
from notifications.transactions import retried


def announce(
    *,
    to: Audience,
    users: Users = (),
    type: str,
    title: Text,
    message: Text,
    link: str = "",
    data: Mapping[str, Any] | None = None,
    source: str = "",
    sender: User | None = None,
    key: uuid.UUID | None = None,
) -> Announcement:
    """Tell an audience, or with `Audience.USERS` these `users`; the rest is as for `notify`.

    With a `key`, the same key again continues the first announcement instead of making a second one.
    Raises ValidationError. Belongs into no transaction: it makes one for every chunk.
    """
    content = Content.checked(type=type, title=title, message=message, link=link, data=data, source=source)
    ids = [user_id for user_id, _, _ in chosen(user_ids(users), type=content.type)] if to == Audience.USERS else []
    words = content.words(settings.LANGUAGE_CODE)
    announcement, _ = Announcement.objects.get_or_create(
        key=key or uuid.uuid4(),
        defaults={
            "audience": to,
            "user_ids": ids,
            "type": content.type,
            "title": words.title,
            "message": words.message,
            "translations": {language: each for language, each in content.texts.items() if each != words},
            "link": content.link,
            "data": content.data,
            "source": content.source,
            "sender": sender,
        },
    )
    deliver(announcement)
    return announcement


@dataclass(frozen=True, slots=True)
class Reach:
    """How many an announcement would be stored for, how many of these silently, and how many are passed over because they have turned its type off."""

    told: int
    silently: int
    passed_over: int


def reach(*, to: Audience, users: Users = (), type: str) -> Reach:
    """Whom `announce` would reach right now."""
    people = audience(to, user_ids(users) if to == Audience.USERS else ())
    chosen_modes = Preference.objects.filter(type=type, user__in=people.values("pk")).order_by()
    modes = dict(chosen_modes.values_list("mode").annotate(n=Count("pk")))
    passed_over = modes.get(Preference.Mode.OFF, 0)
    return Reach(told=people.count() - passed_over, silently=modes.get(Preference.Mode.SILENT, 0), passed_over=passed_over)


def deliver(announcement: Announcement) -> int:
    """Tell everybody in its audience who was not told yet; returns how many were told now.

    May be called again, and by several at once: nobody is told twice. Who has turned its type off is
    passed over and not counted.
    """
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError("an announcement makes a transaction for every chunk; deliver it outside of yours")
    told = 0
    while (chunk := _deliver_chunk(announcement.pk)) is not None:
        told += chunk
    announcement.refresh_from_db()
    return told


@retried
def _deliver_chunk(pk: int) -> int | None:
    """Tell the next ones; None when there is nobody left."""
    # The lock keeps two deliveries of the same announcement one behind the other.
    announcement = Announcement.objects.select_for_update(no_key=True).get(pk=pk)
    if announcement.completed_at:
        return None
    left = audience(announcement.audience, announcement.user_ids).filter(pk__gt=announcement.told_up_to)
    chunk = recipients(left, type=announcement.type, limit=settings.SWITCHBOARD.announcement_chunk)
    if not chunk:
        Announcement.objects.filter(pk=pk).update(completed_at=timezone.now())
        return None
    told_up_to = chunk[-1][0]
    stored = dispatch(content=_content(announcement), recipients=chunk, announcement=announcement)
    # After `dispatch`, which is to be last, but this row has been ours from the beginning.
    Announcement.objects.filter(pk=pk).update(told_up_to=told_up_to, told=announcement.told + len(stored))
    return len(stored)


def _content(announcement: Announcement) -> Content:
    texts = {settings.LANGUAGE_CODE: Words(announcement.title, announcement.message)}
    texts |= {language: Words(*words) for language, words in announcement.translations.items()}
    return Content(type=announcement.type, texts=texts, link=announcement.link, data=announcement.data, source=announcement.source)
