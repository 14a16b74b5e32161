"""A user's standing: what decides whether its token still opens anything, and Redis's copy of it.

The truth is the user's row. A socket's handshake asks the copy, so that it costs no query; where
the copy is missing, one query answers and `put` leaves a new copy behind. A copy is only ever
replaced by one of the same or a higher version, so a slow reader cannot undo a revocation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from redis import Redis

from accounts.redis import RedisAway, aask, ask

COPY_LIFE: Final = 86_400  # seconds; bounds what Redis keeps for users who never come back
_SLICE: Final = 1000
"""Copies left at once. Redis does nothing else meanwhile: a thousand take it 5 ms, all of a large shop's would take seconds."""

_PUT = """
for i, key in ipairs(KEYS) do
  local old = redis.call('GET', key)
  local new = ARGV[i + 1]
  if not old or tonumber(string.match(old, '^%d+')) <= tonumber(string.match(new, '^%d+')) then
    redis.call('SET', key, new, 'EX', ARGV[1])
  end
end
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """`version`: tokens with a lower one are worthless; `revoked_at`: Unix seconds, likewise for the host's tokens."""

    version: int
    role: str
    is_staff: bool
    is_active: bool
    revoked_at: float

    def encode(self) -> str:
        return f"{self.version}|{self.role}|{int(self.is_staff)}|{int(self.is_active)}|{self.revoked_at:.3f}"

    @classmethod
    def decode(cls, text: str) -> Standing:
        version, role, staff, active, revoked_at = text.split("|")
        return cls(version=int(version), role=role, is_staff=staff == "1", is_active=active == "1", revoked_at=float(revoked_at))


# Of a user that was deleted: its number may never open anything again.
GONE: Final = Standing(version=2**52, role="", is_staff=False, is_active=False, revoked_at=float(2**52))


def _key(user_id: int) -> str:
    return f"switchboard:standing:{user_id}"


def put(standings: Mapping[int, Standing]) -> bool:
    """Leave copies. Returns False where Redis is away, and some are missing: the keeper repairs it."""
    waiting = iter(standings.items())
    while part := dict(islice(waiting, _SLICE)):
        try:
            ask(partial(_put, part))
        except RedisAway:
            return False
    return True


def _put(standings: Mapping[int, Standing], redis: Redis) -> None:
    keys = (_key(user_id) for user_id in standings)
    redis.eval(_PUT, len(standings), *keys, str(COPY_LIFE), *(each.encode() for each in standings.values()))


async def aput(user_id: int, standing: Standing) -> None:
    """Leave one copy, from a coroutine."""
    try:
        await aask(lambda redis: redis.eval(_PUT, 1, _key(user_id), str(COPY_LIFE), standing.encode()))
    except RedisAway:
        pass


async def aget(user_id: int) -> Standing | None:
    """The copy, or None where it is missing or Redis is away."""
    try:
        copy = await aask(lambda redis: redis.get(_key(user_id)))
    except RedisAway:
        return None
    return Standing.decode(str(copy)) if copy else None
