"""Signing in: the right way, every wrong way, and what happens to those who guess."""

import statistics
import time
from datetime import datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from tests import cast

LOGIN = "/api/v1/public/login"
WRONG = "wrong-password-0"


def log_in(client, username, password=cast.PASSWORD, path=LOGIN):
    return client.post(path, {"username": username, "password": password})


@pytest.mark.parametrize("who", ["mia", "bob", "admin"])
def test_members_agents_and_staff_sign_in(api, request, who):
    user = request.getfixturevalue(who)
    answer = log_in(api(), user.username)
    assert answer.status_code == 200
    said = answer.json()
    assert said.keys() == {"token", "expiresAt", "user"}
    assert said["user"] == {"id": user.pk, "username": user.username, "role": user.role, "displayName": user.display_name}
    claims = tokens.verify(said["token"])
    assert (claims.user_id, claims.is_staff) == (user.pk, user.is_staff)
    assert datetime.fromisoformat(said["expiresAt"]).timestamp() == claims.expires_at
    user.refresh_from_db()
    assert timezone.now() - user.last_login < timedelta(minutes=1)


def test_without_a_display_name_the_username_is_shown(api):
    nameless = cast.member("nameless")
    User.objects.filter(pk=nameless.pk).update(display_name="")
    assert log_in(api(), nameless.username).json()["user"]["displayName"] == nameless.username


def nobody():
    return "nobody-at-all"


def wrong():
    return cast.member().username


def inactive():
    return cast.member(is_active=False).username


def customer():
    return cast.customer().username


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_in_about_the_same_time(api, options, settings):
    settings.AXES_FAILURE_LIMIT = 100
    took, said = {}, {}
    for who in (nobody, wrong, inactive, customer):
        name, client, times = who(), api(), []
        for _ in range(3):
            began = time.thread_time()  # of the processor, which others use meanwhile
            answer = log_in(client, name, WRONG)
            times.append(time.thread_time() - began)
        took[who.__name__] = statistics.median(times)
        body = answer.json()
        body.pop("request_id")
        said[who.__name__] = (answer.status_code, answer["Content-Type"], answer["WWW-Authenticate"], str(body))
    assert len(set(said.values())) == 1, said
    assert said["nobody"][0] == 401
    # The slow hash is nearly all of it, and whoever were spared it would be ten times as fast.
    assert max(took.values()) < 2.5 * min(took.values()), took


def test_an_inactive_account_does_not_sign_in_with_the_right_password(api):
    assert log_in(api(), inactive()).json()["code"] == "INVALID_CREDENTIALS"


def test_a_customer_does_not_sign_in_even_if_somebody_gave_it_a_password(api, ann):
    ann.set_password(cast.PASSWORD)
    ann.save()
    assert log_in(api(), ann.username).status_code == 401


@pytest.mark.parametrize("path", [LOGIN, LOGIN + "/", "/api/v1/token"])
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": ...}, "username"),
        ({"username": None}, "username"),
        ({"username": ""}, "username"),
        ({"username": "x" * 151}, "username"),
        ({"username": 7}, "username"),
        ({"username": ["mia"]}, "username"),
        ({"username": "m\0a"}, "username"),
        ({"password": ...}, "password"),
        ({"password": None}, "password"),
        ({"password": ""}, "password"),
        ({"password": "x" * 1001}, "password"),
        ({"password": 123}, "password"),
        ({"password": True}, "password"),
        ({"password": {}}, "password"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_field_that_is_wrong_is_named(api, path, changes, field):
    body = {name: value for name, value in {"username": "mia", "password": "x", **changes}.items() if value is not ...}
    answer = api().post(path, body)
    assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (400, "INVALID_REQUEST", [field])


def test_a_password_is_taken_as_it_is_with_its_blanks(api):
    user = cast.member()
    user.set_password("  blanks all around  ")
    user.save()
    assert log_in(api(), user.username, "  blanks all around  ").status_code == 200
    assert log_in(api(), user.username, "blanks all around").status_code == 401


# Guessing


def test_a_name_is_locked_for_the_address_that_guessed_too_often(api, mia, bob, settings):
    settings.AXES_FAILURE_LIMIT = 3
    guesser = api()
    assert [log_in(guesser, mia.username, WRONG).status_code for _ in range(4)] == [401, 401, 429, 429]
    locked = log_in(guesser, mia.username)
    assert (locked.status_code, locked.json()["code"], locked["Content-Type"]) == (429, "LOGIN_LOCKED", "application/problem+json")
    assert 800 < int(locked["Retry-After"]) <= 900
    # Also at the other doors, but not for others.
    assert log_in(guesser, mia.username, path="/api/v1/token").status_code == 429
    assert log_in(guesser, bob.username).status_code == 200
    elsewhere = api()
    elsewhere.defaults["REMOTE_ADDR"] = "203.0.113.78"
    assert log_in(elsewhere, mia.username).status_code == 200


def test_a_name_that_nobody_has_is_locked_likewise(api, settings):
    settings.AXES_FAILURE_LIMIT = 2
    client = api()
    assert [log_in(client, "nobody-to-lock", WRONG).status_code for _ in range(3)] == [401, 429, 429]


def test_a_lock_ends_when_it_was_said_though_somebody_goes_on_trying(api, mia, settings, options):
    settings.AXES_FAILURE_LIMIT = 2
    client = api()
    for _ in range(3):
        answer = log_in(client, mia.username, WRONG)
    left = int(answer["Retry-After"])
    attempts = AccessAttempt.objects.filter(username=mia.username)
    assert attempts.count() == 1
    attempts.update(attempt_time=timezone.now() - timedelta(seconds=left - 30))
    assert 0 < int(log_in(client, mia.username)["Retry-After"]) <= 930 - left
    attempts.update(attempt_time=timezone.now() - timedelta(seconds=901))
    assert log_in(client, mia.username).status_code == 200


def test_signing_in_forgives_earlier_failures(api, mia, settings):
    settings.AXES_FAILURE_LIMIT = 2
    client = api()
    for _ in range(2):
        assert log_in(client, mia.username, WRONG).status_code == 401
        assert log_in(client, mia.username).status_code == 200


def test_a_forwarded_address_that_no_trusted_proxy_has_put_there_does_not_help(api, mia, settings):
    settings.AXES_FAILURE_LIMIT = 2
    client = api()
    answers = [
        client.post(LOGIN, {"username": mia.username, "password": WRONG}, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}").status_code for number in range(3)
    ]
    assert answers == [401, 429, 429]


def test_logins_are_limited_per_address_whatever_the_name(api, options):
    options(rate_login=(3, 60.0))
    client = api()
    answers = [client.post(LOGIN, {}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert answers[3].json()["code"] == "RATE_LIMITED"
    assert int(answers[3]["Retry-After"]) <= 20


def test_an_address_that_is_none_does_no_harm(api, mia):
    client = api()
    client.defaults["REMOTE_ADDR"] = "unknown"
    assert log_in(client, mia.username, WRONG).status_code == 401


def test_the_admins_login_is_locked_likewise(admin, address, settings):
    settings.AXES_FAILURE_LIMIT = 2
    client = Client(REMOTE_ADDR=address)
    form = {"username": admin.username, "password": WRONG}
    assert client.post("/admin/login/", form).status_code == 200
    locked = client.post("/admin/login/", form)
    assert locked.status_code == 429
    assert locked["Retry-After"]
    assert client.post("/admin/login/", {**form, "password": cast.PASSWORD}).status_code == 429
    other = Client(REMOTE_ADDR="203.0.113.79")
    assert other.post("/admin/login/", {**form, "password": cast.PASSWORD}).status_code == 302


def test_an_old_consoles_login_address_leads_on_and_carries_nothing_along(api):
    for path in ("/login", "/login/", "/login?token=eyJ"):
        answer = api().get(path)
        assert answer.status_code == 302
        assert "eyJ" not in answer["Location"]
