"""Who is looking at a session: agents, by the socket that has it open, for as long as the socket says so."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from redis import Redis

from accounts.groups import publish, user_group
from accounts.models import User
from accounts.redis import ask
from notifications.wire import encode
from realtime.chat.events import SUPPORT, Looking, LookingData, Person
from realtime.chat.models import Session

_KEY: Final = "switchboard:looking:{}"
_BEATS: Final = 3
"""Heartbeats for which a socket that has said nothing more still counts: its worker may have died."""


def look(session: Session, user_id: int, connection_id: str) -> frozenset[int]:
    """This socket has the session open, still or from now on; returns who has. Raises RedisAway."""
    return _change(session.pk, f"{user_id} {connection_id}", there=True)


def turn_away(session: Session, user_id: int, connection_id: str) -> frozenset[int]:
    """It has it open no more; returns who has. Raises RedisAway."""
    return _change(session.pk, f"{user_id} {connection_id}", there=False)


def tell(session: Session, looking: Iterable[int]) -> None:
    """Say who looks to those who do and to the session's agent."""
    users = {user.pk: user for user in User.objects.filter(pk__in=list(looking))}
    agents = [Person(user_id=user.pk, name=user.shown_name) for user in sorted(users.values(), key=lambda user: user.pk)]
    frame = encode(Looking(data=LookingData(session_id=session.public_id, agents=agents)))
    told = set(users) | ({session.agent_id} if session.agent_id else set())
    publish((user_group(user), {"type": "aside", "topic": SUPPORT, "frame": frame}) for user in sorted(told))


def _change(session: int, member: str, *, there: bool) -> frozenset[int]:
    key, now = _KEY.format(session), time.time()
    life = _BEATS * settings.SWITCHBOARD.ws_heartbeat_interval

    def question(redis: Redis) -> list[str]:
        with redis.pipeline() as steps:
            steps.zremrangebyscore(key, "-inf", now)
            if there:
                steps.zadd(key, {member: now + life})
            else:
                steps.zrem(key, member)
            steps.expire(key, int(life) + 1)
            steps.zrange(key, 0, 199)
            found: list[str] = steps.execute()[-1]
        return found

    return frozenset(int(each.split()[0]) for each in ask(question))
