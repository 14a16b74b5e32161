"""Whoever tells a user something, and wherever: the user's sockets on every worker have it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from accounts.models import User
from notifications.services import notify
from tests.servers.fleet import Servers
from tests.servers.workers import CHECKOUT, Site, surroundings
from tests.sockets import Socket, connect

SPEAKER = """
import django, sys
django.setup()
from notifications.services import notify
notify(users=int(sys.argv[1]), type="system", title=sys.argv[2], message="from another process")
"""


def worker_of(socket: Socket) -> int:
    """The process that holds this socket: a connection's id begins with it."""
    return int(socket.frames[0]["data"]["connection_id"].partition("-")[0])


@pytest.fixture(scope="module")
def server(servers: Servers) -> Iterator[Site]:
    """Two workers whose heartbeats are so far apart that only a push can bring what a test waits for."""
    with servers.serve(workers=2, env={"WS_HEARTBEAT_INTERVAL": "600"}) as running:
        yield running


@pytest.fixture
def on_both(server: Site, token: Callable[[User], str]) -> Iterator[Callable[[User], list[Socket]]]:
    """`on_both(mia)`: sockets of that user, one on each worker. The kernel decides which worker takes a connection, so we try."""
    with ExitStack() as opened:

        def on_both(user: User) -> list[Socket]:
            found: dict[int, Socket] = {}
            for _ in range(200):
                socket = opened.enter_context(connect(server.ws_url + "/api/ws/notifications", token=token(user), new=True))
                socket.until("connected")
                if found.setdefault(worker_of(socket), socket) is not socket:
                    socket.close()
                if len(found) == 2:
                    assert set(found) == set(server.workers())
                    return list(found.values())
            raise AssertionError(f"all sockets went to {set(found)} of {server.workers()}")

        yield on_both


def titles(socket: Socket, count: int) -> list[str]:
    return [frame["data"]["title"] for frame in socket.take(count, "notification")]


def test_a_notification_from_another_process_reaches_the_sockets_on_both_workers(on_both: Callable[[User], list[Socket]], mia: User) -> None:
    sockets = on_both(mia)
    env = {**os.environ, **surroundings()}
    subprocess.run([sys.executable, "-c", SPEAKER, str(mia.pk), "hello"], cwd=CHECKOUT, env=env, check=True, timeout=60)
    assert [titles(socket, 1) for socket in sockets] == [["hello"], ["hello"]]


def test_a_notification_over_rest_reaches_the_sockets_on_both_workers_and_nobody_elses(
    on_both: Callable[[User], list[Socket]], server: Site, mia: User, eve: User, admin: User, token: Callable[[User], str]
) -> None:
    with connect(server.ws_url + "/api/ws/notifications", token=token(eve)) as eves:
        eves.until("connected")
        sockets = on_both(mia)
        body = {"user_id": mia.pk, "type": "system", "title": "over REST", "message": "to mia"}
        response = httpx.post(server.url + "/api/v1/notifications", json=body, headers={"Authorization": f"Bearer {token(admin)}"}, timeout=30)
        assert response.status_code == 201, response.text
        assert [titles(socket, 1) for socket in sockets] == [["over REST"], ["over REST"]]
        notify(users=eve, type="system", title="to eve", message="a later one")
        assert titles(eves, 1) == ["to eve"]
        assert [frame["type"] for frame in eves.frames] == ["connected", "notification"]


def test_all_sockets_see_the_same_numbers_whoever_sends(on_both: Callable[[User], list[Socket]], mia: User) -> None:
    sockets = on_both(mia)
    words = [f"word {number}" for number in range(50)]
    for word in words:
        notify(users=mia, type="system", title=word, message=word)
    for socket in sockets:
        frames = socket.take(50, "notification")
        assert [(frame["seq"], frame["data"]["title"]) for frame in frames] == list(enumerate(words, start=1))


def test_what_one_socket_reads_the_other_worker_is_told(on_both: Callable[[User], list[Socket]], server: Site, mia: User, token: Callable[[User], str]) -> None:
    sockets = on_both(mia)
    (told,) = notify(users=mia, type="system", title="read me", message="please")
    headers = {"Authorization": f"Bearer {token(mia)}"}
    response = httpx.patch(f"{server.url}/api/v1/notifications/{told.pk}", json={"status": "read"}, headers=headers)
    assert response.status_code == 200, response.text
    for socket in sockets:
        state = socket.until("notification_state")
        assert state["data"] == {"ids": [told.pk], "all_up_to": None, "status": "read", "unread_count": 0, "as_of": state["seq"]}
