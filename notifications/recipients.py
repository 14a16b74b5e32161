"""Who is told: chosen users by number, or an audience by its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from accounts.models import Role, User
from notifications.columns import NUMBERS, numbers
from notifications.models import Announcement, Preference

MOST: Final = 10_000  # chosen users of one transaction; an announcement has no such bound
_LARGEST_ID: Final = 2**63 - 1
_USERS, _PREFERENCES = (model._meta.db_table for model in (User, Preference))
_CHOSEN: Final = {
    vendor: f"""
        SELECT u.id, u.language, COALESCE((SELECT mode FROM {_PREFERENCES} p WHERE p.user_id = u.id AND p.type = t.type), t.mode)
        FROM {_USERS} u, (SELECT CAST(%s AS varchar) AS mode, CAST(%s AS varchar) AS type) AS t WHERE u.is_active AND u.id IN ({among}) ORDER BY u.id
    """
    for vendor, among in NUMBERS.items()
}
_NAMED: Final = 20  # how many of the unknown an error names

Users = User | int | Iterable[User | int]
Audience = Announcement.Audience


Recipient = tuple[int, str, str]
"""A user who is told something: its number, its language, and how it wishes to be told."""


def user_ids(users: Users) -> list[int]:
    """The sorted numbers of one or several users, given as such or as numbers. Raises ValidationError."""
    each = [users] if isinstance(users, User | int) or not isinstance(users, Iterable) or isinstance(users, str | bytes) else users
    ids = sorted({_user_id(user) for user in each})
    if len(ids) > MOST:
        raise ValidationError({"users": [_("At most %(n)d users at once; use an announcement for more.") % {"n": MOST}]})
    return ids


def _user_id(user: Any) -> int:
    number = user.pk if isinstance(user, User) else user
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValidationError({"users": [_("Must be saved users or their numbers.")]})
    return number


def chosen(ids: list[int], *, type: str) -> list[Recipient]:
    """These users, who must all exist and be active. Raises ValidationError that names those who are not."""
    # Written out: this stands in every notification's way, and the ORM takes longer to say it than the database to answer.
    with connection.cursor() as cursor:
        cursor.execute(_CHOSEN[connection.vendor], [Preference.Mode.FULL, type, numbers(each for each in ids if 0 < each <= _LARGEST_ID)])
        found: list[Recipient] = cursor.fetchall()
    missing = set(ids) - {user_id for user_id, _, _ in found}
    if missing:
        named = ", ".join(str(each) for each in sorted(missing)[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        raise ValidationError({"users": [_("There is no active user with the number %(ids)s.") % {"ids": named}]})
    return found


def audience(name: str, ids: Iterable[int] = ()) -> QuerySet[User]:
    """The active users of an audience; `ids` are those of the audience of chosen users."""
    active: QuerySet[User] = User.objects.filter(is_active=True)
    match Audience(name):
        case Audience.EVERYONE:
            return active
        case Audience.MEMBERS:
            return active.filter(role=Role.MEMBER)
        case Audience.AGENTS:
            return active.filter(role=Role.AGENT)
        case Audience.CUSTOMERS:
            return active.filter(role=Role.CUSTOMER)
        case Audience.STAFF:
            return active.filter(is_staff=True)
        case Audience.USERS:
            return active.filter(pk__in=list(ids))


def recipients(users: QuerySet[User], *, type: str, limit: int | None = None) -> list[Recipient]:
    """These users, or the first of them, as recipients of that type of notification, in the order of their numbers."""
    mode = RawSQL(f"SELECT mode FROM {_PREFERENCES} p WHERE p.user_id = {_USERS}.id AND p.type = %s", [type])
    return [(pk, language, mode or Preference.Mode.FULL) for pk, language, mode in users.order_by("pk").values_list("pk", "language", mode)[:limit]]
