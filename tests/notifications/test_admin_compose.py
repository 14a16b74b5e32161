"""Writing to users in the admin: compose, preview, send."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.test import Client

from accounts.models import User
from notifications import announcements, preferences
from notifications.models import Announcement, Preference
from tests import cast
from tests.notifications.desk import ANNOUNCEMENTS, COMPOSE, LIST, WORDS, act, hidden, page, signed_in
from tests.notifications.stream import head, last


@pytest.fixture
def desk(admin: User) -> Client:
    return signed_in(admin)


def test_composing_shows_a_form_then_a_preview_with_a_count_and_then_sends(desk: Client, admin: User, mia: User, eve: User) -> None:
    assert "Preview" in page(desk.get(COMPOSE))
    preview = page(desk.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk, eve.pk], "_preview": "1"}))
    assert "2 users will get this." in preview
    assert f"Mia ({mia.username})" in preview
    assert "Tonight at &lt;b&gt;ten&lt;/b&gt;" in preview
    assert head(mia) == 0
    answer = desk.post(COMPOSE, {**hidden(preview), "_send": "1"}, follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    assert "2 users have it." in page(answer)
    assert last(mia)["data"] == {**last(mia)["data"], "title": "Maintenance", "message": "Tonight at <b>ten</b>", "link": "/status", "source": "admin"}
    assert head(eve) == 1
    announcement = Announcement.objects.get(notifications__user=mia)
    assert (announcement.sender, announcement.told) == (admin, 2)
    assert LogEntry.objects.filter(user=admin, object_id=announcement.pk).count() == 1


def test_composing_to_a_role_counts_and_tells_that_role(desk: Client, admin: User, mia: User) -> None:
    preview = page(desk.post(COMPOSE, {**WORDS, "audience": "staff"}))
    count = User.objects.filter(is_staff=True, is_active=True).count()
    assert re.search(rf"\b{count} users? will get this\.", preview)
    desk.post(COMPOSE, {**hidden(preview), "_send": "1"})
    assert last(admin)["data"]["title"] == "Maintenance"
    assert head(mia) == 0


def test_composing_to_everyone_counts_customers_too(desk: Client, ann: User) -> None:
    preview = page(desk.post(COMPOSE, {**WORDS, "audience": "everyone"}))
    off = Preference.objects.filter(type="system", mode="off").values("user")
    assert f"{User.objects.filter(is_active=True).exclude(pk__in=off).count()} users will get this." in preview


def test_a_preview_says_who_will_not_get_it_or_only_silently(desk: Client, mia: User, eve: User, bob: User) -> None:
    preferences.replace(user_id=mia.pk, preferences={"system": "off"})
    preferences.replace(user_id=eve.pk, preferences={"system": "silent"})
    preview = page(desk.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk, eve.pk, bob.pk]}))
    assert "2 users will get this." in preview
    assert "1 of them silently." in preview
    assert "1 has turned this type off and will not." in preview


def test_nobody_to_tell_is_no_way_to_send(desk: Client, mia: User) -> None:
    preferences.replace(user_id=mia.pk, preferences={"system": "off"})
    preview = page(desk.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk]}))
    assert "0 users will get this." in preview
    assert 'name="_send"' not in preview


def test_sending_the_same_preview_twice_sends_once(desk: Client, mia: User) -> None:
    preview = hidden(page(desk.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk]})))
    desk.post(COMPOSE, {**preview, "_send": "1"})
    assert "sent already" in page(desk.post(COMPOSE, {**preview, "_send": "1"}, follow=True))
    assert head(mia) == 1


def test_going_back_from_the_preview_keeps_what_was_written(desk: Client, mia: User) -> None:
    preview = hidden(page(desk.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk]})))
    form = page(desk.post(COMPOSE, {**preview, "_edit": "1"}))
    assert 'value="Maintenance"' in form
    assert f'<option value="{mia.pk}" selected>' in form
    assert head(mia) == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"audience": ""}, "This field is required"),
        ({"audience": "nobody"}, "Select a valid choice"),
        ({"audience": "users"}, "Choose at least one"),
        ({"users": ["MIA"]}, "You have chosen users"),
        ({"audience": "users", "users": ["0"]}, "Select a valid choice"),
        ({"audience": "users", "users": ["x"]}, "Select a valid choice"),
        ({"audience": "users", "users": ["9" * 30]}, "Select a valid choice"),
        ({"title": ""}, "This field is required"),
        ({"title": "   "}, "This field is required"),
        ({"title": "x" * 201}, "at most 200 characters"),
        ({"title": "a\x00b"}, "Null characters"),
        ({"message": ""}, "This field is required"),
        ({"message": "x" * 4001}, "at most 4000 characters"),
        ({"type": "No Slug"}, "Use small letters"),
        ({"link": "javascript:alert(1)"}, "Must be a path of this site"),
        ({"link": "//evil.example"}, "Must be a path of this site"),
    ],
)
@pytest.mark.parametrize("button", ["_preview", "_send"])
def test_what_is_wrong_is_shown_and_not_sent(desk: Client, mia: User, change: dict[str, Any], complaint: str, button: str) -> None:
    before = Announcement.objects.count()
    body: dict[str, Any] = {**WORDS, "audience": "staff", **change, button: "1"}
    if body.get("users") == ["MIA"]:
        body["users"] = [mia.pk]
    form = page(desk.post(COMPOSE, body))
    assert complaint in form
    assert "Please correct" in form
    assert Announcement.objects.count() == before


def test_who_left_between_preview_and_sending_is_named(desk: Client, mia: User, eve: User) -> None:
    preview = hidden(page(desk.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk, eve.pk]})))
    eve.is_active = False
    eve.save()
    assert "Select a valid choice" in page(desk.post(COMPOSE, {**preview, "_send": "1"}))
    assert head(mia) == 0


def test_one_that_broke_off_is_continued_by_an_action(desk: Client, options: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    options(announcement_chunk=1)
    crowd = [cast.member() for _ in range(3)]
    real, done = announcements.dispatch, []

    def dispatch(**arguments: Any) -> Any:
        done.append(1)
        if len(done) == 2:
            raise OperationalError("the connection is gone")
        return real(**arguments)

    preview = hidden(page(desk.post(COMPOSE, {**WORDS, "audience": "users", "users": [user.pk for user in crowd]})))
    monkeypatch.setattr(announcements, "dispatch", dispatch)
    assert "It broke off" in page(desk.post(COMPOSE, {**preview, "_send": "1"}, follow=True))
    assert [head(user) for user in crowd] == [1, 0, 0]
    announcement = Announcement.objects.get(notifications__user=crowd[0])
    assert "2 more users have it." in page(act(desk, "continue_delivery", announcement, path=ANNOUNCEMENTS))
    assert [head(user) for user in crowd] == [1, 1, 1]
    assert "0 more users have it." in page(act(desk, "continue_delivery", announcement, path=ANNOUNCEMENTS))
