"""What our own tokens say, and what is not taken for one."""

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.conf import settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts import refresh, tickets, tokens
from accounts.claims import LONGEST, TokenRefused


def signed(payload, key=None, algorithm="HS256"):
    return jwt.encode(payload, settings.SECRET_KEY if key is None else key, algorithm=algorithm)


def payload(user, **changes):
    now = int(time.time())
    full = {"token_type": "access", "user_id": user.pk, "role": "member", "is_staff": False, "version": 0, "jti": "a" * 32, "iat": now, "exp": now + 60}
    return {name: value for name, value in {**full, **changes}.items() if value is not ...}


def test_a_token_says_whose_it_is_and_for_how_long(mia):
    text, expires_at = tokens.issue(mia)
    claims = tokens.verify(text)
    assert (claims.user_id, claims.role, claims.is_staff, claims.version) == (mia.pk, "member", False, mia.token_version)
    assert claims.expires_at == expires_at.timestamp()
    assert abs(expires_at - datetime.now(UTC) - timedelta(hours=8)) < timedelta(seconds=10)
    assert len(claims.jti) == 32


def test_a_customers_token_lives_a_day(ann):
    assert abs(tokens.issue(ann)[1] - datetime.now(UTC) - timedelta(hours=24)) < timedelta(seconds=10)


def test_the_members_of_a_token_are_those_that_clients_know(mia):
    said = jwt.decode(tokens.issue(mia)[0], options={"verify_signature": False})
    assert said.keys() == {"token_type", "user_id", "role", "is_staff", "jti", "iat", "exp", "version"}
    assert said["user_id"] == mia.pk


async def test_a_token_is_read_alike_from_a_coroutine(mia, token):
    mine = token(mia)
    assert await tokens.averify(mine) == tokens.verify(mine)
    with pytest.raises(TokenRefused):
        await tokens.averify(mine + "x")


@pytest.mark.parametrize("garbage", ["", ".", "..", "a.b.c", "null", "\0", "\ud800.\ud800.\ud800", "é.é.é", "x" * (LONGEST + 1), "." * 8000, "sk_123"])
def test_garbage_is_refused(garbage):
    with pytest.raises(TokenRefused):
        tokens.verify(garbage)


@pytest.mark.parametrize(
    "changes",
    [
        {"token_type": "refresh"},
        {"token_type": "ticket"},
        {"token_type": ...},
        {"user_id": True},
        {"user_id": 0},
        {"user_id": -1},
        {"user_id": 1.0},
        {"user_id": 2**53},
        {"user_id": "one"},
        {"user_id": "²"},
        {"user_id": "9" * 400},
        {"user_id": None},
        {"user_id": [1]},
        {"user_id": ...},
        {"exp": ...},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": 10**30},
        {"iat": 2**40},
        {"iat": ...},
        {"jti": ...},
        {"role": ...},
        {"is_staff": ...},
        {"version": ...},
    ],
    ids=str,
)
def test_a_token_with_a_claim_that_is_wrong_is_refused_though_we_have_signed_it(mia, changes):
    assert tokens.verify(signed(payload(mia))).user_id == mia.pk
    with pytest.raises(TokenRefused):
        tokens.verify(signed(payload(mia, **changes)))


def test_a_token_that_nobody_or_somebody_else_has_signed_is_refused(mia):
    for text in (
        signed(payload(mia), key="somebody else's key, which is long enough"),
        signed(payload(mia), key="", algorithm="none"),
        signed(payload(mia), algorithm="HS512"),
    ):
        with pytest.raises(TokenRefused):
            tokens.verify(text)


def test_refresh_tokens_and_tickets_open_nothing(mia, token):
    for text in (refresh.issue(mia), tickets.issue(tokens.verify(token(mia)))[0], str(RefreshToken())):
        with pytest.raises(TokenRefused):
            tokens.verify(text)


def test_an_access_token_of_the_framework_without_our_claims_is_refused(mia):
    with pytest.raises(TokenRefused):
        tokens.verify(str(AccessToken.for_user(mia)))


def test_what_is_said_of_a_refused_token_holds_nothing_of_it(mia):
    text = signed(payload(mia, exp=1))
    with pytest.raises(TokenRefused) as refused:
        tokens.verify(text)
    assert not any(part in str(refused.value) for part in text.split("."))
