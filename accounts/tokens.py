"""Bearer tokens: what we issue, and what we take for true.

A token is a JWT. Ours are SimpleJWT's access tokens with a number for the user, its role and its
version (see `standing`). A token of the host site's own login is taken too (see `host_login`).
Reading one is arithmetic only; whether its user still stands is asked in `revocation`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, Token

from accounts import host_login
from accounts.claims import LONGEST, Claims, KeysUnavailable, TokenRefused, user_number
from accounts.models import Role, User

__all__ = ["Claims", "KeysUnavailable", "TokenRefused", "averify", "issue", "payload", "read", "sign", "verify"]


def issue(user: User) -> tuple[str, datetime]:
    """A bearer token of this user, and when it expires."""
    options = settings.SWITCHBOARD
    lifetime = options.customer_token_lifetime if user.role == Role.CUSTOMER else options.token_lifetime
    token = AccessToken()
    token.set_exp(lifetime=timedelta(seconds=lifetime))
    return sign(token, user), datetime.fromtimestamp(token["exp"], UTC)


def sign(token: Token, user: User) -> str:
    """Put into a token of any type whose it is, and sign it."""
    token["user_id"] = user.pk  # SimpleJWT would make it a text
    token["role"] = user.role
    token["is_staff"] = user.is_staff
    token["version"] = user.token_version
    return str(token)


def verify(text: str) -> Claims:
    """What a bearer token says. Raises TokenRefused, and KeysUnavailable where that cannot be told now.

    The database and Redis are not asked. Only a key of the host's that is not known yet makes this
    wait for the network: see `averify`.
    """
    try:
        return read(AccessToken, text)
    except TokenRefused:
        if not host_login.is_set_up():
            raise
    return host_login.verify(text)


async def averify(text: str) -> Claims:
    """The same, without blocking the event loop."""
    try:
        return read(AccessToken, text)
    except TokenRefused:
        if not host_login.is_set_up():
            raise
    return await host_login.averify(text)


def read(kind: type[Token], text: str) -> Claims:
    """What one of our own tokens of this type says. Raises TokenRefused."""
    said = payload(kind, text)
    try:
        return Claims(
            user_id=user_number(said["user_id"]),
            role=said["role"],
            is_staff=said["is_staff"],
            issued_at=said["iat"],
            expires_at=said["exp"],
            version=said["version"],
            jti=said["jti"],
        )
    except KeyError as error:
        raise TokenRefused(f"the token has no {error}") from error


def payload(kind: type[Token], text: str) -> dict[str, Any]:
    """All that a token of this type holds, if we have signed it and it has not expired. Raises TokenRefused."""
    if len(text) > LONGEST:
        raise TokenRefused("the token is too long")
    try:
        return kind(text).payload  # type: ignore[arg-type]
    except (TokenError, ValueError, OverflowError) as error:
        raise TokenRefused("the token is not ours, is of another kind, or has expired") from error
