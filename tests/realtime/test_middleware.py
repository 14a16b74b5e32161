"""A body that is too large is refused before anything of it is kept, and no more requests are worked on than there are places."""

import asyncio
import json
import socket

import httpx
import pytest
from django.conf import settings
from django.db import connection

from realtime.middleware import BoundedRequests

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
    answer = httpx.post(f"{site.url}/api/v1/public/login", content=chunks, headers={"Content-Type": "application/json", "Accept-Language": "zh-CN"}, timeout=30)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["title"]) == ("TOO_LARGE", "请求体过大")


def test_a_body_within_the_limit_is_read(site):
    answer = httpx.post(f"{site.url}/api/v1/public/login", json={"username": "x" * (LIMIT - 100), "password": "…"}, timeout=30)
    assert answer.status_code == 400
    assert "username" in answer.json()["errors"]


class Desk:
    """An application that works on each request until `done`, and then sends two parts."""

    def __init__(self):
        self.working = self.most = self.finished = 0
        self.done = asyncio.Event()
        self.news = asyncio.Condition()

    async def until(self, working):
        """Wait until it works on so many."""
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(lambda: self.working == working)

    async def __call__(self, scope, receive, send):
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
        self.working += 1
        self.most = max(self.most, self.working)
        async with self.news:
            self.news.notify_all()
        await self.done.wait()
        self.working -= 1
        if scope["path"] == "/crash":
            raise RuntimeError("meant to happen")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        self.finished += 1


class Visitor:
    """One request. `arrive` lets the rest of it arrive, `read` takes the answer."""

    def __init__(self, application, path="/", *, arrives=True, reads=True):
        self.sent = []
        self.arrive, self.read, self.answered = asyncio.Event(), asyncio.Event(), asyncio.Event()
        for event, at_once in ((self.arrive, arrives), (self.read, reads)):
            if at_once:
                event.set()
        self.task = asyncio.create_task(application({"type": "http", "path": path, "headers": [(b"accept-language", b"zh-CN")]}, self._receive, self._send))

    @property
    def status(self):
        return self.sent[0]["status"]

    async def _receive(self):
        await self.arrive.wait()
        return {"type": "http.request", "body": b""}

    async def _send(self, message):
        self.answered.set()
        if message["type"] == "http.response.body":
            await self.read.wait()
        self.sent.append(message)


async def test_no_more_requests_are_worked_on_than_there_are_places():
    desk = Desk()
    application = BoundedRequests(desk, limit=2)
    visitors = [Visitor(application) for _ in range(5)]
    await desk.until(working=2)
    desk.done.set()
    await asyncio.gather(*(visitor.task for visitor in visitors))
    assert [visitor.status for visitor in visitors] == [200] * 5
    assert desk.most == 2


async def test_who_waits_too_long_for_a_place_is_asked_to_come_back():
    desk = Desk()
    application = BoundedRequests(desk, limit=1, patience=0.05)
    first, second = Visitor(application), Visitor(application)
    await second.task
    start, body = second.sent
    headers, document = dict(start["headers"]), json.loads(body["body"])
    assert (start["status"], document["code"], document["title"]) == (503, "DEPENDENCY_DOWN", "所依赖的服务没有响应")
    assert int(headers[b"retry-after"]) >= 1
    desk.done.set()
    await first.task
    assert (first.status, desk.finished) == (200, 1)


async def test_who_sends_slowly_or_reads_slowly_has_no_place():
    desk = Desk()
    desk.done.set()
    application = BoundedRequests(desk, limit=1)
    sends_slowly, reads_slowly = Visitor(application, arrives=False), Visitor(application, reads=False)
    await asyncio.wait_for(reads_slowly.answered.wait(), 10)
    for _ in range(3):
        await asyncio.wait_for(Visitor(application).task, 10)
    assert not sends_slowly.sent
    assert not reads_slowly.task.done()
    sends_slowly.arrive.set()
    reads_slowly.read.set()
    await asyncio.gather(sends_slowly.task, reads_slowly.task)
    assert desk.finished == 5


async def test_a_request_that_crashes_leaves_its_place():
    desk = Desk()
    desk.done.set()
    application = BoundedRequests(desk, limit=1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="meant"):
            await Visitor(application, "/crash").task
    await asyncio.wait_for(Visitor(application).task, 10)
    assert desk.finished == 1


async def test_a_path_that_needs_no_place_does_not_wait():
    desk = Desk()
    application = BoundedRequests(desk, limit=1, needless={"/health/live"})
    visitors = [Visitor(application), Visitor(application, "/health/live"), Visitor(application, "/health/live/")]
    await desk.until(working=3)
    desk.done.set()
    await asyncio.gather(*(visitor.task for visitor in visitors))


def test_a_request_keeps_no_database_connection_while_its_answer_is_read(api, mia):
    # The test client leaves out what Django does when an answer has been taken.
    assert api(mia).get("/api/v1/notifications").status_code == 200
    assert connection.connection is None
    assert settings.MIDDLEWARE[0] == "realtime.middleware.database_connections_returned"
