"""What notifications have of one person: for an export, and to be deleted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from accounts.models import User
from accounts.personal import erase_log
from notifications import retention
from notifications.models import Announcement, Entry, Inbox, Notification, Preference

_PAGE: Final = 2_000  # entries read, and deleted, at a time


def export(user: User) -> Iterator[tuple[str, Any]]:
    """Sections of an export: a name, and a list."""
    yield "preferences", Preference.objects.filter(user=user).order_by("type").values("type", "mode")
    told = Notification.objects.filter(user=user).order_by("pk")
    yield "notifications", told.values("id", "type", "title", "message", "link", "data", "source", "status", "created_at", "read_at")


def erase(user: User) -> Mapping[str, int]:
    """Delete what this person was told, its stream included; returns what went."""
    told = Notification.objects.filter(user=user)
    erase_log(told)
    gone = {"notifications": told.delete()[0], "preferences": Preference.objects.filter(user=user).delete()[0]}
    gone["stream entries"] = _erase_stream(user)
    for announcement in Announcement.objects.filter(audience=Announcement.Audience.USERS).iterator():
        if announcement.user_ids == [user.pk]:
            erase_log(Announcement.objects.filter(pk=announcement.pk))
            announcement.delete()
        elif user.pk in announcement.user_ids:
            announcement.user_ids = [each for each in announcement.user_ids if each != user.pk]
            announcement.save(update_fields=["user_ids"])
    return gone


def forget_told(user_ids: Collection[int], topics: Collection[str], *, about: Callable[[str], bool]) -> set[int]:
    """Delete from these streams the entries of these topics whose text is `about` somebody; returns whose streams had any."""
    told = Entry.objects.filter(user__in=list(user_ids), topic__in=list(topics)).order_by("user_id", "seq")
    entries, bodies = [], set()
    for user_id, seq, body_id, text in told.values_list("user_id", "seq", "body_id", "body__text").iterator(chunk_size=_PAGE):
        if text is not None and about(text):
            entries.append((user_id, seq))
            bodies.add(body_id)
    _forget(entries, bodies)
    return {user_id for user_id, _seq in entries}


def _erase_stream(user: User) -> int:
    rows = list(Entry.objects.filter(user=user).values_list("seq", "body_id"))
    _forget([(user.pk, seq) for seq, _body in rows], {body for _seq, body in rows})
    Inbox.objects.filter(pk=user.pk).delete()
    return len(rows)


def _forget(entries: list[tuple[int, int]], bodies: Collection[int]) -> None:
    if entries:
        retention.forget(entries)
        retention.forget_bodies(bodies)
