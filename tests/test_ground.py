"""The ground that the tests stand on does what it says, and says what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from websockets.sync.server import ServerConnection, serve

from accounts.models import User
from tests import cast
from tests.conftest import pytest_collection_modifyitems
from tests.servers.fleet import complaints
from tests.servers.workers import CHECKOUT, Site, surroundings
from tests.sockets import Socket, connect, ending

LOOK = "import django, sys; django.setup(); from accounts.models import User; print(User.objects.get(pk=sys.argv[1]).username)"


def test_what_a_test_writes_is_committed_and_seen_by_another_process(mia: User) -> None:
    assert not connection.in_atomic_block
    command = [sys.executable, "-c", LOOK, str(mia.pk)]
    seen = subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **surroundings()}, capture_output=True, text=True, timeout=60, check=True)
    assert seen.stdout.strip() == mia.username


def test_everybody_of_the_cast_is_made_anew_and_can_log_in_with_the_password(mia: User) -> None:
    another = cast.member("mia")
    assert another.username != mia.username
    assert another.shown_name == mia.shown_name == "Mia"
    assert mia.check_password(cast.PASSWORD)
    assert not cast.customer().check_password(cast.PASSWORD)


def test_a_test_that_would_be_rolled_back_is_refused(request: pytest.FixtureRequest) -> None:
    pytest_collection_modifyitems(request.config, [request.node])
    request.node.add_marker("django_db")
    with pytest.raises(pytest.UsageError, match=r"ask for the fixture `db` instead.*rolled_back"):
        pytest_collection_modifyitems(request.config, [request.node])


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "Task exception was never retrieved",
        "GET /ws/chat?token=abc",
        "GET /ws/chat?since=1&ticket=abc",
        "refused eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoxfQ.c2lnbmF0dXJl",
        "Authorization: Bearer abcdefghijklmnop",
        "offered bearer.abcdefghijklmnop",
        "key sk_0123456789abcdef",
        f"login of mia with {cast.PASSWORD}",
    ],
)
def test_a_traceback_and_a_credential_in_a_log_are_found(line: str) -> None:
    assert complaints(f"before\n{line}\nafter") == [f"before\n{line}\nafter"]


@pytest.mark.parametrize(
    "line", ["GET /api/v1/ws 101", "a token was refused: it has expired", "Unauthorized: /api/v1/token", "Bearer token missing", "ticket=", ""]
)
def test_a_harmless_line_in_a_log_is_not_complained_of(line: str) -> None:
    assert complaints(line) == []


# The client of the sockets


@pytest.fixture
def talker() -> Iterator[Callable[..., Socket]]:
    """`talker()`: a socket whose server says hello, then what it is told, and closes with 4001 on `bye`."""

    def talk(peer: ServerConnection) -> None:
        peer.send('{"type": "hello", "data": {"n": 1}}')
        for text in peer:
            if text == "bye":
                peer.close(4001, "so long")
            else:
                peer.send(text)

    with serve(talk, "127.0.0.1", 0) as server:
        port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield lambda: connect(f"ws://127.0.0.1:{port}/")
        server.shutdown()
        thread.join()


def test_what_does_not_come_fails_by_its_deadline_and_shows_what_came(talker: Callable[..., Socket]) -> None:
    with talker() as socket:
        begin = time.monotonic()
        with pytest.raises(AssertionError, match=r"goodbye: not within 0.2 s. What arrived \(1 frames") as failure:
            socket.until("goodbye", seconds=0.2)
        assert time.monotonic() - begin < 5
        assert '{"type": "hello", "data": {"n": 1}}' in str(failure.value)
        with pytest.raises(AssertionError, match=r"still open after 0.1 s"):
            socket.ended(seconds=0.1)


def test_a_close_is_a_value_and_shows_in_a_failure(talker: Callable[..., Socket]) -> None:
    with talker() as socket:
        socket.send("bye")
        with pytest.raises(AssertionError, match=r"closed before it came(.|\n)*Closed with 4001 'so long'"):
            socket.until("goodbye")
        assert (socket.ended(), socket.reason) == (4001, "so long")
        assert [frame["type"] for frame in socket.frames] == ["hello"]


def test_a_frame_is_returned_once(talker: Callable[..., Socket]) -> None:
    with talker() as socket:
        for number in range(3):
            socket.send({"type": "echo", "n": number})
        assert [frame["n"] for frame in socket.take(2, "echo")] == [0, 1]
        assert socket.until(lambda frame: "n" in frame)["n"] == 2
        assert len(socket.frames) == 4


def test_a_refusal_by_http_is_a_value(server: Site) -> None:
    refused = ending(f"{server.ws_url}/api/ws/notifications")
    assert (refused.status, refused.json["error_code"]) == (401, "MISSING_TOKEN")
