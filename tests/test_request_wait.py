"""Whoever holds a connection without asking anything is not waited for, and what is kept of a request has an end."""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.servers.raw import REQUEST
from tests.servers.workers import Site, serving

WAIT = 1.0
ENV = {"DJANGO_SETTINGS_MODULE": "tests.servers.bare", "DATABASE_URL": "", "REQUEST_WAIT": str(WAIT)}
GET = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n12345"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(workers=1, log=tmp_path_factory.mktemp("serve") / "log", env=ENV) as running:
        yield running


@pytest.fixture
def peer(site: Site) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as opened:
        yield opened


def rest(peer: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    return b"".join(iter(lambda: peer.recv(65536), b""))


def answers(peer: socket.socket, count: int = 1) -> bytes:
    """So many whole answers: each ends with an empty chunk, and may come in several pieces."""
    came = b""
    while came.count(b"\r\n0\r\n\r\n") < count:
        came += (piece := peer.recv(65536))
        assert piece, came
    return came


def problem(peer: socket.socket) -> tuple[int, str]:
    """The status and the code of the only answer."""
    head, _, body = rest(peer).partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(body)["code"]


def test_a_connection_on_which_nothing_is_asked_is_closed_without_a_word(peer: socket.socket) -> None:
    assert rest(peer) == b""


def test_a_head_that_comes_byte_by_byte_is_given_up(peer: socket.socket) -> None:
    peer.sendall(GET[:10])
    time.sleep(WAIT / 2)  # not a condition: the time is what this is about
    peer.sendall(GET[10:20])
    assert problem(peer) == (408, "TIMEOUT")


def test_a_body_that_does_not_come_is_given_up(peer: socket.socket) -> None:
    peer.sendall(POST)
    assert problem(peer) == (408, "TIMEOUT")


def test_a_head_without_an_end_is_refused(peer: socket.socket) -> None:
    peer.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + 70_000 * b"x")
    assert problem(peer) == (431, "HEAD_TOO_LARGE")


def test_what_is_no_http_is_refused_with_a_problem_document(peer: socket.socket) -> None:
    peer.sendall(b"EHLO mail.example\r\n\r\n")
    assert problem(peer) == (400, "INVALID_REQUEST")


def test_a_later_request_has_as_long_as_the_first(peer: socket.socket) -> None:
    peer.sendall(GET)
    assert answers(peer).startswith(b"HTTP/1.1 ")
    peer.sendall(GET[:10])
    assert problem(peer) == (408, "TIMEOUT")


def test_two_requests_in_one_go_are_both_answered_and_the_connection_can_be_used_again(peer: socket.socket) -> None:
    peer.sendall(GET + GET)
    assert answers(peer, 2).count(b"HTTP/1.1 ") == 2
    peer.sendall(GET)
    assert answers(peer).startswith(b"HTTP/1.1 ")


def test_a_socket_is_no_request_that_has_to_end(peer: socket.socket) -> None:
    peer.sendall(REQUEST.format(path="/", more="").encode())
    assert b" 101 " in peer.recv(65536)
    peer.settimeout(1.5 * WAIT)
    with pytest.raises(TimeoutError):
        rest(peer)
