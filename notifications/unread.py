"""How many notifications a user has not read, and at which number of its stream that is true."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from notifications.models import Notification

_UNREAD = Notification.objects.filter(status=Notification.Status.UNREAD)


@dataclass(frozen=True, slots=True)
class Unread:
    """`count` unread notifications, after all that the stream tells up to number `as_of`."""

    count: int
    as_of: int


def unread(user_id: int) -> Unread:
    """One user's unread notifications. One statement, so that no commit falls between the two figures."""
    counted = _UNREAD.filter(user=OuterRef("pk")).order_by().values("user").annotate(n=Count("pk")).values("n")
    row = User.objects.filter(pk=user_id).values_list(Coalesce(Subquery(counted), 0), Coalesce("inbox__head", 0)).first()
    return Unread(*row) if row else Unread(0, 0)


def counts(user_ids: Collection[int]) -> dict[int, int]:
    """The unread notifications of each of these users. True at a number only under the lock of their inboxes."""
    counted = dict(_UNREAD.filter(user__in=user_ids).order_by().values_list("user").annotate(n=Count("pk")))
    return {user_id: counted.get(user_id, 0) for user_id in user_ids}
