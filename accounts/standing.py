"""A user's standing: what decides whether its token still opens anything, and Redis's copy of it.

The truth is the user's row. A socket's handshake asks the copy, so that it costs no query; where
the copy is missing, one query answers and `put` leaves a new copy behind. A copy is only ever
replaced by one of the same or a higher version, so a slow reader cannot undo a revocation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Final

from accounts.batches import Batch
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


_key_pattern: Final = "switchboard:standing:*"


def put(standings: Mapping[int, Standing]) -> bool:
    """Leave copies. Returns False where Redis is away, and some are missing: the keeper repairs it."""
    try:
        for part in _parts(standings):
            ask(partial(_put, part))
    except RedisAway:
        return False
    return True


async def aput(standings: Mapping[int, Standing]) -> bool:
    """The same from a coroutine."""
    try:
        for part in _parts(standings):
            await aask(partial(_put, part))
    except RedisAway:
        return False
    return True


async def aget(user_id: int) -> Standing | None:
    """The copy, or None where it is missing or Redis is away."""
    copy = await _copies.ask(user_id)
    return Standing.decode(copy) if copy else None


def forget() -> int:
    """Throw all copies away, so that the database is asked anew; returns how many there were. Raises RedisAway."""
    return ask(_forget)


def _forget(redis: Any) -> int:
    count, waiting = 0, redis.scan_iter(match=_key_pattern, count=_SLICE)
    while keys := list(islice(waiting, _SLICE)):
        count += redis.unlink(*keys)
    return count


def _parts(standings: Mapping[int, Standing]) -> Iterator[dict[int, Standing]]:
    waiting = iter(standings.items())
    while part := dict(islice(waiting, _SLICE)):
        yield part


def _put(standings: Mapping[int, Standing], redis: Any) -> Any:
    keys = (_key(user_id) for user_id in standings)
    return redis.eval(_PUT, len(standings), *keys, str(COPY_LIFE), *(each.encode() for each in standings.values()))


async def _read(user_ids: Sequence[int]) -> Sequence[str | None]:
    keys = [_key(user_id) for user_id in user_ids]
    try:
        copies: Any = await aask(lambda redis: redis.mget(keys))
    except RedisAway:
        return [None] * len(keys)
    return list(copies)


_copies: Final = Batch(_read, limit=_SLICE)
