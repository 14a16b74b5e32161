"""Who is not let in to an event stream: for good by an HTTP status, for a while by a stream that says only when to come back."""

import asyncio
import json

import httpx
import psutil
import pytest
from rest_framework_simplejwt.tokens import RefreshToken

from config.asgi import application
from notifications.services import notify
from realtime.worker import draining
from tests.servers.waiting import until
from tests.streams import PATH, listen

STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Connection": "close",
    "Vary": "Origin",
}


@pytest.fixture(params=["server", "daphne"])
def site(request):
    """Each of the two servers: Uvicorn's and Daphne."""
    return request.getfixturevalue(request.param)


def expect_stop(stream, status, code):
    """A page's EventSource gives up for good on this."""
    with stream:
        assert (stream.status, stream.headers["X-WebSocket-Error-Code"]) == (status, code)
        assert stream.headers["Content-Type"] == "application/problem+json"
        assert stream.headers["Cache-Control"] == "no-store"
        said = json.loads(stream.response.read())
        assert (said["error_code"], said["code"], said["status"], said["detail"]) == (code, code, status, said["message"])
        return said["message"]


def expect_later(stream, code, *, between=(3000, 8000)):
    """A page's EventSource comes back by itself after this, in as many milliseconds."""
    with stream:
        assert stream.status == 200
        assert {name: stream.headers[name] for name in STREAM_HEADERS} == STREAM_HEADERS
        assert stream.rest() == []
        assert stream.comments == [code]
        [wait] = stream.retries
        assert between[0] <= wait <= between[1]


# For good


def test_without_a_credential_that_is_good_it_is_401(site, mia, token, expired, service_key):
    for how in ({}, {"token": ""}):
        expect_stop(listen(site, **how), 401, "MISSING_TOKEN")
    refresh, key = str(RefreshToken.for_user(mia)), service_key("notifications")
    for bearer in (expired(mia), "nonsense", token(mia)[:-3], refresh, key):
        expect_stop(listen(site, token=bearer), 401, "TOKEN_EXPIRED")
    expect_stop(listen(site, headers={"Authorization": f"Bearer {key}"}), 401, "TOKEN_EXPIRED")


def test_a_place_to_go_on_from_that_makes_no_sense_is_named(site, mia, token):
    for last_id in ("soon", "-1", "epoch:", "9" * 17, "a:b"):
        assert "'Last-Event-ID'" in expect_stop(listen(site, token=token(mia), last_id=last_id), 400, "INVALID_REQUEST")
    assert "'since'" in expect_stop(listen(site, token=token(mia), query={"since": "soon"}), 400, "INVALID_REQUEST")


def test_a_page_of_a_foreign_site_may_not_listen_nor_read_why(site, mia, token):
    for origin in ("https://evil.example", "http://shop.example:8000", "null", "http://[::1"):
        with listen(site, token=token(mia), headers={"Origin": origin}) as stream:
            assert "Access-Control-Allow-Origin" not in stream.headers
            expect_stop(stream, 403, "FORBIDDEN")


def test_a_refusal_is_told_in_the_clients_language(server):
    stream = listen(server, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    message = expect_stop(stream, 401, "MISSING_TOKEN")
    assert any("\u4e00" <= character <= "\u9fff" for character in message)
    assert stream.headers["X-WebSocket-Error-Message"].startswith("Sign in first")


def test_a_page_of_a_listed_site_may_listen_and_read_why_it_may_not(site, mia, token):
    for origin in ("http://shop.example", site.url):
        with listen(site, token=token(mia), headers={"Origin": origin}) as stream:
            stream.until("connected")
            assert stream.headers["Access-Control-Allow-Origin"] == origin
            assert {name: stream.headers[name] for name in STREAM_HEADERS} == STREAM_HEADERS
        with listen(site, headers={"Origin": origin}) as stream:
            assert (stream.status, stream.headers["Access-Control-Allow-Origin"], stream.headers["Vary"]) == (401, origin, "Origin")
            assert "X-WebSocket-Error-Code" in stream.headers["Access-Control-Expose-Headers"]
    asks = {"Origin": "http://shop.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization, last-event-id"}
    answer = httpx.options(site.url + PATH, headers=asks, timeout=30)
    assert answer.headers["Access-Control-Allow-Origin"] == "http://shop.example"
    assert {"authorization", "last-event-id"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))


def test_nothing_but_a_get_is_answered_there(site, mia, token):
    for method in ("POST", "PUT", "DELETE", "HEAD"):
        for path in (PATH, PATH + "/"):
            answer = httpx.request(method, f"{site.url}{path}?token={token(mia)}", timeout=30)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, OPTIONS")


def test_no_socket_is_opened_there(server, mia, token):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"}
    expect = httpx.get(f"{server.url}{PATH}?token={token(mia)}", headers=upgrade, timeout=30)
    assert (expect.status_code, expect.json()["error_code"]) == (404, "NOT_FOUND")


# For a while


def test_who_has_three_streams_is_told_to_come_back_and_is_let_in_when_one_has_gone(site, mia, eve, token):
    mine = token(mia)
    streams = [listen(site, token=mine) for _ in range(3)]
    for stream in streams:
        stream.until("connected")
    expect_later(listen(site, token=mine), "CONNECTION_LIMIT")
    with listen(site, token=token(eve)) as other:
        other.until("connected")
    notify(users=mia, type="system", title="to all three", message="…")
    for stream in streams:  # for they are there, as each has shown when it was asked
        assert stream.until("notification").json["title"] == "to all three"
    streams.pop().close()

    def let_in():
        stream = listen(site, token=mine)
        streams.append(stream)
        return stream.opened()

    until(let_in, what="there is room for one")
    for stream in streams:
        stream.close()


def test_who_fails_too_often_is_told_when_to_come_back(servers, flush):
    flush()
    with servers.serve(env={"RATE_HANDSHAKE": "2/h"}) as server:
        for _ in range(2):
            expect_stop(listen(server, token="nonsense"), 401, "TOKEN_EXPIRED")
        expect_later(listen(server, token="nonsense"), "RATE_LIMITED", between=(1_700_000, 2_250_000))


def test_a_worker_that_is_full_takes_no_more(servers, mia, token):
    with servers.serve(env={"WS_MAX_SOCKETS": "1"}) as server, listen(server, token=token(mia)) as stream:
        stream.until("connected")
        expect_later(listen(server, token=token(mia)), "OVERLOADED")
        notify(users=mia, type="system", title="still here", message="…")
        stream.until("notification")


def test_without_a_database_one_comes_back_later(servers, mia, token, tmp_path):
    with servers.serve(env={"DATABASE_URL": f"sqlite:///{tmp_path}"}) as lame:
        expect_later(listen(lame, token=token(mia)), "DEPENDENCY_DOWN")


def test_a_worker_that_goes_ends_its_streams_quickly_and_says_when_to_come_back(servers, mia, alice, bob, token):
    with servers.serve(workers=1) as server:
        streams = [listen(server, token=token(user)) for user in (mia, alice, bob) for _ in range(3)]
        for stream in streams:
            stream.until("connected")
        [worker] = map(psutil.Process, server.workers())
        worker.terminate()
        worker.wait(10)
        assert "timeout graceful shutdown exceeded" not in server.log
        for stream in streams:
            assert {event.name for event in stream.rest()} <= {"connected", "heartbeat"}
            first, last = stream.retries
            assert 1000 <= first <= 3000
            assert 200 <= last <= 1200


async def test_who_comes_while_the_worker_goes_is_sent_to_another(mia, token):
    scope = {"type": "http", "method": "GET", "path": PATH, "query_string": f"token={token(mia)}".encode(), "headers": [], "client": ("127.0.0.1", 1)}
    sent = []

    async def send(message):
        sent.append(message)

    draining.set()
    try:
        await application(scope, asyncio.Queue().get, send)
    finally:
        draining.clear()
    begin, end = sent[0], sent[-1]
    assert (begin["status"], dict(begin["headers"])[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
    [said, wait] = b"".join(message.get("body", b"") for message in sent).decode().split()[1::2]
    assert (said, end.get("more_body", False)) == ("OVERLOADED", False)
    assert 200 <= int(wait) <= 1200
