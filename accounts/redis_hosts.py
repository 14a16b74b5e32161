"""A Redis as its address names it: at a place of its own, or the master that Sentinels know.

    redis://host:6379/0, rediss://… (TLS), unix:///path
    sentinel://user:password@host:26379,host:26379/master/0, sentinels://… (TLS, to the Sentinels, too)

In the last, user, password and number of the database are the master's; the Sentinels' own come as
`?sentinel_username=…&sentinel_password=…`, beside the arguments that redis-py takes in an address.
Sentinels are asked anew for each connection, so whoever loses its connection finds the new master.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import redis.asyncio
from channels_redis.utils import create_pool
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

SENTINEL: Final = ("sentinel", "sentinels")
"""Schemes of an address that names Sentinels; with TLS the second."""
_PORT: Final = 26379


def client(host: Mapping[str, Any], **more: Any) -> redis.Redis:
    """A client for plain code, for an entry of `hosts` in each form that channels-redis takes. `more` are arguments of its connections."""
    host = {**more, **_bounded(host, Retry(NoBackoff(), 0))}
    if "address" in host:
        return redis.Redis.from_url(host.pop("address"), **host)
    if "master_name" in host:
        sentinel: Any = Sentinel  # its functions are not typed
        master: redis.Redis = sentinel(host.pop("sentinels"), sentinel_kwargs=host.pop("sentinel_kwargs", None)).master_for(host.pop("master_name"), **host)
        return master
    return redis.Redis(**host)


def aclient(host: Mapping[str, Any], *, single: bool = False, **more: Any) -> redis.asyncio.Redis:
    """The same for an event loop. `single`: all is asked over one connection."""
    pool = create_pool({**more, **_bounded(host, AsyncRetry(NoBackoff(), 0))})
    made = redis.asyncio.Redis(connection_pool=pool, single_connection_client=single)
    made.auto_close_connection_pool = True  # nobody else has it
    return made


async def aclose(client: redis.asyncio.Redis) -> None:
    """Close an `aclient` for good, with what it has open to Sentinels."""
    await client.aclose(close_connection_pool=True)
    if sentinels := getattr(client.connection_pool, "sentinel_manager", None):
        await sentinels.aclose()


def sentinels(address: str) -> dict[str, Any]:
    """The entry of `hosts` that an address with Sentinels stands for. Raises ValueError."""
    parts = urlsplit(address)
    person, at, places = parts.netloc.rpartition("@")
    name, slash, database = parts.path.removeprefix("/").partition("/")
    if parts.scheme not in SENTINEL or not name or (slash and not database.isdecimal()):
        raise ValueError(address)
    tls = parts.scheme == SENTINEL[1]
    read: Any = parse_url  # is not typed
    given = read(f"redis://{person}{at}master/{database}?{parts.query}")
    given.pop("host")
    own: Any = {word: given.pop(f"sentinel_{word}") for word in ("username", "password") if f"sentinel_{word}" in given}
    if tls:
        given["ssl"] = True
        own |= {word: value for word, value in given.items() if word.startswith("ssl")}
    return {**given, "sentinels": [_place(each) for each in places.split(",")], "master_name": name, "sentinel_kwargs": own}


def _place(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port == 0 or parts.path:
        raise ValueError(text)
    return parts.hostname, parts.port or _PORT


def _bounded(host: Mapping[str, Any], never_again: Any) -> dict[str, Any]:
    """An entry whose Sentinels are bounded in time so that all are asked within REDIS_TIMEOUT.

    redis-py asks one after the other, and spends seconds on each that is down. `never_again` is its
    policy of no retries, which is another for each kind of client.
    """
    host = dict(host)
    if urlsplit(str(host.get("address", ""))).scheme in SENTINEL:
        host |= sentinels(host.pop("address"))
    if "sentinels" in host:
        share = settings.SWITCHBOARD.redis_timeout / (len(host["sentinels"]) + 1)
        host["sentinel_kwargs"] = {"socket_timeout": share, "socket_connect_timeout": share, "retry": never_again, **(host.get("sentinel_kwargs") or {})}
        host.setdefault("retry", never_again)
    return host
