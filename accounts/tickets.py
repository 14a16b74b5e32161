"""Tickets: a credential that may stand in an address, because it opens one connection, once, and soon.

A ticket carries all that the bearer token said that asked for it, so the socket it opens lives as
long as that token would.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from rest_framework_simplejwt.tokens import Token

from accounts import tokens
from accounts.claims import Claims, TokenRefused
from accounts.redis import RedisAway, aask

_MOST_REMEMBERED: Final = 100_000


class Ticket(Token):
    token_type = "ticket"  # noqa: S105
    lifetime = timedelta(seconds=settings.SWITCHBOARD.ticket_lifetime)


def issue(claims: Claims) -> tuple[str, float]:
    """A ticket for one connection, and for how many seconds it is good."""
    lifetime = settings.SWITCHBOARD.ticket_lifetime
    ticket = Ticket()
    # A JWT counts whole seconds; what was promised is not to be cut short.
    ticket["exp"] = math.ceil(time.time() + lifetime)
    ticket["user_id"] = claims.user_id
    ticket["role"] = claims.role
    ticket["is_staff"] = claims.is_staff
    ticket["version"] = claims.version
    ticket["bearer"] = {"iat": claims.issued_at, "exp": claims.expires_at, "jti": claims.jti}
    return str(ticket), lifetime


async def aredeem(text: str) -> Claims:
    """What the bearer token said that this ticket was given for. Raises TokenRefused, also the second time.

    A ticket is good once over all workers; while Redis is away, once in each.
    """
    said = tokens.payload(Ticket, text)
    jti, life = said["jti"], said["exp"] - time.time() + 1
    if not _redeemed.first(jti, life) or not await _first_anywhere(jti, life):
        raise TokenRefused("the ticket was used before")
    return _claims(said)


async def apeek(text: str) -> Claims:
    """The same without using the ticket up."""
    said = tokens.payload(Ticket, text)
    if _redeemed.has(said["jti"]) or await _used_somewhere(said["jti"]):
        raise TokenRefused("the ticket was used before")
    return _claims(said)


def _claims(said: Mapping[str, Any]) -> Claims:
    bearer = said["bearer"]
    if bearer["exp"] <= time.time():
        raise TokenRefused("the token behind the ticket has expired")
    return Claims(
        user_id=said["user_id"],
        role=said["role"],
        is_staff=said["is_staff"],
        issued_at=bearer["iat"],
        expires_at=bearer["exp"],
        version=said["version"],
        jti=bearer["jti"],
    )


async def _first_anywhere(jti: str, life: float) -> bool:
    try:
        return bool(await aask(lambda redis: redis.set(_key(jti), 1, px=max(1, int(life * 1000)), nx=True)))
    except RedisAway:
        return True


async def _used_somewhere(jti: str) -> bool:
    try:
        return bool(await aask(lambda redis: redis.exists(_key(jti))))
    except RedisAway:
        return False


def _key(jti: str) -> str:
    return f"switchboard:ticket:{jti}"


class _Redeemed:
    """The tickets that this worker has seen, as long as they live."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}  # in the order of redeeming, which is nearly that of expiry
        self._lock = threading.Lock()

    def first(self, jti: str, life: float) -> bool:
        now = time.monotonic()
        with self._lock:
            while self._until and next(iter(self._until.values())) < now:
                del self._until[next(iter(self._until))]
            if jti in self._until or len(self._until) >= _MOST_REMEMBERED:
                return False
            self._until[jti] = now + life
            return True

    def has(self, jti: str) -> bool:
        with self._lock:
            return jti in self._until


_redeemed: Final = _Redeemed()
