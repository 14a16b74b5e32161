"""Tokens of the host site's own login, under a key shared with us."""

import time

import jwt
import pytest

from accounts import tokens
from accounts.claims import TokenRefused
from accounts.models import Revocation
from accounts.revocation import acheck
from tests.accounts.host_payload import payload

SHARED = "shared with the host site, and long enough for SHA-512: 0123456789abcdef"


@pytest.fixture
def shared(options):
    options(jwt_signing_key=SHARED)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_token_under_the_shared_key_opens_what_a_member_may(mia, shared, algorithm):
    claims = await tokens.averify(jwt.encode(payload(mia), SHARED, algorithm=algorithm))
    assert (claims.user_id, claims.role, claims.is_staff, claims.version) == (mia.pk, "member", False, None)
    await acheck(claims)


def test_it_opens_rest_until_everything_is_revoked(mia, shared, api):
    client = api(jwt.encode(payload(mia), SHARED))
    assert client.post("/api/v1/ws/ticket").status_code == 201
    Revocation.objects.revoke([mia.pk])
    assert client.post("/api/v1/ws/ticket").status_code == 401


def test_it_never_opens_a_staff_account_even_if_it_says_so(admin, bob, shared, api):
    for user, claims in ((admin, {}), (admin, {"is_staff": True}), (bob, {}), (bob, {"role": "customer"})):
        assert api(jwt.encode(payload(user, **claims), SHARED)).post("/api/v1/ws/ticket").status_code == 401
    assert api(jwt.encode(payload(bob, role="agent"), SHARED)).post("/api/v1/ws/ticket").status_code == 201


def test_claims_about_staff_and_version_count_for_nothing(mia, shared):
    claims = tokens.verify(jwt.encode(payload(mia, is_staff=True, version=99), SHARED))
    assert (claims.is_staff, claims.version) == (False, None)


@pytest.mark.parametrize("value", [7, "7"])
def test_the_users_number_may_be_a_text_of_digits_and_stand_in_another_claim(options, value):
    options(jwt_signing_key=SHARED, jwt_user_id_claim="sub")
    now = int(time.time())
    assert tokens.verify(jwt.encode({"sub": value, "iat": now, "exp": now + 60}, SHARED)).user_id == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": True},
        {"user_id": 1.5},
        {"user_id": "1.0"},
        {"user_id": " 1"},
        {"user_id": "mia"},
        {"user_id": 0},
        {"user_id": 10**30},
        {"user_id": None},
        {"user_id": ...},
        {"exp": ...},
        {"exp": 1},
        {"exp": "never"},
        {"exp": float("inf")},
        {"iat": ...},
        {"iat": 2**40},
        {"iat": float("nan")},
        {"iat": True},
        {"nbf": 2**40},
        {"role": ["member"]},
        {"token_type": "refresh"},
    ],
    ids=str,
)
def test_a_claim_that_is_wrong_is_refused(mia, shared, changes):
    assert tokens.verify(jwt.encode(payload(mia), SHARED)).user_id == mia.pk
    with pytest.raises(TokenRefused):
        tokens.verify(jwt.encode(payload(mia, **changes), SHARED))


def test_issuer_and_audience_must_be_those_that_were_named(mia, options):
    options(jwt_signing_key=SHARED, jwt_issuer="https://shop.example", jwt_audience="switchboard")
    good = {"iss": "https://shop.example", "aud": "switchboard"}
    assert tokens.verify(jwt.encode(payload(mia, **good), SHARED)).user_id == mia.pk
    for wrong in ({"iss": "https://evil.example"}, {"iss": ...}, {"aud": "billing"}, {"aud": ...}, {"aud": ["a", "b"]}):
        with pytest.raises(TokenRefused):
            tokens.verify(jwt.encode(payload(mia, **{**good, **wrong}), SHARED))


def test_an_audience_that_nobody_asked_for_does_no_harm(mia, shared):
    assert tokens.verify(jwt.encode(payload(mia, aud="anybody", iss="me"), SHARED)).user_id == mia.pk


def test_our_tokens_and_the_hosts_are_not_taken_for_each_other(mia, shared, token):
    own = jwt.decode(token(mia), options={"verify_signature": False})
    # The host cannot say a version: whatever it signs is the host's, and is revoked by its time.
    assert tokens.verify(jwt.encode(own, SHARED)).version is None
    # And what is not signed under our key is not ours, whatever it says.
    assert tokens.verify(token(mia)).version == 0


def test_without_a_key_of_the_host_its_tokens_are_refused(mia):
    with pytest.raises(TokenRefused):
        tokens.verify(jwt.encode(payload(mia), SHARED))


def test_an_unsigned_token_is_refused(mia, shared):
    with pytest.raises(TokenRefused):
        tokens.verify(jwt.encode(payload(mia), "", algorithm="none"))
