"""A crowd that comes at once, as when another worker has died: everybody is let in and greeted, whatever Redis knows."""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator

import pytest
import redis as redis_py

from accounts.models import User
from tests.servers.fleet import Servers
from tests.servers.raw import RawSocket
from tests.servers.redis import PrivateRedis
from tests.servers.workers import Site

CROWD = 500
FEW = 10
"""Connections to Redis that a worker opens for a crowd, however many come."""


@pytest.fixture(scope="module")
def site(servers: Servers) -> Iterator[Site]:
    with servers.serve(workers=1) as running:
        yield running


@pytest.fixture
def crowd(db: None) -> list[User]:
    name = secrets.token_hex(4)
    return User.objects.bulk_create([User(username=f"{name}-{number}", display_name=f"Nr. {number}") for number in range(CROWD)])


@pytest.mark.parametrize("state", ["as it is", "emptied", "frozen"])
def test_nobody_of_a_crowd_is_refused_or_forgotten(
    site: Site, crowd: list[User], token: Callable[[User], str], redis: PrivateRedis, flush: Callable[[], None], state: str
) -> None:
    (worker,) = site.workers()
    before = clients(redis)
    if state == "emptied":
        flush()
    sockets = []
    os.kill(worker, signal.SIGSTOP)  # so that all are there when it looks
    try:
        if state == "frozen":
            redis.freeze()
        sockets += [RawSocket(site.port, f"/api/ws/notifications?token={token(user)}") for user in crowd]
        os.kill(worker, signal.SIGCONT)
        greeted = []
        for socket in sockets:
            assert socket.shake_hands().split()[1] == "101"
            _text, payload = socket.receive()
            greeted.append(json.loads(payload)["data"]["user_id"])
        assert greeted == [user.pk for user in crowd]
    finally:
        os.kill(worker, signal.SIGCONT)
        redis.thaw()
        for socket in sockets:
            socket.sock.close()
    assert clients(redis) <= before + FEW


def clients(redis: PrivateRedis) -> int:
    with redis_py.Redis.from_url(redis.url) as client:
        return int(client.info("clients")["connected_clients"])
