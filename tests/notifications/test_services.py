"""`notify` and what else is done with notifications, from plain code."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from accounts.models import User
from notifications import preferences, unread
from notifications.models import Notification
from notifications.services import anotify, delete, notify, read_all, set_status
from notifications.unread import Unread
from tests import cast
from tests.notifications.stream import frames, head, last


def told(users: Any, **changes: Any) -> list[Notification]:
    return notify(**{"users": users, "type": "mention", "title": "Hello", "message": "Bob mentions you", **changes})


def those(*rows: Notification) -> Any:
    return Notification.objects.filter(pk__in=[row.pk for row in rows])


def problems(**changes: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        told(changes.pop("users"), **changes)
    return caught.value.message_dict


# Telling


def test_a_notification_is_stored_and_told_with_all_its_members(mia: User) -> None:
    [row] = told(mia, link="/users/456", data={"follower_id": 456}, source="community")
    frame = last(mia)
    created_at = frame["timestamp"]
    assert created_at.endswith("Z")
    assert frame == {
        "type": "notification",
        "seq": 1,
        "notification_type": "mention",
        "timestamp": created_at,
        "data": {
            "id": row.pk,
            "type": "mention",
            "title": "Hello",
            "message": "Bob mentions you",
            "content": "Bob mentions you",
            "data": {"follower_id": 456},
            "link": "/users/456",
            "source": "community",
            "status": "unread",
            "created_at": created_at,
        },
    }
    row.refresh_from_db()
    assert (row.user_id, row.title, row.data, row.status) == (mia.pk, "Hello", {"follower_id": 456}, "unread")


def test_a_type_is_the_first_member_of_its_frame(mia: User) -> None:
    told(mia)
    assert next(iter(last(mia))) == "type"


def test_users_are_given_as_users_or_numbers_one_or_many_and_doubles_count_once(mia: User, bob: User) -> None:
    assert len(told(mia)) == len(told(mia.pk)) == 1
    assert [row.user_id for row in told([mia, bob.pk, mia.pk, bob])] == sorted([mia.pk, bob.pk])
    assert len(told(User.objects.filter(pk__in=[mia.pk, bob.pk]))) == 2
    assert len(told(each for each in [mia, bob])) == 2
    assert told([]) == []


def test_many_recipients_cost_no_query_each(db: None) -> None:
    def queries(users: list[User]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            told(users)
        return len(captured)

    few, many = [cast.member() for _ in range(2)], [cast.member() for _ in range(60)]
    assert queries(many) == queries(few)


def test_each_recipient_sees_its_own_id(mia: User, bob: User) -> None:
    rows = {row.user_id: row.pk for row in told([mia, bob])}
    assert last(mia)["data"]["id"] == rows[mia.pk]
    assert last(bob)["data"]["id"] == rows[bob.pk]


def test_unknown_and_inactive_recipients_are_named_and_nobody_is_told(mia: User) -> None:
    gone = cast.member(is_active=False)
    assert f"{gone.pk}, {2**62}" in problems(users=[mia, gone, 2**62])["users"][0]
    assert str(2**70) in problems(users=[mia, 2**70])["users"][0]
    assert "-1" in problems(users=-1)["users"][0]
    assert head(mia) == 0


@pytest.mark.parametrize("users", ["mia", True, None, 1.5, [None], ["1"], [True], object(), User(), {"a": 1}])
def test_what_is_no_user_is_refused(db: None, users: Any) -> None:
    assert problems(users=users)["users"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", ""),
        ("type", "New Follower"),
        ("type", "mention\n\x00"),
        ("type", "x" * 51),
        ("type", None),
        ("type", 7),
        ("title", ""),
        ("title", "   "),
        ("title", "x" * 201),
        ("title", "a\x00b"),
        ("title", "\ud83d"),
        ("title", None),
        ("title", ["Hello"]),
        ("message", ""),
        ("message", "x" * 4001),
        ("message", "half \udc00 pair"),
        ("message", b"bytes"),
        ("source", "x" * 51),
        ("source", 5),
        ("link", "javascript:alert(1)"),
        ("link", "JaVaScRiPt:alert(1)"),
        ("link", "java\tscript:alert(1)"),
        ("link", "\x01javascript:alert(1)"),
        ("link", "data:text/html,x"),
        ("link", "//evil.example"),
        ("link", "/\\evil.example"),
        ("link", "\\\\evil.example"),
        ("link", "/\n/evil.example"),
        ("link", "http:evil.example"),
        ("link", "http:///evil.example"),
        ("link", "https://"),
        ("link", "http://[::1"),
        ("link", "/a b"),
        ("link", "/" + "x" * 500),
        ("link", None),
        ("data", []),
        ("data", "text"),
        ("data", {"a": math.nan}),
        ("data", {"a": [math.inf]}),
        ("data", {"a": 2**53}),
        ("data", {"a": "\x00"}),
        ("data", {"\x00": 1}),
        ("data", {"a": {"b": "\ud800"}}),
        ("data", {1: "a"}),
        ("data", {"a": object()}),
        ("data", {"a": {1, 2}}),
        ("data", {"a": "x" * 4096}),
        ("data", {"a": [[[[[[[[]]]]]]]]}),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_stored(mia: User, field: str, value: Any) -> None:
    assert list(problems(users=mia, **{field: value})) == [field]
    assert head(mia) == 0
    assert not Notification.objects.filter(user=mia).exists()


def test_all_wrong_arguments_are_named_at_once(mia: User) -> None:
    assert set(problems(users=mia, type="", title="", message="", link="//x", data=[], source=1)) == {"type", "title", "message", "link", "data", "source"}


@pytest.mark.parametrize(
    "link", ["", "/", "/users/456?a=b#c", "users/456", "?page=2", "#top", "http://shop.example", "HTTPS://shop.example:8000/a?b=//c", "/a//b", "/a:b"]
)
def test_relative_and_web_links_are_taken(mia: User, link: str) -> None:
    told(mia, link=link)
    assert last(mia)["data"]["link"] == link


def test_texts_at_their_bounds_arrive_whole(mia: User) -> None:
    told(mia, type="x" * 50, title="题" * 200, message="😀" * 4000, source="s" * 50, link="/" + "x" * 499, data={"a": "x" * 4080})
    data = last(mia)["data"]
    assert (data["title"], data["content"], data["data"]) == ("题" * 200, "😀" * 4000, {"a": "x" * 4080})


def test_texts_are_trimmed_and_may_be_marked_safe(mia: User) -> None:
    told(mia, title=mark_safe("<b>Hello</b>"), message="  Bob \n", data={"a": mark_safe("x"), "b": (1, 2.5, None, True)})
    data = last(mia)["data"]
    assert (data["title"], data["message"], data["data"]) == ("<b>Hello</b>", "Bob", {"a": "x", "b": [1, 2.5, None, True]})


async def test_a_coroutine_tells_with_anotify(mia: User) -> None:
    [row] = await anotify(users=mia, type="system", title="Hello", message="From a coroutine")
    stored = await Notification.objects.aget(pk=row.pk)
    assert stored.message == "From a coroutine"


# Languages


def test_lazy_texts_reach_everybody_in_their_own_language_and_not_in_the_writers(db: None) -> None:
    english, chinese, unknown = cast.member(language="en"), cast.member(language="zh-hans"), cast.member()
    with translation.override("zh-hans"):
        told([english, chinese, unknown], title=gettext_lazy("Yes"), message=gettext_lazy("No"))
    assert [last(each)["data"]["title"] for each in (english, chinese, unknown)] == ["Yes", "是", "Yes"]
    assert last(chinese)["data"]["content"] == "否"
    assert Notification.objects.get(user=chinese).title == "是"


def test_plain_texts_are_told_as_they_are(db: None) -> None:
    chinese = cast.member(language="zh-hans")
    told(chinese, title="Yes")
    assert last(chinese)["data"]["title"] == "Yes"


def test_a_lazy_text_that_is_too_long_in_one_language_is_refused(mia: User) -> None:
    with translation.override("zh-hans"):
        assert problems(users=mia, title=gettext_lazy("x" * 201))["title"]


# Preferences


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


# Read, unread, deleted


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
