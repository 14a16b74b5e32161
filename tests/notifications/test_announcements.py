"""The same words to many, in chunks, also when it breaks off in the middle."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext_lazy

from accounts.models import User
from notifications import announcements, preferences
from notifications.announcements import Reach, announce, deliver, reach
from notifications.models import Announcement, Notification
from notifications.recipients import Audience, audience
from tests import cast
from tests.notifications.stream import frames, head, last

WORDS: dict[str, Any] = {"type": "system", "title": "Maintenance", "message": "Tonight at ten"}


def people(count: int = 5) -> list[User]:
    return [cast.member() for _ in range(count)]


def to(users: list[User], **changes: Any) -> Announcement:
    return announce(to=Audience.USERS, users=users, **{**WORDS, **changes})


def heads(users: list[User]) -> list[int]:
    return [head(user) for user in users]


@pytest.fixture
def breaks_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """`breaks_off(2)`: the database goes away in the middle of the chunk after the second one, once."""
    real = announcements.dispatch

    def after(chunks: int) -> None:
        done = 0

        def dispatch(**arguments: Any) -> Any:
            nonlocal done
            stored = real(**arguments)
            done += 1
            if done == chunks + 1:
                raise OperationalError("the connection is gone")
            return stored

        monkeypatch.setattr(announcements, "dispatch", dispatch)

    yield after
    monkeypatch.undo()


def test_an_announcement_tells_everybody_in_chunks_and_says_how_many(db: None, options: Callable[..., None]) -> None:
    options(announcement_chunk=2)
    crowd = people(5)
    told = to(crowd, link="/status", data={"a": 1})
    assert (told.told, told.told_up_to, told.completed_at is not None) == (5, crowd[-1].pk, True)
    assert heads(crowd) == [1] * 5
    assert last(crowd[3])["data"] == {**last(crowd[3])["data"], "title": "Maintenance", "link": "/status", "data": {"a": 1}}
    assert Notification.objects.filter(announcement=told).count() == 5


def test_a_chunk_costs_no_query_per_recipient(db: None) -> None:
    def queries(count: int) -> int:
        crowd = people(count)
        with CaptureQueriesContext(connection) as captured:
            to(crowd)
        return len(captured)

    assert queries(40) == queries(2)


def test_one_that_broke_off_is_continued_without_doubles(db: None, options: Callable[..., None], breaks_off: Callable[[int], None]) -> None:
    options(announcement_chunk=2)
    crowd, key = people(7), uuid.uuid4()
    breaks_off(2)
    with pytest.raises(OperationalError):
        to(crowd, key=key)
    broken = Announcement.objects.get(key=key)
    assert (broken.told, broken.told_up_to, broken.completed_at) == (4, crowd[3].pk, None)
    assert heads(crowd) == [1, 1, 1, 1, 0, 0, 0]
    assert deliver(broken) == 3
    assert (broken.told, broken.completed_at is not None) == (7, True)
    assert heads(crowd) == [1] * 7
    assert deliver(broken) == 0
    assert heads(crowd) == [1] * 7


def test_several_continuations_at_once_tell_nobody_twice(db: None, options: Callable[..., None], breaks_off: Callable[[int], None]) -> None:
    options(announcement_chunk=1)
    crowd, key = people(12), uuid.uuid4()
    breaks_off(1)
    with pytest.raises(OperationalError):
        to(crowd, key=key)
    together, told, errors = threading.Barrier(3), [], []

    def go_on() -> None:
        try:
            together.wait(10)
            told.append(deliver(Announcement.objects.get(key=key)))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=go_on) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert errors == []
    assert sum(told) == 11
    assert heads(crowd) == [1] * 12
    assert Announcement.objects.get(key=key).told == 12


def test_the_same_key_again_is_no_second_announcement(db: None) -> None:
    crowd, key = people(2), uuid.uuid4()
    assert to(crowd, key=key).pk == to(crowd, key=key).pk
    assert heads(crowd) == [1, 1]
    to(crowd)
    assert heads(crowd) == [2, 2]


def test_preferences_hold_for_announcements(db: None) -> None:
    crowd = people(3)
    preferences.replace(user_id=crowd[0].pk, preferences={"system": "off"})
    preferences.replace(user_id=crowd[1].pk, preferences={"system": "silent"})
    assert reach(to=Audience.USERS, users=crowd, type="system") == Reach(told=2, silently=1, passed_over=1)
    assert to(crowd).told == 2
    assert [[frame["type"] for frame in frames(user)] for user in crowd] == [[], ["notification_state"], ["notification"]]


def test_lazy_words_are_kept_in_every_language_until_they_are_told(db: None, options: Callable[..., None], breaks_off: Callable[[int], None]) -> None:
    options(announcement_chunk=1)
    crowd, key = [cast.member(language=language) for language in ("en", "zh-hans", "")], uuid.uuid4()
    breaks_off(1)
    with pytest.raises(OperationalError):
        to(crowd, title=gettext_lazy("Yes"), key=key)
    deliver(Announcement.objects.get(key=key))
    assert [last(user)["data"]["title"] for user in crowd] == ["Yes", "是", "Yes"]


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("members", ["mia", "eve", "admin"]),
        ("agents", ["bob"]),
        ("customers", ["ann"]),
        ("staff", ["admin"]),
        ("everyone", ["ann", "bob", "mia", "eve", "admin"]),
    ],
)
def test_an_audience_is_who_it_says_without_the_inactive(request: pytest.FixtureRequest, db: None, name: str, inside: list[str]) -> None:
    crowd = {each: request.getfixturevalue(each) for each in ("ann", "bob", "mia", "eve", "admin")}
    gone = [cast.member(is_active=False, is_staff=True), cast.agent(is_active=False), cast.customer()]
    User.objects.filter(pk=gone[2].pk).update(is_active=False)
    numbers = set(audience(name).values_list("pk", flat=True))
    assert {each for each, user in crowd.items() if user.pk in numbers} == set(inside)
    assert not numbers & {user.pk for user in gone}


def test_chosen_users_who_have_left_since_are_passed_over(db: None, options: Callable[..., None], breaks_off: Callable[[int], None]) -> None:
    options(announcement_chunk=1)
    crowd, key = people(3), uuid.uuid4()
    breaks_off(1)
    with pytest.raises(OperationalError):
        to(crowd, key=key)
    crowd[1].is_active = False
    crowd[1].save()
    assert deliver(Announcement.objects.get(key=key)) == 1
    assert heads(crowd) == [1, 0, 1]


def test_what_makes_no_sense_leaves_no_announcement(mia: User) -> None:
    gone = cast.member(is_active=False)
    before = Announcement.objects.count()
    for wrong, field in (({"users": [mia, gone]}, "users"), ({"users": [mia], "title": ""}, "title"), ({"users": [mia], "link": "//x"}, "link")):
        with pytest.raises(ValidationError) as caught:
            announce(to=Audience.USERS, **{**WORDS, **wrong})
        assert list(caught.value.message_dict) == [field]
    assert Announcement.objects.count() == before
    assert head(mia) == 0


def test_an_announcement_inside_a_transaction_is_an_error(mia: User) -> None:
    with transaction.atomic():
        with pytest.raises(transaction.TransactionManagementError):
            to([mia])
        transaction.set_rollback(True)
    assert head(mia) == 0


# The command


def test_the_command_tells_an_audience_and_continues_what_broke_off(admin: User, options: Callable[..., None], breaks_off: Callable[[int], None]) -> None:
    output = StringIO()
    call_command("announce", "staff", "Maintenance", "Tonight at ten", "--link", "/status", stdout=output)
    assert "users have it" in output.getvalue()
    assert last(admin)["data"]["link"] == "/status"
    options(announcement_chunk=1)
    crowd, key = people(3), uuid.uuid4()
    breaks_off(1)
    with pytest.raises(OperationalError):
        to(crowd, key=key)
    call_command("announce", "--continue", stdout=output)
    assert "Maintenance: 2 more, 3 in all." in output.getvalue()
    assert heads(crowd) == [1, 1, 1]


@pytest.mark.parametrize(
    "arguments", [[], ["staff"], ["staff", "Title"], ["staff", "Title", "Message", "--link", "javascript:x"], ["users", "a", "b"], ["staff", " ", "b"]]
)
def test_the_command_refuses_what_makes_no_sense(db: None, arguments: list[str]) -> None:
    before = Announcement.objects.count()
    with pytest.raises(CommandError):
        call_command("announce", *arguments)
    assert Announcement.objects.count() == before
