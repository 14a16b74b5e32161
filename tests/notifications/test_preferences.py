"""How a user wants to be told of a type decides what it is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from notifications import preferences
from notifications.models import Notification
from tests.notifications.stream import frames, head, last, told


def test_a_type_that_is_off_stores_nothing_and_tells_nothing(mia: User, bob: User) -> None:
    preferences.replace(user_id=mia.pk, preferences={"mention": "off"})
    assert [row.user_id for row in told([mia, bob])] == [bob.pk]
    assert head(mia) == 0
    assert not Notification.objects.filter(user=mia).exists()
    assert len(told(mia, type="system")) == 1


def test_a_silent_type_is_stored_and_tells_a_new_count_instead(mia: User) -> None:
    told(mia, type="system")
    preferences.replace(user_id=mia.pk, preferences={"mention": "silent"})
    [row] = told(mia)
    assert last(mia) == {
        "type": "notification_state",
        "seq": 2,
        "data": {"ids": [row.pk], "all_up_to": None, "status": "unread", "unread_count": 2, "as_of": 2},
    }


def test_silent_and_full_recipients_of_one_call_are_each_told_their_way(mia: User, bob: User, eve: User) -> None:
    for user, mode in ((mia, "silent"), (bob, "off"), (eve, "full")):
        preferences.replace(user_id=user.pk, preferences={"mention": mode})
    told([mia, bob, eve])
    assert [[frame["type"] for frame in frames(user)] for user in (mia, bob, eve)] == [["notification_state"], [], ["notification"]]


def test_preferences_are_replaced_as_a_whole(mia: User) -> None:
    preferences.replace(user_id=mia.pk, preferences={"mention": "off", "system": "silent"})
    assert preferences.replace(user_id=mia.pk, preferences={"mention": "full"}) == {"mention": "full"}
    assert preferences.of(mia.pk) == {"mention": "full"}


@pytest.mark.parametrize("wrong", [{"mention": "loud"}, {"No slug": "off"}, {"x" * 51: "off"}, {"mention": None}, {f"t{n}": "off" for n in range(201)}])
def test_preferences_that_make_no_sense_change_nothing(mia: User, wrong: Any) -> None:
    preferences.replace(user_id=mia.pk, preferences={"mention": "off"})
    with pytest.raises(ValidationError, match="preferences"):
        preferences.replace(user_id=mia.pk, preferences=wrong)
    assert preferences.of(mia.pk) == {"mention": "off"}
