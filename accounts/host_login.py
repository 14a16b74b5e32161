"""Tokens of the host site's own login, signed under a key that it shares with us or publishes.

Such a token opens what a member may. It says whose it is in the claim `JWT_USER_ID_CLAIM`; it must
carry `iat`, because that is how it is revoked, and `exp`. It has no role (then it is a member's) or
the role that its user has here. It never opens a staff account: the host's login is not trusted
with ours, so `revocation` refuses it there.
"""

from __future__ import annotations

import asyncio
import math
import time
from functools import lru_cache
from typing import Any, Final

import jwt
from django.conf import settings

from accounts.claims import LONGEST, Claims, TokenRefused, user_number
from accounts.jwks import KeySet
from accounts.models import Role

CLOCK_SKEW: Final = 5.0
"""Seconds that the host's clock may be ahead of ours."""

# Two lists that must never meet: a public key taken for a shared one would let anybody sign.
_SHARED: Final = ("HS256", "HS384", "HS512")
_PUBLISHED: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


def is_set_up() -> bool:
    """Whether the operator has named the host's key."""
    return bool(settings.SWITCHBOARD.jwt_signing_key or settings.SWITCHBOARD.jwt_jwk_url)


def verify(text: str) -> Claims:
    """What a token of the host's says. Raises TokenRefused; KeysUnavailable where its key is not known and the host does not answer.

    May wait for the network if its key is not known yet.
    """
    if settings.SWITCHBOARD.jwt_signing_key:
        return _claims(text, settings.SWITCHBOARD.jwt_signing_key, _SHARED)
    keys, kid = _key_set(), _kid(text)
    return _claims(text, keys.find(kid) or keys.fetch(kid), _PUBLISHED)


async def averify(text: str) -> Claims:
    """The same; what has to wait for the network waits in a thread."""
    if settings.SWITCHBOARD.jwt_signing_key:
        return _claims(text, settings.SWITCHBOARD.jwt_signing_key, _SHARED)
    keys, kid = _key_set(), _kid(text)
    key = keys.find(kid)
    if key is None:
        # Not in the executor for the database, which must not stand still with the host's server.
        key = await asyncio.to_thread(keys.fetch, kid) if keys.may_fetch() else keys.settle(kid)
    return _claims(text, key, _PUBLISHED)


def _key_set() -> KeySet:
    return _key_set_of(settings.SWITCHBOARD.jwt_jwk_url, settings.SWITCHBOARD.jwt_jwk_timeout)


@lru_cache(maxsize=4)
def _key_set_of(url: str, timeout: float) -> KeySet:
    return KeySet(url, timeout=timeout)


def _kid(text: str) -> str:
    if len(text) > LONGEST:
        raise TokenRefused("the token is too long")
    try:
        kid = jwt.get_unverified_header(text).get("kid")
    except (jwt.PyJWTError, ValueError) as error:
        raise TokenRefused("the token has no readable header") from error
    if not isinstance(kid, str):
        raise TokenRefused("the token does not say which of the host's keys signed it")
    return kid


def _claims(text: str, key: jwt.PyJWK | str | None, algorithms: tuple[str, ...]) -> Claims:
    options = settings.SWITCHBOARD
    if key is None:
        raise TokenRefused("the host has no such key")
    if len(text) > LONGEST:
        raise TokenRefused("the token is too long")
    try:
        payload = jwt.decode(
            text,
            key,
            algorithms=list(algorithms),
            audience=options.jwt_audience or None,
            issuer=options.jwt_issuer or None,
            leeway=CLOCK_SKEW,
            options={
                "require": ["exp", "iat", *(["iss"] if options.jwt_issuer else []), *(["aud"] if options.jwt_audience else [])],
                "verify_aud": bool(options.jwt_audience),
                "verify_sub": False,  # a host may put a number there
                "verify_jti": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenRefused(f"the host's token is refused: {type(error).__name__}") from error
    if payload.get("token_type", "access") != "access":
        raise TokenRefused("the host's token is not for access")
    role, jti = payload.get("role", Role.MEMBER.value), payload.get("jti")
    if not isinstance(role, str):
        raise TokenRefused("the host's token has a role that is no text")
    expires_at = _moment(payload["exp"])
    if expires_at <= time.time():
        raise TokenRefused("the host's token has expired")
    return Claims(
        user_id=user_number(payload.get(options.jwt_user_id_claim)),
        role=role,
        is_staff=False,
        issued_at=_moment(payload["iat"]),
        expires_at=expires_at,
        version=None,
        jti=jti if isinstance(jti, str) else "",
    )


def _moment(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TokenRefused("the host's token has a time that is no number")
    return float(value)
