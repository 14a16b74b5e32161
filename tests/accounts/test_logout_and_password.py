"""Leaving, and changing the password: everything from before is worthless then."""

import pytest

from accounts import refresh, services, tokens
from accounts.executor import in_thread
from accounts.models import Customer, User
from tests import cast

NEW = "Quite-another-one-42"


def test_logging_out_ends_every_token_of_that_user_and_of_nobody_else(api, mia, eve, token):
    first, second, other, renewal = token(mia), token(mia), token(eve), refresh.issue(mia)
    answer = api(first).post("/api/v1/logout")
    assert (answer.status_code, answer.content) == (204, b"")
    for bearer in (first, second):
        assert api(bearer).post("/api/v1/ws/ticket").status_code == 401
    assert api().post("/api/v1/token/refresh", {"refresh": renewal}).status_code == 401
    assert api(other).post("/api/v1/ws/ticket").status_code == 201
    mia.refresh_from_db()
    assert api(mia).post("/api/v1/ws/ticket").status_code == 201


def test_a_customer_that_logs_out_cannot_come_back_by_its_id_and_begins_anew(api, ann):
    assert api(ann).post("/api/v1/logout/").status_code == 204
    again = {"customerId": str(ann.customer.public_id), "channel": "WEB"}
    assert api().post("/api/v1/customers/token", again).status_code == 404
    assert Customer.objects.get(pk=ann.pk).logged_out_at is not None
    assert api().post("/api/v1/customers", {"name": "Ann", "channel": "WEB"}).json()["userId"] != ann.pk


@pytest.mark.parametrize("path", ["/api/v1/logout", "/api/v1/password", "/api/v1/ws/ticket", "/api/v1/users"])
def test_from_outside_there_is_no_way_in(api, mia, expired, path):
    answer = api().post(path, {})
    assert (answer.status_code, answer.json()["code"], answer["WWW-Authenticate"]) == (401, "MISSING_TOKEN", "Bearer")
    for bearer in (expired(mia), refresh.issue(mia), "garbage", "sk_0000000000000000", "é"):
        answer = api(bearer).post(path, {})
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_EXPIRED")
        assert answer["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic bWlhOnB3", "Token x", "bearer"])
def test_a_header_that_is_no_bearer_is_no_credential(api, header):
    client = api()
    client.credentials(HTTP_AUTHORIZATION=header)
    assert client.post("/api/v1/logout").json()["code"] == "MISSING_TOKEN"


def test_a_session_of_the_admin_is_no_credential_of_the_api(api, admin):
    client = api()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/").status_code == 200
    assert client.post("/api/v1/logout").status_code == 401


def test_logging_out_ends_sessions_in_the_admin_too(api, admin):
    browser = api()
    browser.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/admin/").status_code == 200
    assert api(admin).post("/api/v1/logout").status_code == 204
    assert browser.get("/admin/").status_code == 302


# The password


def change(client, old=cast.PASSWORD, new=NEW):
    return client.post("/api/v1/password", {"old": old, "new": new})


def test_a_new_password_replaces_the_old_one_and_ends_every_token(api, mia, token):
    mine = token(mia)
    assert change(api(mine)).status_code == 204
    assert api(mine).post("/api/v1/ws/ticket").status_code == 401
    login = api()
    assert login.post("/api/v1/public/login", {"username": mia.username, "password": cast.PASSWORD}).status_code == 401
    again = login.post("/api/v1/public/login", {"username": mia.username, "password": NEW})
    assert tokens.verify(again.json()["token"]).version == 1


def test_a_wrong_old_password_is_named_and_changes_nothing(api, mia, token):
    mine = token(mia)
    answer = change(api(mine), old="wrong")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["old"])
    assert api(mine).post("/api/v1/ws/ticket").status_code == 201


def test_guessing_the_old_password_with_a_found_token_is_locked(api, mia, settings):
    settings.AXES_FAILURE_LIMIT = 2
    client = api(mia)
    assert [change(client, old="wrong").status_code for _ in range(3)] == [400, 429, 429]
    assert change(client).json()["code"] == "LOGIN_LOCKED"


@pytest.mark.parametrize("new", ["short", "password", "12345678901", "x" * 1001, "", None, 5, ["a"]], ids=lambda new: str(new)[:12])
def test_a_new_password_that_is_no_good_is_named(api, mia, new):
    answer = change(api(mia), new=new)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["new"])
    mia.refresh_from_db()
    assert mia.token_version == 0


def test_a_password_like_ones_own_name_is_no_good(api, mia):
    assert list(change(api(mia), new=mia.username).json()["errors"]) == ["new"]


@pytest.mark.parametrize("body", [{}, {"old": cast.PASSWORD}, {"new": NEW}, {"old": None, "new": NEW}, {"old": [], "new": NEW}])
def test_a_field_that_is_missing_or_of_another_type_is_named(api, mia, body):
    answer = api(mia).post("/api/v1/password", body)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"old", "new"} - {name for name, value in body.items() if isinstance(value, str)}


def test_whoever_has_no_password_here_cannot_change_it(api, ann, mia):
    User.objects.filter(pk=mia.pk).update(password="!")
    mia.refresh_from_db()
    for user in (ann, mia):
        assert change(api(user)).status_code == 403


def test_a_hash_that_is_renewed_at_a_login_throws_nobody_out(api, mia, token, settings):
    mine = token(mia)
    settings.PASSWORD_HASHERS = ["tests.accounts.hashers.Stronger", *settings.PASSWORD_HASHERS]
    assert api().post("/api/v1/public/login", {"username": mia.username, "password": cast.PASSWORD}).status_code == 200
    assert User.objects.get(pk=mia.pk).password.startswith("stronger$")
    assert api(mine).post("/api/v1/ws/ticket").status_code == 201


async def test_so_does_one_that_is_renewed_by_a_coroutine(mia, settings):
    settings.PASSWORD_HASHERS = ["tests.accounts.hashers.Stronger", *settings.PASSWORD_HASHERS]
    assert not await mia.acheck_password("wrong")
    assert await mia.acheck_password(cast.PASSWORD)
    now = await in_thread(User.objects.get, pk=mia.pk)
    assert (now.password, now.token_version) == (mia.password, 0)
    assert now.password.startswith("stronger$")
    await in_thread(mia.save)
    assert (await in_thread(User.objects.get, pk=mia.pk)).token_version == 0


def test_renewing_a_hash_does_not_bring_back_a_password_that_was_changed_meanwhile(mia, settings):
    early = User.objects.get(pk=mia.pk)
    services.change_password(user=mia, new=NEW)
    settings.PASSWORD_HASHERS = ["tests.accounts.hashers.Stronger", *settings.PASSWORD_HASHERS]
    early.check_password(cast.PASSWORD)
    assert User.objects.get(pk=mia.pk).check_password(NEW)
