"""Who is here, for your own Python code: `from realtime.presence import manager`.

Everything here asks Redis, and raises `accounts.redis.RedisAway` where it does not answer: then it is
not known who is here. Right after Redis has lost its memory an answer may take up to three seconds.
A coroutine calls the functions that begin with `a`.
"""

from __future__ import annotations

from accounts.redis import RedisAway
from realtime.presence import services
from realtime.presence.services import MOST
from realtime.presence.store import OFFLINE, Answer

__all__ = [
    "RedisAway",
    "aget_online_count",
    "aget_online_users",
    "aget_user_connections_count",
    "ais_user_online",
    "get_online_count",
    "get_online_users",
    "get_user_connections_count",
    "is_user_online",
]

_KINDS = "pc"  # members and agents, then customers: who asks has a number only


def get_online_count() -> int:
    """How many members and agents are online, those apart who appear offline. Raises RedisAway."""
    return services.ask("stand").online


async def aget_online_count() -> int:
    """The same from a coroutine."""
    return (await services.aask("stand")).online


def get_online_users(limit: int = MOST) -> list[int]:
    """The numbers of those members and agents, who came last first; at most `limit` (1 to 1,000). Raises RedisAway, ValueError."""
    return _users(services.ask("online", limit=_checked(limit)))


async def aget_online_users(limit: int = MOST) -> list[int]:
    """The same from a coroutine."""
    return _users(await services.aask("online", limit=_checked(limit)))


def is_user_online(user_id: int) -> bool:
    """Whether a user, a customer too, is online and does not appear offline. Somebody unknown is not. Raises RedisAway."""
    return any(_told(services.ask("look", kind=kind, users=[str(user_id)]))[0] != OFFLINE for kind in _KINDS)


async def ais_user_online(user_id: int) -> bool:
    """The same from a coroutine."""
    for kind in _KINDS:
        if _told(await services.aask("look", kind=kind, users=[str(user_id)]))[0] != OFFLINE:
            return True
    return False


def get_user_connections_count(user_id: int) -> int:
    """How many connections a user has over all workers; 0 if it appears offline. Raises RedisAway."""
    return sum(_told(services.ask("look", kind=kind, users=[str(user_id)]))[1] for kind in _KINDS)


async def aget_user_connections_count(user_id: int) -> int:
    """The same from a coroutine."""
    return sum([_told(await services.aask("look", kind=kind, users=[str(user_id)]))[1] for kind in _KINDS])


def _checked(limit: int) -> int:
    if not 1 <= limit <= MOST:
        raise ValueError(f"limit must be from 1 to {MOST}, not {limit}")
    return limit


def _users(answer: Answer) -> list[int]:
    return [int(user) for user, *_ in answer.said["people"]]


def _told(answer: Answer) -> tuple[str, int]:
    [(told, count)] = answer.said["people"]
    return told, count
