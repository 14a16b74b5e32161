"""A worker that is full refuses sockets, and goes on with all that it has."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from accounts.models import User
from realtime.places import Places, open_files, raise_open_files, shortage
from tests.asgi import Handshake, counted_queries
from tests.contract.test_refusals import BELL, PATHS, expect
from tests.servers.fleet import Servers
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import PROTOCOL, HttpRefusal, Socket, connect, ending

# What follows `python` to have a worker with few files.
POOR = """
import resource, sys
from django.core.management import execute_from_command_line
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
execute_from_command_line(["manage.py", "serve", "--port", "0", "--workers", "1"])
"""


@pytest.fixture(scope="module")
def narrow(servers: Servers) -> Iterator[Site]:
    """A worker that holds one socket."""
    with servers.serve(env={"WS_MAX_SOCKETS": "1"}) as running:
        yield running


def only_one(site: Site, path: str, **how: Any) -> Socket:
    """The one socket that such a worker holds, as soon as the one before it is quite gone."""

    def opened() -> Socket | None:
        try:
            socket = connect(site.ws_url + path, **how)
        except HttpRefusal:
            return None
        if socket.until(lambda frame: frame["type"] in ("connected", "error"))["type"] == "connected":
            return socket
        socket.close()
        return None

    found = until(opened, what="there is a place")
    assert found is not None
    return found


@pytest.mark.parametrize("new", [False, True], ids=["old", "new"])
@pytest.mark.parametrize("path", PATHS)
def test_a_socket_too_many_is_refused_and_the_other_stays(narrow: Site, path: str, new: bool, mia: User, token: Callable[[User], str]) -> None:
    mine = token(mia)
    with only_one(narrow, path, token=mine, new=new) as first:
        for _ in range(2):
            expect(ending(narrow.ws_url + path, new=new, token=mine), path, "OVERLOADED", new=new)
        first.sync()


def test_there_is_room_again_when_a_socket_has_gone(narrow: Site, mia: User, token: Callable[[User], str]) -> None:
    mine = token(mia)
    for _ in range(3):
        only_one(narrow, BELL, token=mine).close()
    only_one(narrow, BELL, token=mine).hang_up()
    only_one(narrow, BELL, token=mine).close()


def test_a_request_is_answered_by_a_worker_that_is_full(narrow: Site, mia: User, token: Callable[[User], str]) -> None:
    with only_one(narrow, BELL, token=token(mia)):
        assert httpx.get(f"{narrow.url}/health/ready", timeout=30).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_a_worker_that_is_full_asks_no_database_before_it_refuses(
    path: str, mia: User, token: Callable[[User], str], monkeypatch: pytest.MonkeyPatch, flush: Callable[[], None]
) -> None:
    places = Places(1)
    places.take()
    monkeypatch.setattr("realtime.routing._places", places)
    mine = token(mia)
    flush()  # so that a handshake that is looked into costs a query
    with counted_queries() as queries:
        async with Handshake(path, subprotocols=[PROTOCOL], token=mine) as refused:
            pass
        assert (refused.ending.code, queries) == (4101, [])
        places.give_back()
        async with Handshake(path, subprotocols=[PROTOCOL], token=mine) as opened:
            await opened.until("connected")
        assert queries != []


def test_places_are_counted() -> None:
    places = Places(2)
    assert [places.take(), places.take(), places.take()] == [True, True, False]
    places.give_back()
    assert [places.take(), places.take()] == [True, False]
    assert all(Places(0).take() for _ in range(100))


def test_sockets_leave_files_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 2 * len(os.listdir("/proc/self/fd")) + 400  # this process may have run many tests before
    room = limit - min(256, limit // 4)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        places = Places(0)
        with ExitStack() as stack:
            taken = 0
            while places.take():
                stack.enter_context(Path("/dev/null").open())
                taken += 1
            assert 100 < taken <= room
            assert [stack.enter_context(Path("/dev/null").open()) for _ in range(90)], "which others may still open"
        assert places.take(), "when they are closed there is room again"
        assert f"takes about {room} sockets and not WS_MAX_SOCKETS={room + 1}" in shortage(room + 1)
        assert shortage(room) == ""
        raise_open_files()
        assert open_files() == hard if hard != resource.RLIM_INFINITY else open_files() > limit
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def poor(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A worker that may have 400 files open, started by a parent to which 200 were given and more allowed."""
    described = servers.serve(env={"WS_MAX_TABS_PER_USER": "0"})
    log = tmp_path_factory.mktemp("poor") / "log"
    with Site("-c", POOR.format(soft=200, hard=400), log=log, env=described.env) as running:
        yield running


def test_a_worker_that_is_out_of_files_refuses_sockets_and_fails_at_nothing_else(poor: Site, mia: User, token: Callable[[User], str]) -> None:
    mine, path = token(mia), "/api/v1/ws"
    with ExitStack() as stack:
        opened = []
        while True:
            socket = stack.enter_context(connect(poor.ws_url + path, token=mine, new=True))
            first = socket.until(lambda frame: frame["type"] in ("connected", "error"))
            if first["type"] == "error":
                break
            opened.append(socket)
        assert (first["error_code"], socket.ended()) == ("OVERLOADED", 4101)
        refused = 0
        while refused < 20:
            socket = stack.enter_context(connect(poor.ws_url + path, token=mine, new=True))
            first = socket.until(lambda frame: frame["type"] in ("connected", "error"))
            if first["type"] == "connected":  # a file that something else had has come free
                opened.append(socket)
            else:
                assert (first["error_code"], socket.ended()) == ("OVERLOADED", 4101)
                refused += 1
        assert 150 < len(opened) <= 300
        answer = httpx.get(f"{poor.url}/api/v1/notifications", headers={"Authorization": f"Bearer {mine}"}, timeout=30)
        assert (answer.status_code, json.loads(answer.content)["unread_count"]) == (200, 0)
        assert httpx.get(f"{poor.url}/health/ready", timeout=30).status_code == 200
        for socket in opened[::25]:
            socket.sync()
    assert "Too many open files" not in poor.log
    assert "A worker may have 400 files open, so it takes about 300 sockets and not WS_MAX_SOCKETS=10000" in poor.log
