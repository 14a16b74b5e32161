"""Presence in Redis, asked by a worker and by plain code. Each step is one call of presence.lua."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from accounts.redis import BOUNDS, RedisAway, aask, ask, breaker
from accounts.redis_hosts import aclient

PREFIX: Final = "switchboard:presence:"
PAGE: Final = 500
"""Connections, people or orders of one step: Redis does nothing else meanwhile, for some milliseconds."""

OFFLINE: Final = "offline"
ONLINE: Final = "online"

_SCRIPT: Final = Path(__file__).with_name("presence.lua").read_text()
_SHA: Final = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


class Change(NamedTuple):
    """What is to be told of somebody. `kind`: online, offline, status, or mode (of whom is told what).

    `who` is "p:<user>" for members and agents and "c:<user>" for customers; `at` is Unix time in milliseconds.
    """

    version: int
    kind: str
    who: str
    status: str
    at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step says, and how things stand after it.

    `online` counts members and agents. `young`: this Redis has lost its memory or was away a moment ago, so that who is
    not in it may still be here.
    """

    era: str
    version: int
    online: int
    mode: str
    young: bool
    changes: list[Change]
    wake: list[str]
    said: dict[str, Any]

    @classmethod
    def decode(cls, text: str) -> Answer:
        said = json.loads(text)
        changes = [Change(*each) for each in said.pop("changes")]
        return cls(changes=changes, wake=list(said.pop("wake")), **{name: said.pop(name) for name in ("era", "version", "online", "mode", "young")}, said=said)


class Line:
    """One worker's connection. It is the only one, so a restart of Redis cannot pass unseen: the next step fails."""

    def __init__(self) -> None:
        bounds = {**BOUNDS, "max_connections": 1}
        self._client = aclient({"address": settings.REDIS_URL}, single=True, **bounds, decode_responses=True, retry=Retry(NoBackoff(), 0))

    async def step(self, operation: str, **job: Any) -> Answer:
        """Do one step. Raises RedisAway; what was asked may have been done then, or not."""
        breaker.check()
        try:
            text = await _ask(self._client, operation, job)
        # KeyError is redis-py's for a connection that was dropped here while another step waited for its answer.
        except (redis.RedisError, OSError, KeyError) as error:
            await self.close()
            raise RedisAway(str(error)) from error
        return Answer.decode(text)

    async def close(self) -> None:
        """Drop the connection; the next step makes another."""
        try:
            await self._client.aclose()
        except (redis.RedisError, OSError):
            pass


def step(operation: str, **job: Any) -> Answer:
    """The same from plain code. Raises RedisAway."""

    def question(client: redis.Redis) -> Any:
        words = _words(operation, job)
        try:
            return client.evalsha(_SHA, 1, PREFIX, *words)
        except redis.exceptions.NoScriptError:
            client.script_load(_SCRIPT)
            return client.evalsha(_SHA, 1, PREFIX, *words)

    return Answer.decode(ask(question))


async def astep(operation: str, **job: Any) -> Answer:
    """The same from a coroutine that is no worker's own. Raises RedisAway."""

    return Answer.decode(await aask(lambda client: _ask(client, operation, job)))


def workers() -> list[str]:
    """The workers whose leases last. Raises RedisAway."""

    def question(client: redis.Redis) -> list[str]:
        seconds, micros = client.time()
        found: Any = client.zrangebyscore(f"{PREFIX}workers", seconds * 1000 + micros / 1000, "+inf")
        return [str(worker) for worker in found]

    return ask(question)


def who(user_id: int, *, customer: bool) -> str:
    """How somebody is called in there."""
    return f"{'c' if customer else 'p'}:{user_id}"


async def _ask(client: redis.asyncio.Redis, operation: str, job: dict[str, Any]) -> str:
    words = _words(operation, job)
    try:
        answer = await client.evalsha(_SHA, 1, PREFIX, *words)
    except redis.exceptions.NoScriptError:
        await client.script_load(_SCRIPT)
        answer = await client.evalsha(_SHA, 1, PREFIX, *words)
    return str(answer)


def _words(operation: str, job: dict[str, Any]) -> tuple[str, str, str]:
    options = settings.SWITCHBOARD
    rules = {
        "lease": _ms(options.presence_lease),
        "grace": _ms(options.presence_grace),
        "quiet": _ms(options.presence_quiet),
        "remember": _ms(options.presence_choice_life),
        "limit": options.presence_broadcast_limit,
        "again": options.presence_broadcast_again,
        "page": PAGE,
    }
    return operation, json.dumps(rules), json.dumps(job)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
