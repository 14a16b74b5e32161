"""What a handshake with a credential would be answered, asked without opening a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from accounts import services, tickets, tokens
from accounts.models import User
from tests.servers.fleet import Servers
from tests.servers.workers import Site
from tests.sockets import connect, ending

SITE, BELL = "/api/v1/ws", "/api/ws/notifications"
STATUS = "/api/v1/ws/status"

Token = Callable[[User], str]


def asked(site: Site, *, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
    return httpx.get(site.url + STATUS, params=query, headers=headers, timeout=20)


def a_ticket(user: User) -> str:
    return tickets.issue(tokens.verify(tokens.issue(user)[0]))[0]


def test_a_good_token_is_told_whose_it_is_and_what_a_socket_would_be_like(server: Site, token: Token, mia: User) -> None:
    bearer = token(mia)
    with connect(server.ws_url + SITE, token=bearer) as page:
        greeting = page.until("connected")["data"]
        answer = asked(server, token=bearer)
    said = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert said.pop("online_count") >= 1
    assert said == {
        "authenticated": True,
        "user_id": mia.pk,
        "role": "member",
        "expires_at": datetime.fromtimestamp(tokens.verify(bearer).expires_at, UTC).isoformat().replace("+00:00", "Z"),
        "heartbeat_interval": greeting["heartbeat_interval"],
        "broadcast_presence": True,
    }


@pytest.mark.parametrize(
    "way",
    [
        lambda bearer: {"token": bearer},
        lambda bearer: {"headers": {"Authorization": f"Bearer {bearer}"}},
        lambda bearer: {"headers": {"Sec-WebSocket-Protocol": f"switchboard.v1, bearer.{bearer}"}},
        lambda bearer: {"headers": {"Authorization": f"Bearer {bearer}"}, "token": "nonsense"},
    ],
    ids=["query", "header", "subprotocol", "the header before the query"],
)
def test_a_credential_may_come_in_each_way(server: Site, token: Token, bob: User, way: Callable[[str], dict[str, Any]]) -> None:
    answer = asked(server, **way(token(bob)))
    assert (answer.status_code, answer.json()["user_id"], answer.json()["role"]) == (200, bob.pk, "agent")


def test_a_ticket_that_was_asked_about_still_opens_a_socket_and_then_no_more(server: Site, mia: User) -> None:
    ticket = a_ticket(mia)
    for _ in range(3):
        assert asked(server, ticket=ticket).json()["user_id"] == mia.pk
    with connect(server.ws_url + SITE, query={"ticket": ticket}) as page:
        page.until("connected")
    for _ in range(4):  # either worker
        assert asked(server, ticket=ticket).status_code == 401


def test_a_customer_is_not_told_how_many_are_online(server: Site, token: Token, ann: User) -> None:
    said = asked(server, token=token(ann)).json()
    assert "online_count" not in said
    assert (said["role"], said["broadcast_presence"]) == ("customer", False)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("credential", ["none", "empty", "nonsense", "expired", "revoked", "service key", "refused ticket"])
def test_a_refusal_says_what_that_of_a_handshake_says_in_the_same_words(
    server: Site, mia: User, token: Token, expired: Token, service_key: Callable[..., str], credential: str, language: str
) -> None:
    revoked = token(mia)
    services.log_out(user_ids=[mia.pk])
    query = {
        "none": {},
        "empty": {"token": ""},
        "nonsense": {"token": "nonsense"},
        "expired": {"token": expired(mia)},
        "revoked": {"token": revoked},
        "service key": {"token": service_key("users")},
        "refused ticket": {"ticket": "nonsense"},
    }[credential]
    headers = {"Accept-Language": language}
    answer, refused = asked(server, headers=headers, **query), ending(server.ws_url + BELL, query=query, headers=headers)
    assert answer.status_code == refused.status
    assert refused.json.items() <= answer.json().items()
    assert answer.status_code == 401
    for name in ("X-WebSocket-Error-Code", "X-WebSocket-Error-Message"):
        assert answer.headers[name] == refused.headers[name]


def test_what_is_no_question_of_the_credential_is_refused_as_by_a_handshake(server: Site, token: Token, mia: User) -> None:
    foreign = asked(server, token=token(mia), headers={"Origin": "http://evil.example"})
    assert (foreign.status_code, foreign.json()["error_code"]) == (403, "FORBIDDEN")
    nonsense = asked(server, token=token(mia), since="yesterday")
    assert (nonsense.status_code, nonsense.json()["error_code"]) == (400, "INVALID_REQUEST")


@pytest.fixture
def strict(servers: Servers, flush: Callable[[], None]) -> Iterator[Site]:
    """A server that lets an address fail three times an hour."""
    with servers.serve(env={"RATE_HANDSHAKE": "3/h"}) as running:
        flush()
        yield running


def test_guesses_are_counted_together_with_those_of_handshakes(strict: Site, token: Token, mia: User, flush: Callable[[], None]) -> None:
    assert [asked(strict, token="guess").status_code for _ in range(2)] == [401, 401]
    assert ending(strict.ws_url + BELL, token="guess").status == 401
    limited = asked(strict, token="guess")
    assert (limited.status_code, limited.json()["error_code"]) == (429, "RATE_LIMITED")
    assert int(limited.headers["Retry-After"]) > 1000
    assert asked(strict, token=token(mia)).status_code == 200
    flush()


def test_without_redis_a_token_is_as_good_as_at_a_handshake(servers: Servers, token: Token, mia: User) -> None:
    with servers.serve(env={"REDIS_URL": "redis://127.0.0.1:1/0"}) as lonely:
        said = asked(lonely, token=token(mia)).json()
        assert (said["user_id"], said["broadcast_presence"]) == (mia.pk, False)
        assert "online_count" not in said
        assert asked(lonely, token="guess").status_code == 401
        count = httpx.get(f"{lonely.url}/api/v1/online/count", headers={"Authorization": f"Bearer {token(mia)}"}, timeout=20)
        assert (count.status_code, count.json()["code"]) == (503, "DEPENDENCY_DOWN")
