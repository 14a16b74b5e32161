"""Reading, unreading and deleting notifications, and what the user's sockets are told of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from notifications import services, unread
from notifications.models import Notification
from notifications.services import delete, read_all, set_status
from notifications.unread import Unread
from tests.notifications.stream import frames, head, last, told


def those(*rows: Notification) -> Any:
    return Notification.objects.filter(pk__in=[row.pk for row in rows])


def test_marking_as_read_is_told_once_with_a_count_that_is_true_at_its_number(mia: User) -> None:
    first, second, third = told(mia)[0], told(mia)[0], told(mia)[0]
    assert set_status(notifications=those(first, second), status="read") == 2
    assert last(mia) == {
        "type": "notification_state",
        "seq": 4,
        "data": {"ids": [first.pk, second.pk], "all_up_to": None, "status": "read", "unread_count": 1, "as_of": 4},
    }
    assert set_status(notifications=those(first, second), status="read") == 0
    assert head(mia) == 4
    assert set_status(notifications=those(first, second, third), status="unread") == 2
    assert last(mia)["data"]["ids"] == [first.pk, second.pk]
    assert last(mia)["data"]["unread_count"] == 3


def test_when_something_was_read_is_remembered_until_it_is_unread_again(mia: User) -> None:
    [row] = told(mia)
    set_status(notifications=those(row), status="read")
    row.refresh_from_db()
    assert row.read_at is not None
    set_status(notifications=those(row), status="unread")
    row.refresh_from_db()
    assert row.read_at is None


def test_rows_of_several_users_are_changed_at_once_and_each_is_told_of_its_own(mia: User, bob: User) -> None:
    rows = told([mia, bob])
    assert set_status(notifications=those(*rows), status="read") == 2
    ids = {row.user_id: row.pk for row in rows}
    assert last(mia)["data"]["ids"] == [ids[mia.pk]]
    assert last(bob)["data"]["ids"] == [ids[bob.pk]]


def test_a_deletion_is_told(mia: User) -> None:
    first, second = told(mia)[0], told(mia)[0]
    assert delete(notifications=those(first)) == 1
    assert last(mia)["data"] == {"ids": [first.pk], "all_up_to": None, "status": "deleted", "unread_count": 1, "as_of": 3}
    assert list(Notification.objects.filter(user=mia)) == [second]
    assert delete(notifications=those(first)) == 0
    assert head(mia) == 3


def test_reading_all_leaves_what_came_after_it_unread(mia: User) -> None:
    first, second, third = told(mia)[0], told(mia)[0], told(mia)[0]
    assert read_all(user_id=mia.pk, up_to=second.pk) == 2
    assert last(mia)["data"] == {"ids": [], "all_up_to": second.pk, "status": "read", "unread_count": 1, "as_of": 4}
    assert read_all(user_id=mia.pk, up_to=first.pk) == 0
    assert head(mia) == 4
    assert read_all(user_id=mia.pk) == 1
    assert last(mia)["data"]["all_up_to"] == third.pk
    assert unread.unread(mia.pk) == Unread(0, 5)


def test_an_older_one_that_was_committed_while_all_were_read_is_read_too(mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frame has a lower number than “all up to” has, so clients take it as read."""
    older, newer = told(mia)[0], told(mia)[0]
    Notification.objects.filter(pk=older.pk).delete()
    real = services.inbox.send

    def send(deliveries: Any) -> Any:
        older.save(force_insert=True)  # becomes visible between the first look and the lock
        return real(deliveries)

    monkeypatch.setattr(services.inbox, "send", send)
    assert read_all(user_id=mia.pk) == 2
    assert last(mia)["data"] == {"ids": [], "all_up_to": newer.pk, "status": "read", "unread_count": 0, "as_of": 3}
    assert not Notification.objects.filter(user=mia, status="unread").exists()


def test_reading_all_leaves_other_users_alone(mia: User, bob: User) -> None:
    told([mia, bob])
    read_all(user_id=mia.pk, up_to=2**60)
    assert last(mia)["data"]["all_up_to"] <= Notification.objects.get(user=mia).pk
    assert unread.unread(bob.pk).count == 1
    assert head(bob) == 1


def test_more_than_a_batch_is_changed_in_several_transactions(mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifications.services.BATCH", 2)
    rows = [told(mia)[0] for _ in range(5)]
    assert set_status(notifications=those(*rows), status="read") == 5
    assert [len(frame["data"]["ids"]) for frame in frames(mia)[5:]] == [2, 2, 1]
    assert [frame["data"]["unread_count"] for frame in frames(mia)[5:]] == [3, 1, 0]


def test_a_change_inside_a_transaction_of_the_caller_is_undone_with_it(mia: User) -> None:
    [row] = told(mia)
    with transaction.atomic():
        set_status(notifications=those(row), status="read")
        transaction.set_rollback(True)
    row.refresh_from_db()
    assert (row.status, head(mia)) == ("unread", 1)


def test_unread_is_nothing_for_somebody_who_was_never_told_anything(mia: User) -> None:
    assert unread.unread(mia.pk) == Unread(0, 0)
    assert unread.unread(2**60) == Unread(0, 0)
