"""What can be done with notifications. Every way in (REST, admin, commands, your own code) comes through here.

Each of these makes its own transaction, or is the last thing in yours: once per transaction, because
two could meet another transaction's two half-way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from django.db.models import Max, QuerySet
from django.utils import timezone

from accounts.executor import in_thread
from notifications import inbox, unread
from notifications.content import Content, Text
from notifications.dispatch import dispatch, state_changed
from notifications.events import NotificationStateChanged, NotificationStateData, Status
from notifications.inbox import Delivery, Late
from notifications.models import Notification
from notifications.recipients import Users, chosen, user_ids
from notifications.storing import Stored
from notifications.transactions import retried

BATCH: Final = 500  # notifications changed per transaction; bounds the frame that names them


def notify(*, users: Users, type: str, title: Text, message: Text, link: str = "", data: Mapping[str, Any] | None = None, source: str = "") -> Stored:
    """Tell users something: it is stored, and every open socket of theirs shows it right after the commit.

    `users` is a user, a user's number, or an iterable of these (at most 10,000); all must exist and be
    active. `type` is a slug such as `new_follower`. `title` (200 characters) and `message` (4,000)
    may be lazy translations: each user reads them in its own language. `link` is relative or http(s).
    `data` is a JSON object of at most 4 KiB. `source` names the part of the site that says it.

    Returns what was stored, as a sequence of notifications: nothing for users who have turned this type off.
    Raises ValidationError with a text for each argument that is wrong.
    """
    content = Content.checked(type=type, title=title, message=message, link=link, data=data, source=source)
    return _notify(content, user_ids(users))


async def anotify(*, users: Users, type: str, title: Text, message: Text, link: str = "", data: Mapping[str, Any] | None = None, source: str = "") -> Stored:
    """The same from a coroutine, without holding up its event loop."""
    return await in_thread(partial(notify, users=users, type=type, title=title, message=message, link=link, data=data, source=source))


@retried
def _notify(content: Content, ids: list[int]) -> Stored:
    return dispatch(content=content, recipients=chosen(ids, type=content.type))


def set_status(*, notifications: QuerySet[Notification], status: Status) -> int:
    """Mark these as read or unread and tell their users' sockets; returns how many were not so before."""
    return sum(_set_status(batch, status) for batch in _batches(notifications.exclude(status=status)))


def delete(*, notifications: QuerySet[Notification]) -> int:
    """Delete these and tell their users' sockets; returns how many there were."""
    return sum(_delete(batch) for batch in _batches(notifications))


@retried
def read_all(*, user_id: int, up_to: int | None = None) -> int:
    """Mark all of a user's notifications as read, or those with an id of at most `up_to`; returns how many were unread."""
    own = Notification.objects.filter(user=user_id)
    newest = own.aggregate(newest=Max("pk"))["newest"] or 0
    bound = newest if up_to is None else min(up_to, newest)
    unread_ones = own.filter(status="unread", pk__lte=bound)
    changed = unread_ones.update(**_status("read"))
    if not changed:
        return 0

    def write(seqs: Mapping[int, int]) -> dict[int, NotificationStateChanged]:
        # One that was committed since, with an older id, has a lower number than this event. Clients
        # take it as read, so it must be.
        nonlocal changed
        changed += unread_ones.update(**_status("read"))
        data = NotificationStateData(ids=[], all_up_to=bound, status="read", unread_count=unread.counts(seqs.keys())[user_id])
        return {user_id: NotificationStateChanged(data=data)}

    inbox.send([Delivery(recipients=[user_id], event=Late(write))])
    return changed


def _batches(notifications: QuerySet[Notification]) -> Iterator[list[int]]:
    ids = list(notifications.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


def _locked(ids: list[int]) -> QuerySet[Notification]:
    """Locked in one order, and before any inbox, so that two changes wait for each other instead of meeting half-way."""
    return Notification.objects.filter(pk__in=ids).order_by("pk").select_for_update().only("pk", "user_id")


@retried
def _set_status(ids: list[int], status: Status) -> int:
    rows = list(_locked(ids).exclude(status=status).values_list("pk", "user_id"))
    if rows:
        Notification.objects.filter(pk__in=[pk for pk, _ in rows]).update(**_status(status))
        inbox.send([state_changed(rows, status)])
    return len(rows)


@retried
def _delete(ids: list[int]) -> int:
    rows = list(_locked(ids).values_list("pk", "user_id"))
    if rows:
        Notification.objects.filter(pk__in=[pk for pk, _ in rows]).delete()
        inbox.send([state_changed(rows, "deleted")])
    return len(rows)


def _status(status: Status) -> dict[str, Any]:
    return {"status": status, "read_at": timezone.now() if status == "read" else None}
