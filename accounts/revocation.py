"""Whether the holder of a token still stands. Making tokens worthless is `Revocation.objects.revoke`.

A token of ours says the version under which it was issued, and opens only while that is still its
user's version. One of the host's login says no version and is worthless if it was issued before the
last revocation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from accounts import standing
from accounts.batches import Batch
from accounts.claims import Claims, TokenRefused
from accounts.executor import in_thread
from accounts.models import User
from accounts.standing import GONE, Standing


async def acheck(claims: Claims) -> Standing:
    """The standing of a token's user. Raises TokenRefused.

    Asks Redis's copy. Where that is missing, older than the token, or Redis is away, one query
    answers and leaves a new copy.
    """
    copy = await standing.aget(claims.user_id)
    if copy is None or (claims.version is not None and copy.version < claims.version):
        copy = await _truth.ask(claims.user_id)
    _judge(claims, copy)
    return copy


def check(claims: Claims, user: User | None) -> None:
    """The same for somebody who has the user's row anyway (None: there is none)."""
    _judge(claims, GONE if user is None else user.standing)


def stands(claims: Claims, user: Standing) -> bool:
    """The same for somebody who has read the standing, as an answer."""
    try:
        _judge(claims, user)
    except TokenRefused:
        return False
    return True


def _judge(claims: Claims, user: Standing) -> None:
    if not user.is_active:
        raise TokenRefused("the user is gone or not active")
    if claims.role != user.role:
        raise TokenRefused("the user has another role")
    if claims.version is None:
        # `iat` counts whole seconds, so a token issued in the very second of the revocation is refused.
        if claims.issued_at <= user.revoked_at:
            raise TokenRefused("the host's token was issued before the revocation")
        if user.is_staff:
            raise TokenRefused("the host's login does not open staff accounts")
    # Not only a lower one: after a restored backup, a version that we have yet to give may be out there.
    elif claims.version != user.version or claims.is_staff != user.is_staff:
        raise TokenRefused("the token was revoked")


async def _read(user_ids: Sequence[int]) -> Sequence[Standing]:
    found = await in_thread(_standings, user_ids)
    # No copy of a user that is not there: it may be made a moment from now.
    await standing.aput(found)
    return [found.get(user_id, GONE) for user_id in user_ids]


def _standings(user_ids: Sequence[int]) -> dict[int, Standing]:
    return {user.pk: user.standing for user in User.objects.filter(pk__in=user_ids)}


_truth: Final = Batch(_read, limit=500, at_once=2)
