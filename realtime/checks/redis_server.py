"""What `manage.py check --deploy` finds in Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning

from accounts import redis_hosts
from accounts.redis import BOUNDS, RedisAway, ask
from realtime.checks.clocks import Clocks

OLDEST: Final = (6, 2)
"""What our scripts need: TIME and writes in one of them."""
FRAME: Final = 3 * 1024
"""Bytes of a long notification as it goes to a worker. One for each socket of a worker may wait at once, when all are told something."""
_NEAR: Final = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a Redis says of itself. `buffer` is client-output-buffer-limit; None: it does not tell."""

    version: str
    policy: str
    buffer: str | None


def check_redis(*, clocks: Clocks | None = None, **_: Any) -> list[CheckMessage]:
    """Everything that is wrong there."""
    found = [*_address(settings.SWITCHBOARD.redis_url), *check_layer()]
    clocks = clocks or Clocks()

    def question(client: redis.Redis) -> tuple[Facts, float]:
        with clocks.asking():
            seconds, micros = client.time()
        return _facts(client), seconds + micros / 1_000_000

    try:
        facts, told = ask(question)
    except RedisAway as error:
        away = f"Redis could not be asked: {str(error).rstrip('.')}."
        return [*found, Error(away, hint="See that it runs, and that REDIS_URL has its address and its password.", id="switchboard.E021")]
    return [*found, *judge(facts, sockets=settings.SWITCHBOARD.ws_max_sockets), *clocks.judge("Redis", told, "switchboard.E030")]


def check_layer() -> Iterator[CheckMessage]:
    """What is wrong with the hosts of LAYER_REDIS_URLS, which carry pushes and keep nothing."""
    for number, url in enumerate(settings.SWITCHBOARD.layer_redis_urls, 1):
        name = f"Host {number} of LAYER_REDIS_URLS"
        yield from _open(url, name)
        try:
            with redis_hosts.client({"address": url}, **BOUNDS, decode_responses=True) as client:
                facts = _facts(client)
        except (redis.RedisError, OSError) as error:
            away = f"{name} could not be asked: {str(error).rstrip('.')}."
            yield Error(away, hint="See that it runs, and that its address and its password are right.", id="switchboard.E021")
        else:
            yield from _buffer(facts, name, sockets=settings.SWITCHBOARD.ws_max_sockets)


def judge(facts: Facts, *, sockets: int) -> Iterator[CheckMessage]:
    """What is wrong with such a Redis, where a worker holds so many sockets (0: as many as it may)."""
    if tuple(int(part) for part in re.findall(r"\d+", facts.version)[:2]) < OLDEST:
        yield Error(f"Redis is {facts.version}: presence needs 6.2.", hint="Upgrade it.", id="switchboard.E022")
    if facts.policy != "noeviction":
        yield Error(
            f"Redis throws away what it likes when it is full (maxmemory-policy {facts.policy}): people would go offline, and limits would begin anew.",
            hint="Set maxmemory-policy noeviction, or give us a Redis of our own.",
            id="switchboard.E023",
        )
    yield from _buffer(facts, "Redis", sockets=sockets)


def _buffer(facts: Facts, name: str, *, sockets: int) -> Iterator[CheckMessage]:
    if facts.buffer is None:
        yield Info(
            f"{name} does not tell its client-output-buffer-limit (CONFIG GET is not allowed).",
            hint="See to it where it is configured: docs/operations.md says what it should be.",
            id="switchboard.I025",
        )
        return
    needed = (sockets or 10_000) * FRAME
    limits = re.search(r"pubsub (\d+) (\d+) (\d+)", facts.buffer)
    hard, soft, seconds = (int(each) for each in limits.groups()) if limits else (0, 0, 0)
    if 0 < hard < needed or (0 < soft < needed // 4 and seconds < 10):
        yield Error(
            f"{name} cuts a worker off that has {hard or soft} bytes to read, but a message to all of {sockets or 10_000} sockets may be {needed}.",
            hint=f'CONFIG SET client-output-buffer-limit "pubsub {needed} {needed // 4} 60", and write it into its configuration.',
            id="switchboard.E024",
        )


def _address(url: str) -> Iterator[CheckMessage]:
    if not url:
        yield Error(
            "REDIS_URL is missing: `serve` starts a private Redis, which the shop's processes and other machines cannot reach.",
            hint="Install Redis, and set REDIS_URL.",
            id="switchboard.E020",
        )
        return
    yield from _open(url, "Redis")


def _open(url: str, name: str) -> Iterator[CheckMessage]:
    parts = urlsplit(url)
    if parts.scheme == "redis" and not parts.password and not _NEAR.fullmatch(parts.hostname or ""):
        yield Warning(
            f"{name} is on another machine and asks for no password: whoever reaches it reads what people are told.",
            hint="Set requirepass or an ACL there, and rediss://:password@… here.",
            id="switchboard.W026",
        )


def _facts(client: redis.Redis) -> Facts:
    told: Any = client.info()
    try:
        buffer = client.config_get("client-output-buffer-limit")["client-output-buffer-limit"]
    except (redis.ResponseError, KeyError):
        buffer = None
    return Facts(version=str(told["redis_version"]), policy=str(told.get("maxmemory_policy", "noeviction")), buffer=buffer)
