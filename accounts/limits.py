"""How often something may be done: counted in Redis, for all workers together.

A limit of 10 a minute allows ten at once, then one every six seconds: what is kept per name and key
is only the moment at which all of it will be allowed again. Without Redis nobody is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.addresses import client_address, neighbourhood
from accounts.redis import RedisAway, aask, ask

if TYPE_CHECKING:  # the framework imports these classes while it imports its views
    from rest_framework.views import APIView

Rate = tuple[int, float]
"""How many, in how many seconds. A count of 0 means no limit."""

# One try costs `window / count` milliseconds of a credit of `window`. Returns 0, or how long to wait.
_HIT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cost, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local free_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + cost
local wait = free_at - window - now
if wait > 0 then
  return math.ceil(wait)
end
redis.call('SET', KEYS[1], string.format('%.3f', free_at), 'PX', math.ceil(free_at - now))
return 0
"""


def hit(name: str, key: object, rate: Rate) -> float | None:
    """Count one try. Returns None if it is allowed, else how many seconds to wait; a refused try costs nothing."""
    if not rate[0]:
        return None
    try:
        wait: Any = ask(lambda redis: redis.eval(_HIT, 1, *_arguments(name, key, rate)))
    except RedisAway:
        return None
    return wait / 1000 if wait else None


async def ahit(name: str, key: object, rate: Rate) -> float | None:
    """The same from a coroutine."""
    if not rate[0]:
        return None
    try:
        wait: Any = await aask(lambda redis: redis.eval(_HIT, 1, *_arguments(name, key, rate)))
    except RedisAway:
        return None
    return wait / 1000 if wait else None


def _arguments(name: str, key: object, rate: Rate) -> tuple[str, str, str]:
    count, window = rate
    return f"switchboard:limit:{name}:{key}", f"{window * 1000 / count:.6f}", f"{window * 1000:.3f}"


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
