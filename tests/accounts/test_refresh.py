"""Pairs of tokens for REST consumers: a refresh token is good once, and dies with its user's other tokens."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from django.db import connection
from rest_framework_simplejwt.tokens import RefreshToken

from accounts import refresh, tokens
from accounts.models import Revocation, SpentRefresh, User
from tests import cast

REFRESH = "/api/v1/token/refresh"


def renew(client, text):
    return client.post(REFRESH, {"refresh": text})


def test_a_pair_opens_what_the_login_opens(api, mia):
    pair = api().post("/api/v1/token", {"username": mia.username, "password": cast.PASSWORD})
    assert (pair.status_code, pair.json().keys()) == (200, {"access", "refresh"})
    said = jwt.decode(pair.json()["access"], options={"verify_signature": False})
    assert said.keys() == jwt.decode(tokens.issue(mia)[0], options={"verify_signature": False}).keys()
    assert said["exp"] - said["iat"] == 8 * 3600
    assert api(pair.json()["access"]).post("/api/v1/ws/ticket").status_code == 201
    life = jwt.decode(pair.json()["refresh"], options={"verify_signature": False})
    assert life["exp"] - life["iat"] == 86_400


def test_a_refresh_token_gives_the_next_and_is_dead_then(api, mia, flush):
    first = refresh.issue(mia)
    second = renew(api(), first)
    assert second.status_code == 200
    assert api(second.json()["access"]).post("/api/v1/ws/ticket").status_code == 201
    flush()  # it stays dead when Redis is empty
    assert renew(api(), first).status_code == 401
    assert renew(api(), second.json()["refresh"]).status_code == 200


def test_of_many_that_use_it_at_once_one_succeeds(api, mia):
    text = refresh.issue(mia)

    def use(_number):
        try:
            return renew(api(), text).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(use, range(8))) == [200] + [401] * 7


def test_it_opens_nothing_itself_and_an_access_token_renews_nothing(api, mia, token):
    assert api(refresh.issue(mia)).post("/api/v1/ws/ticket").status_code == 401
    assert renew(api(), token(mia)).status_code == 401


def deactivated(user):
    User.objects.filter(pk=user.pk).update(is_active=False)


def deleted(user):
    User.objects.filter(pk=user.pk).delete()


def revoked(user):
    Revocation.objects.revoke([user.pk])


@pytest.mark.parametrize("end", [deactivated, deleted, revoked], ids=lambda end: end.__name__)
def test_the_refresh_token_of_somebody_who_no_longer_stands_is_401(api, mia, end):
    text = refresh.issue(mia)
    end(mia)
    answer = renew(api(), text)
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_EXPIRED")


def test_an_expired_one_is_401(api, mia):
    made = RefreshToken()
    made.set_exp(lifetime=timedelta(minutes=-1))
    assert renew(api(), tokens.sign(made, mia)).status_code == 401


@pytest.mark.parametrize("text", ["x", "a.b.c", "é", str(10**400)])
def test_garbage_is_401(api, text):
    assert renew(api(), text).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"refresh": None}, {"refresh": ""}, {"refresh": 5}, {"refresh": ["x"]}, {"refresh": "x" * 8193}], ids=lambda body: str(body)[:30]
)
def test_a_field_that_is_wrong_is_named(api, body):
    answer = api().post(REFRESH, body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["refresh"])


def test_what_is_kept_of_spent_ones_is_forgotten_when_they_would_have_ended(api, mia):
    SpentRefresh.objects.create(jti="long ago", expires_at="2020-01-01T00:00:00Z")
    assert renew(api(), refresh.issue(mia)).status_code == 200
    assert not SpentRefresh.objects.filter(jti="long ago").exists()
