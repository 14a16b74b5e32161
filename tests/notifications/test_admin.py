"""What staff may see in the admin of what users were told, what they may do with it, and who may write."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from notifications import announcements
from notifications.models import Notification
from tests.notifications.desk import ANNOUNCEMENTS, COMPOSE, LIST, WORDS, act, page, signed_in, staff
from tests.notifications.stream import frames, head, last, told


@pytest.fixture
def desk(admin: User) -> Client:
    return signed_in(admin)


def test_the_list_is_searched_filtered_and_narrowed_by_date(desk: Client, mia: User) -> None:
    [row] = told(mia, title="Needle 4711")
    assert "Needle 4711" in page(desk.get(LIST, {"q": "Needle 4711"}))
    assert "Needle 4711" in page(desk.get(LIST, {"q": mia.username, "type": "mention", "status__exact": "unread"}))
    assert row.title not in page(desk.get(LIST, {"q": "4711", "type": "system"}))
    day = row.created_at
    assert "Needle 4711" in page(desk.get(LIST, {"q": "4711", "created_at__year": day.year, "created_at__month": day.month, "created_at__day": day.day}))
    assert "Needle 4711" not in page(desk.get(LIST, {"q": "4711", "created_at__year": day.year - 1}))
    assert "Compose" in page(desk.get(LIST))


def test_what_was_said_can_be_read_and_not_changed(desk: Client, mia: User) -> None:
    [row] = told(mia, title="Needle 4712")
    detail = page(desk.get(f"{LIST}{row.pk}/change/"))
    assert "Needle 4712" in detail
    assert 'name="title"' not in detail
    assert 'name="_save"' not in detail
    assert desk.post(f"{LIST}{row.pk}/change/", {"title": "Changed"}).status_code == 403
    row.refresh_from_db()
    assert row.title == "Needle 4712"


def test_sending_again_makes_a_new_notification_with_the_same_words(desk: Client, mia: User, eve: User) -> None:
    rows = [*told(mia, link="/a", data={"b": 1}, source="shop"), *told(eve)]
    assert "2 notifications were sent again." in page(act(desk, "resend", *rows))
    first, second = frames(mia)
    assert {**second["data"], "id": 0, "created_at": ""} == {**first["data"], "id": 0, "created_at": ""}
    assert second["data"]["id"] != first["data"]["id"]
    assert head(eve) == 2


def test_sending_again_to_somebody_who_left_says_so_and_goes_on(desk: Client, mia: User, eve: User) -> None:
    rows = [*told(mia), *told(eve)]
    mia.is_active = False
    mia.save()
    answer = page(act(desk, "resend", *rows))
    assert "Not sent again to Mia" in answer
    assert "1 notification was sent again." in answer
    assert [head(mia), head(eve)] == [1, 2]


def test_marking_as_read_tells_the_users(desk: Client, mia: User, eve: User) -> None:
    rows = [*told(mia), *told(mia), *told(eve)]
    assert "3 notifications are now read." in page(act(desk, "mark_read", *rows))
    assert last(mia)["data"] == {"ids": [rows[0].pk, rows[1].pk], "all_up_to": None, "status": "read", "unread_count": 0, "as_of": 3}
    assert "0 notifications are now read." in page(act(desk, "mark_read", *rows))
    assert head(mia) == 3


@pytest.mark.parametrize("one", [True, False])
def test_deleting_tells_the_users(desk: Client, mia: User, one: bool) -> None:
    [row] = told(mia)
    if one:
        desk.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    else:
        desk.post(LIST, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert not Notification.objects.filter(pk=row.pk).exists()
    assert last(mia)["data"]["status"] == "deleted"


def test_announcements_are_shown_but_neither_made_nor_changed_nor_deleted_there(desk: Client, mia: User) -> None:
    announcement = announcements.announce(to=announcements.Audience.USERS, users=mia, **WORDS)
    assert "Maintenance" in page(desk.get(ANNOUNCEMENTS, {"delivery": "complete"}))
    assert f"/announcement/{announcement.pk}/" not in page(desk.get(ANNOUNCEMENTS, {"delivery": "open"}))
    assert 'name="title"' not in page(desk.get(f"{ANNOUNCEMENTS}{announcement.pk}/change/"))
    assert desk.get(f"{ANNOUNCEMENTS}add/").status_code == 403
    assert desk.post(f"{ANNOUNCEMENTS}{announcement.pk}/delete/", {"post": "yes"}).status_code == 403


# Who may


@pytest.mark.parametrize("path", [COMPOSE, LIST, ANNOUNCEMENTS])
def test_nobody_but_staff_gets_in(mia: User, bob: User, ann: User, path: str) -> None:
    for client in (Client(), signed_in(mia), signed_in(bob), signed_in(ann)):
        answer = client.post(path, {**WORDS, "audience": "everyone", "_send": "1"})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


def test_staff_without_the_permission_may_look_and_not_send(mia: User) -> None:
    [row] = told(mia)
    viewer = signed_in(staff("view_notification", "view_announcement"))
    assert "Compose" not in page(viewer.get(LIST))
    assert viewer.get(COMPOSE).status_code == 403
    assert viewer.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk], "_send": "1"}).status_code == 403
    for action in ("resend", "mark_read", "delete_selected"):
        act(viewer, action, row)
    row.refresh_from_db()
    assert (row.status, head(mia)) == ("unread", 1)


def test_staff_who_may_compose_but_not_look_users_up_can_only_write_to_audiences(mia: User) -> None:
    writer = signed_in(staff("add_notification", "view_notification"))
    form = page(writer.get(COMPOSE))
    assert 'type="radio" name="audience" value="staff"' in form
    assert 'type="radio" name="audience" value="users"' not in form
    assert "Select a valid choice" in page(writer.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk], "_send": "1"}))
    assert head(mia) == 0
    assert "will get this." in page(writer.post(COMPOSE, {**WORDS, "audience": "staff"}))


def test_a_form_without_its_csrf_token_is_refused(admin: User, mia: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(COMPOSE, {**WORDS, "audience": "users", "users": [mia.pk], "_send": "1"}).status_code == 403
    assert head(mia) == 0


def test_users_to_choose_are_found_by_name(desk: Client, mia: User) -> None:
    answer = desk.get("/admin/autocomplete/", {"term": mia.username, "app_label": "notifications", "model_name": "notification", "field_name": "user"})
    assert [each["id"] for each in answer.json()["results"]] == [str(mia.pk)]
