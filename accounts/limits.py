"""How often something may be done: counted in Redis, for all workers together.

A limit of 10 a minute allows ten at once, then one every six seconds: what is kept per name and key
is only the moment at which all of it will be allowed again. Without Redis nobody is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.addresses import client_address, neighbourhood
from accounts.batches import Batch
from accounts.counting import Counter
from accounts.redis import RedisAway, aask, ask

if TYPE_CHECKING:  # the framework imports these classes while it imports its views
    from rest_framework.views import APIView

LIMITED: Final = Counter("switchboard_rate_limited_total", "What was refused because there was too much of it, by limit.", "limit")

Rate = tuple[int, float]
"""How many, in how many seconds. A count of 0 means no limit."""

# One try costs `window / count` milliseconds of a credit of `window`. Returns 0, or how long to wait, for each key.
_HIT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waits = {}
for i, key in ipairs(KEYS) do
  local cost, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local free_at = math.max(tonumber(redis.call('GET', key) or now), now) + cost
  local wait = free_at - window - now
  if wait > 0 then
    waits[i] = math.ceil(wait)
  else
    redis.call('SET', key, string.format('%.3f', free_at), 'PX', math.ceil(free_at - now))
    waits[i] = 0
  end
end
return waits
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    """One try. Two of the same kind are two, so they are told apart."""

    name: str
    key: object
    rate: Rate


def hit(name: str, key: object, rate: Rate) -> float | None:
    """Count one try. Returns None if it is allowed, else how many seconds to wait; a refused try costs nothing."""
    if not rate[0]:
        return None
    try:
        waits: Any = ask(partial(_ask, [_Try(name, key, rate)]))
    except RedisAway:
        return None
    return _waiting(name, waits[0])


async def ahit(name: str, key: object, rate: Rate) -> float | None:
    """The same from a coroutine, together with what others of this worker try just now."""
    return await _tries.ask(_Try(name, key, rate)) if rate[0] else None


async def _work(tries: Sequence[_Try]) -> Sequence[float | None]:
    try:
        waits: Any = await aask(partial(_ask, tries))
    except RedisAway:
        return [None] * len(tries)
    return [_waiting(each.name, wait) for each, wait in zip(tries, waits, strict=True)]


def _waiting(name: str, milliseconds: int) -> float | None:
    if not milliseconds:
        return None
    LIMITED.add(name)
    return milliseconds / 1000


_tries: Final = Batch(_work, limit=500, at_once=2)


def _ask(tries: Sequence[_Try], redis: Any) -> Any:
    keys = [f"switchboard:limit:{each.name}:{each.key}" for each in tries]
    costs = [text for each in tries for text in (f"{each.rate[1] * 1000 / each.rate[0]:.6f}", f"{each.rate[1] * 1000:.3f}")]
    return redis.eval(_HIT, len(keys), *keys, *costs)


def caller(kind: type, pk: object) -> str:
    """What the calls of one user or service key are counted under, for a limit that more than REST calls share."""
    return f"{kind.__name__}-{pk}"


class PerAddress(BaseThrottle):
    """At most `RATE_…` requests per address. A subclass names the option."""

    option: ClassVar[str]

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = self.key(request)
        self._wait = None if key is None else hit(self.option, key, getattr(settings.SWITCHBOARD, self.option))
        return self._wait is None

    def key(self, request: Request) -> object | None:
        """What is counted together; None: not counted."""
        return neighbourhood(client_address(request))

    def wait(self) -> float | None:
        return self._wait


class PerUser(PerAddress):
    """The same per user or service key."""

    def key(self, request: Request) -> object | None:
        return caller(type(request.user), request.user.pk)


class Logins(PerAddress):
    option = "rate_login"


class CustomersMade(PerAddress):
    option = "rate_customers"


class Tickets(PerUser):
    option = "rate_ticket"
