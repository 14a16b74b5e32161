"""`notify`, from plain code: what is told, to whom, and what is refused."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from accounts.models import User
from notifications.models import Notification
from notifications.services import anotify
from notifications.storing import Stored
from tests import cast
from tests.notifications.stream import head, last, told


def problems(**changes: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        told(changes.pop("users"), **changes)
    return caught.value.message_dict


def test_what_was_stored_comes_back_as_a_sequence_of_notifications(mia: User, bob: User) -> None:
    rows = told([mia, bob], data={"n": 1})
    assert isinstance(rows, Stored)
    stored = list(Notification.objects.filter(pk__in=rows.ids).order_by("pk"))
    assert len(rows) == 2
    assert rows == stored
    assert {row.user for row in rows} == {mia, bob}
    assert [rows[0], rows[-1]] == rows[:] == [*reversed(rows)][::-1]
    assert rows[0] is rows[0]
    assert stored[1] in rows
    assert rows != stored[:1]
    assert repr(rows) == repr(stored)
    names = [field.attname for field in Notification._meta.concrete_fields]
    assert [[getattr(row, name) for name in names] for row in rows] == [[getattr(row, name) for name in names] for row in stored]
    rows[0].delete()  # they are rows of the database
    assert Notification.objects.filter(pk__in=rows.ids).count() == 1
    assert not told([])


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


def test_a_coroutine_tells_with_anotify(mia: User) -> None:
    [row] = asyncio.run(anotify(users=mia, type="system", title="Hello", message="From a coroutine"))
    assert last(mia)["data"]["id"] == row.pk
    assert Notification.objects.get(pk=row.pk).message == "From a coroutine"


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
