"""Storing the same notification for many users in one statement: row by row the ORM takes a hundred µs each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, overload

from django.db import connection

from notifications.columns import columns
from notifications.models import Notification

_TABLE: Final = Notification._meta.db_table
_FIELDS: Final = Notification._meta.concrete_fields
_SAME: Final = [field for field in _FIELDS if field.name not in ("id", "user")]
_EACH: Final = {"postgresql": "unnest(%s::bigint[]) AS t (user_id)", "sqlite": "(SELECT value ->> 0 AS user_id FROM json_each(%s)) AS t"}
_NAMES: Final = ", ".join(f'"{field.column}"' for field in _SAME)
_INSERT: Final = {
    vendor: f"INSERT INTO {_TABLE} (user_id, {_NAMES}) SELECT t.user_id, {', '.join(['%s'] * len(_SAME))} FROM {each} WHERE true RETURNING id, user_id"
    for vendor, each in _EACH.items()
}


Row = tuple[int, int]
"""A notification's number and that of its user."""


def store(pattern: Notification, user_ids: Sequence[int]) -> list[Row]:
    """Store what is in `pattern`, but for its user, for each of these; returns what was stored, in no order."""
    if not user_ids:
        return []
    same = [field.get_db_prep_save(getattr(pattern, field.attname), connection) for field in _SAME]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT[connection.vendor], [*same, *columns([(user_id,) for user_id in user_ids])])
        rows: list[Row] = cursor.fetchall()
    return rows


class Stored(Sequence[Notification]):
    """What was stored, by number. A notification is made when it is first looked at.

    Ten thousand of them take longer than storing them, and whoever tells so many mostly wants their number.
    """

    def __init__(self, stored: Iterable[tuple[Notification, Sequence[Row]]]) -> None:
        """Takes each pattern with what `store` returned for it."""
        stored = list(stored)
        self._patterns = [pattern for pattern, _ in stored]
        # Numbers only: tuples of these are nothing that the garbage collector has to look through.
        self._rows = sorted((pk, user_id, nth) for nth, (_, rows) in enumerate(stored) for pk, user_id in rows)
        self._made: dict[int, Notification] = {}

    @property
    def ids(self) -> list[int]:
        """The numbers of all."""
        return [pk for pk, _, _ in self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Notification: ...

    @overload
    def __getitem__(self, index: slice) -> list[Notification]: ...

    def __getitem__(self, index: int | slice) -> Notification | list[Notification]:
        if isinstance(index, slice):
            return [self._notification(*row) for row in self._rows[index]]
        return self._notification(*self._rows[index])

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Stored | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list

    def __repr__(self) -> str:
        return repr(list(self))

    def _notification(self, pk: int, user_id: int, nth: int) -> Notification:
        if pk not in self._made:
            values = {field.attname: getattr(self._patterns[nth], field.attname) for field in _FIELDS} | {"id": pk, "user_id": user_id}
            self._made[pk] = Notification.from_db(connection.alias, list(values), list(values.values()))
        return self._made[pk]
