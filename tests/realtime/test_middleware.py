"""A body that is too large is refused before anything of it is kept."""

import socket

import httpx
import pytest

LIMIT = 1024 * 1024


@pytest.fixture(params=["server", "daphne"])
def site(request):
    return request.getfixturevalue(request.param)


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(b"POST /api/v1/public/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{" % (LIMIT + 1))
        assert line.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_say_how_large_it_is_is_cut_at_the_limit(site):
    chunks = (b"x" * 64 * 1024 for _ in range(17))
    answer = httpx.post(f"{site.url}/api/v1/public/login", content=chunks, headers={"Content-Type": "application/json", "Accept-Language": "zh-CN"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["title"]) == ("TOO_LARGE", "请求体过大")


def test_a_body_within_the_limit_is_read(site):
    answer = httpx.post(f"{site.url}/api/v1/public/login", json={"username": "x" * (LIMIT - 100), "password": "…"})
    assert answer.status_code == 400
    assert "username" in answer.json()["errors"]
