"""How sockets are refused: each code, at each path, for old clients and for new ones, by both servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import Revocation, User
from realtime.sockets import SOCKETS
from realtime.worker import draining
from tests.asgi import Handshake
from tests.servers.fleet import Servers
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import PROTOCOL, Ending, connect, ending

# Which of the four older systems a path belongs to; its clients decide how a refusal must look.
COMMUNITY, WIDGET, BELL = "/api/v1/ws", "/ws/chat", "/api/ws/notifications"
PATHS = (COMMUNITY, WIDGET, BELL)

# HTTP status and close code of each code.
CODES = {
    "MISSING_TOKEN": (401, 4401),
    "TOKEN_EXPIRED": (401, 4001),
    "INVALID_REQUEST": (400, 4400),
    "FORBIDDEN": (403, 4403),
    "NOT_FOUND": (404, 4404),
    "RATE_LIMITED": (429, 4102),
    "OVERLOADED": (503, 4101),
    "DEPENDENCY_DOWN": (503, 4103),
}
TEMPORARY = ("RATE_LIMITED", "OVERLOADED", "DEPENDENCY_DOWN")
RECONNECT = ("TOKEN_EXPIRED", *TEMPORARY)


def expect(refused: Ending, path: str, code: str, *, new: bool) -> None:
    """Compare one refusal with the contract."""
    close = CODES[code][1]
    by_http = not new and (path == BELL or (path == WIDGET and code in ("MISSING_TOKEN", "TOKEN_EXPIRED", "INVALID_REQUEST")))
    if by_http:
        expect_http(refused, code)
        return
    if not new and code not in TEMPORARY:
        close = 1000
    assert refused.status == 101, refused
    assert refused.subprotocol == (PROTOCOL if new else None)
    assert refused.code == close
    (frame,) = refused.frames
    assert (frame["type"], frame["error_code"], frame["close_code"]) == ("error", code, close)
    assert frame["message"]
    assert frame["timestamp"].endswith("Z")
    assert frame["reconnect"] is (code in RECONNECT and close != 1000)


def expect_http(refused: Ending, code: str) -> None:
    assert refused.status == CODES[code][0], refused
    assert refused.headers["X-WebSocket-Error-Code"] == code
    assert refused.headers["X-WebSocket-Error-Message"].isascii()
    assert refused.headers["Content-Type"].startswith("application/json")
    assert set(refused.json) == {"error_code", "message"}
    assert refused.json["error_code"] == code
    assert refused.json["message"]


@pytest.fixture(params=["serve", "runserver"])
def site(request: pytest.FixtureRequest) -> Site:
    """Each of the two servers: Uvicorn's and Daphne."""
    running: Site = request.getfixturevalue({"serve": "server", "runserver": "daphne"}[request.param])
    return running


@pytest.fixture(params=[False, True], ids=["old", "new"])
def new(request: pytest.FixtureRequest) -> bool:
    """Whether the client offers `switchboard.v1`."""
    return bool(request.param)


@pytest.mark.parametrize("path", PATHS)
def test_a_socket_without_a_credential_is_refused(site: Site, path: str, new: bool) -> None:
    expect(ending(site.ws_url + path, new=new), path, "MISSING_TOKEN", new=new)
    expect(ending(site.ws_url + path, new=new, token=""), path, "MISSING_TOKEN", new=new)


@pytest.mark.parametrize("path", PATHS)
def test_an_expired_token_is_refused(site: Site, path: str, new: bool, mia: User, expired: Callable[[User], str]) -> None:
    expect(ending(site.ws_url + path, new=new, token=expired(mia)), path, "TOKEN_EXPIRED", new=new)


@pytest.mark.parametrize("path", PATHS)
def test_a_revoked_token_is_refused(site: Site, path: str, new: bool, mia: User, token: Callable[[User], str]) -> None:
    mine = token(mia)
    Revocation.objects.revoke([mia.pk])
    expect(ending(site.ws_url + path, new=new, token=mine), path, "TOKEN_EXPIRED", new=new)


@pytest.mark.parametrize("path", PATHS)
def test_parameters_that_make_no_sense_are_refused(site: Site, path: str, new: bool, mia: User, token: Callable[[User], str]) -> None:
    for since in ("soon", "-1", "1.5", "9" * 17, "epoch:", "9007199254740992"):
        refused = ending(site.ws_url + path, new=new, token=token(mia), query={"since": since})
        expect(refused, path, "INVALID_REQUEST", new=new)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example.evil.example", "http://shop.example:8000", "null", "http://[::1", "file://"])
def test_a_page_of_a_foreign_site_is_refused(server: Site, path: str, new: bool, origin: str, mia: User, token: Callable[[User], str]) -> None:
    expect(ending(server.ws_url + path, new=new, token=token(mia), origin=origin), path, "FORBIDDEN", new=new)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_of_a_listed_site_and_one_of_ours_are_not_refused(site: Site, path: str, mia: User, token: Callable[[User], str]) -> None:
    for origin in ("http://shop.example", site.url, None):
        with connect(site.ws_url + "/api/ws/notifications", token=token(mia), origin=origin) as socket:
            socket.until("connected")


def test_a_foreign_page_is_not_told_whether_its_token_is_good(server: Site, mia: User, expired: Callable[[User], str]) -> None:
    for credential in ({}, {"token": expired(mia)}, {"token": "nonsense"}):
        expect(ending(server.ws_url + BELL, new=True, origin="https://evil.example", **credential), BELL, "FORBIDDEN", new=True)


@pytest.mark.parametrize("path", PATHS)
def test_a_plain_request_at_a_sockets_address_is_an_invalid_request(site: Site, path: str) -> None:
    for method in ("GET", "POST"):
        for address in (path, path + "/"):
            response = httpx.request(method, site.url + address, follow_redirects=False, timeout=30)
            assert (response.status_code, response.headers["Content-Type"]) == (400, "application/problem+json")
            assert response.headers["X-WebSocket-Error-Code"] == "INVALID_REQUEST"
            said = response.json()
            assert (said["code"], said["detail"]) == (said["error_code"], said["message"])


@pytest.mark.parametrize("path", PATHS)
def test_an_address_with_and_without_a_slash_is_the_same_socket(site: Site, path: str, mia: User, token: Callable[[User], str]) -> None:
    expect(ending(site.ws_url + path + "/", new=True), path, "MISSING_TOKEN", new=True)
    assert path.strip("/") in SOCKETS


def test_there_is_no_socket_elsewhere(site: Site, new: bool, mia: User, token: Callable[[User], str]) -> None:
    refused = ending(site.ws_url + "/api/ws/nothing", new=new, token=token(mia))
    if new:
        expect(refused, "/api/ws/nothing", "NOT_FOUND", new=True)
    else:
        expect_http(refused, "NOT_FOUND")


# The credential


def credentials(bearer: str) -> Iterator[dict[str, Any]]:
    """The ways in which a bearer token may come."""
    yield {"headers": {"Authorization": f"Bearer {bearer}"}}
    yield {"headers": {"authorization": f"bearer {bearer}"}}
    yield {"subprotocols": [PROTOCOL, f"bearer.{bearer}"]}
    yield {"query": {"token": bearer}}


def test_every_way_to_bring_a_token_opens_a_socket_and_only_our_protocol_is_echoed(site: Site, mia: User, token: Callable[[User], str]) -> None:
    for how in credentials(token(mia)):
        with connect(site.ws_url + BELL, **how) as socket:
            assert socket.until("connected")["data"]["user_id"] == mia.pk
            assert socket.subprotocol == (PROTOCOL if "subprotocols" in how else None)
            assert "bearer" not in str(dict(socket.response_headers))


def test_a_token_among_the_subprotocols_of_an_old_client_is_not_echoed(site: Site, mia: User, token: Callable[[User], str]) -> None:
    refused = ending(site.ws_url + COMMUNITY, subprotocols=["bearer.nonsense"])
    assert (refused.status, refused.subprotocol, refused.code) == (101, None, 1000)
    assert "bearer" not in str(dict(refused.headers))


def test_the_header_goes_before_the_subprotocol_before_the_ticket_before_the_query(
    server: Site, mia: User, eve: User, api: Callable[..., Any], token: Callable[[User], str]
) -> None:
    good, bad = token(mia), "nonsense"
    ticket = api(mia).post("/api/v1/ws/ticket").json()["ticket"]
    for how in (
        {"headers": {"Authorization": f"Bearer {good}"}, "subprotocols": [PROTOCOL, f"bearer.{bad}"], "query": {"ticket": bad, "token": bad}},
        {"subprotocols": [PROTOCOL, f"bearer.{good}"], "query": {"ticket": bad, "token": bad}},
        {"query": {"ticket": ticket, "token": bad}},
        {"query": {"ticket": "", "token": good}},
    ):
        with connect(server.ws_url + BELL, **how) as socket:
            assert socket.until("connected")["data"]["user_id"] == mia.pk
    expect(ending(server.ws_url + BELL, new=True, headers={"Authorization": f"Bearer {bad}"}, token=good), BELL, "TOKEN_EXPIRED", new=True)


def test_a_ticket_opens_one_socket_whichever_worker_takes_it(server: Site, mia: User, api: Callable[..., Any]) -> None:
    ticket = api(mia).post("/api/v1/ws/ticket").json()["ticket"]
    with connect(server.ws_url + BELL, query={"ticket": ticket}) as socket:
        socket.until("connected")
        for _ in range(6):
            expect(ending(server.ws_url + BELL, new=True, query={"ticket": ticket}), BELL, "TOKEN_EXPIRED", new=True)


def test_what_is_no_access_token_opens_nothing(server: Site, mia: User, api: Callable[..., Any], token: Callable[[User], str]) -> None:
    good = token(mia)
    unsigned = good.rpartition(".")[0] + "."
    elsewhere = AccessToken.for_user(mia)
    elsewhere["version"] = mia.token_version + 1
    ticket = api(mia).post("/api/v1/ws/ticket").json()["ticket"]
    others = [unsigned, str(RefreshToken.for_user(mia)), str(elsewhere), ticket]
    for bad in ("nonsense", "ey.ey.ey", good[:-3], good + "x", "🔑", "\x00", "x" * 7000, "undefined", *others):
        expect(ending(server.ws_url + BELL, new=True, token=bad), BELL, "TOKEN_EXPIRED", new=True)


def test_a_deactivated_user_opens_nothing(server: Site, mia: User, token: Callable[[User], str]) -> None:
    mia.is_active = False
    mia.save()
    expect(ending(server.ws_url + BELL, new=True, token=token(mia)), BELL, "TOKEN_EXPIRED", new=True)


def test_a_service_key_opens_no_socket(server: Site, service_key: Callable[..., str]) -> None:
    key = service_key("notifications")
    expect(ending(server.ws_url + BELL, new=True, headers={"Authorization": f"Bearer {key}"}), BELL, "TOKEN_EXPIRED", new=True)


def test_a_refusal_is_told_in_the_clients_language_and_its_header_in_ascii(server: Site, new: bool) -> None:
    chinese = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
    refused = ending(server.ws_url + BELL, new=new, headers=chinese)
    message = refused.frames[0]["message"] if new else refused.json["message"]
    assert any("\u4e00" <= character <= "\u9fff" for character in message), message
    expect(refused, BELL, "MISSING_TOKEN", new=new)


def test_a_refusal_leaves_one_line_in_the_log_that_names_its_code_and_holds_no_credential(server: Site) -> None:
    ending(f"{server.ws_url}/nowhere%0Aat%20all", token="not-to-be-seen")
    until(lambda: "/nowhere%0Aat%20all: NOT_FOUND" in server.log, what="a line in the log")
    assert "not-to-be-seen" not in server.log


# When it is not the credential


@pytest.fixture(scope="module")
def strict(servers: Servers) -> Iterator[Site]:
    """A server that lets an address fail three times an hour."""
    with servers.serve(env={"RATE_HANDSHAKE": "3/h"}) as running:
        yield running


@pytest.fixture(scope="module")
def lame(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose database cannot be opened."""
    with servers.serve(env={"DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('no-database')}"}) as running:
        yield running


@pytest.mark.parametrize("path", PATHS)
def test_who_fails_too_often_is_told_to_wait(strict: Site, path: str, new: bool, flush: Callable[[], None]) -> None:
    flush()
    for _ in range(3):
        expect(ending(strict.ws_url + path, new=new), path, "MISSING_TOKEN", new=new)
    refused = ending(strict.ws_url + path, new=new)
    expect(refused, path, "RATE_LIMITED", new=new)
    if refused.status == 429:
        assert 1000 < int(refused.headers["Retry-After"]) <= 1200
    else:
        assert 1_000_000 < refused.frames[0]["retry_after_ms"] <= 1_200_000


def test_who_failed_too_often_is_still_let_in_with_a_good_token(strict: Site, flush: Callable[[], None], mia: User, token: Callable[[User], str]) -> None:
    flush()
    for _ in range(4):
        ending(strict.ws_url + BELL)
    with connect(strict.ws_url + BELL, token=token(mia)) as socket:
        socket.until("connected")


@pytest.mark.parametrize("path", PATHS)
def test_without_a_database_a_socket_is_refused_for_a_while(lame: Site, path: str, new: bool, mia: User, token: Callable[[User], str]) -> None:
    expect(ending(lame.ws_url + path, new=new, token=token(mia)), path, "DEPENDENCY_DOWN", new=new)


@pytest.mark.parametrize("path", PATHS)
async def test_who_comes_while_the_worker_drains_is_sent_to_another(path: str, new: bool, mia: User, token: Callable[[User], str]) -> None:
    draining.set()
    try:
        async with Handshake(path, subprotocols=[PROTOCOL] if new else [], token=token(mia)) as handshake:
            pass
    finally:
        draining.clear()
    expect(handshake.ending, path, "OVERLOADED", new=new)
