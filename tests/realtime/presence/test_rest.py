"""Who is here, over REST: seen from this process while the sockets are at real workers, and asked at those."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from realtime.chat.models import Session
from realtime.presence.models import LastSeen
from realtime.presence.services import MOST, connections
from tests import cast
from tests.realtime.test_credential_life import on_both_workers
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import Socket, connect

Api = Callable[..., APIClient]
Token = Callable[[User], str]

SITE, CHAT, BELL = "/api/v1/ws", "/ws/chat", "/api/ws/notifications"
ONLINE, COUNT, STATS = "/api/v1/online", "/api/v1/online/count", "/api/ws/stats"


def status(user: User) -> str:
    return f"/api/v1/status/{user.pk}"


@pytest.fixture
def john(db: None) -> User:
    return cast.member("john")


def opened(server: Site, bearer: str, path: str = SITE) -> Socket:
    """An open socket, whose user is here by now."""
    socket = connect(server.ws_url + path, token=bearer)
    socket.until("connected")
    return socket


def gone(client: APIClient, user: User) -> Callable[[], bool]:
    return lambda: not client.get(status(user)).json()["online"]


# How somebody is


def test_somebody_is_online_while_it_has_a_connection_on_any_worker_and_for_the_grace_after(
    server: Site, api: Api, token: Token, mia: User, john: User
) -> None:
    client = api(mia)
    absent = {"user_id": john.pk, "online": False, "status": "offline", "last_seen": None, "connections_count": 0}
    assert client.get(status(john)).json() == absent
    sockets = on_both_workers(server, token(john))
    here = until(lambda: (said := client.get(status(john)).json())["connections_count"] == 2 and said, what="two connections, one at each worker")
    assert (here["online"], here["status"]) == (True, "online")
    for socket in sockets:
        socket.close()
    graced = until(lambda: (said := client.get(status(john)).json())["connections_count"] == 0 and said, what="none")
    assert (graced["online"], graced["status"]) == (True, "online")
    until(gone(client, john), what="the grace is over")


def test_when_somebody_was_seen_last_is_told_to_all_who_may_see_it(server: Site, api: Api, token: Token, mia: User, john: User) -> None:
    opened(server, token(john)).close()
    client = api(mia)
    until(gone(client, john), what="John has gone")
    seen = until(lambda: LastSeen.objects.filter(user=john).first(), what="it is written")
    said = client.get(status(john)).json()["last_seen"]
    assert said.endswith("Z")
    assert said[:19] == f"{seen.at:%Y-%m-%dT%H:%M:%S}"


def test_who_appears_offline_does_so_in_every_way(server: Site, api: Api, token: Token, mia: User, john: User, admin: User) -> None:
    client = api(mia)
    with opened(server, token(john)) as page:
        before = client.get(COUNT).json()["online_count"]
        page.send({"type": "presence", "status": "offline"})
        until(gone(client, john), what="John appears offline")
        assert {**client.get(status(john)).json(), "last_seen": None} == {
            "user_id": john.pk,
            "online": False,
            "status": "offline",
            "last_seen": None,
            "connections_count": 0,
        }
        assert john.pk not in [each["user_id"] for each in client.get(ONLINE).json()["users"]]
        assert client.get(COUNT).json()["online_count"] < before + 1
        # About connections staff is told the truth.
        assert api(admin).get(STATS).json()["users"][john.username] == 1
        page.send({"type": "presence", "status": "busy", "data": {"device": "desktop"}})
        until(lambda: client.get(status(john)).json()["status"] == "busy", what="John is busy")


def test_nobody_is_said_to_be_absent_by_a_redis_that_has_just_forgotten_everything(
    server: Site, api: Api, token: Token, mia: User, john: User, flush: Callable[[], None]
) -> None:
    client = api(mia)
    with opened(server, token(john)):
        for address in (status(john), ONLINE):
            flush()
            said = client.get(address).json()
            [john_said] = [each for each in said.get("users", [said]) if each["user_id"] == john.pk]
            assert (john_said["online"], john_said["connections_count"]) == (True, 1)


# Who is online


def test_the_list_has_who_came_last_first_and_counts_those_whom_it_leaves_out(server: Site, api: Api, token: Token, mia: User, john: User, bob: User) -> None:
    client = api(mia)
    with opened(server, token(john)), opened(server, token(bob), CHAT):
        said = client.get(ONLINE).json()
        numbers = [each["user_id"] for each in said["users"]]
        assert numbers.index(bob.pk) < numbers.index(john.pk)
        assert said["online_count"] >= 2
        first = client.get(ONLINE, {"limit": 1}).json()
        assert [each["user_id"] for each in first["users"]] == [bob.pk]
        assert set(first["users"][0]) == {"user_id", "online", "status", "last_seen", "connections_count"}
        assert first["online_count"] >= 2
        assert client.get(COUNT).json()["online_count"] >= 2


def test_the_count_is_that_of_a_heartbeat(server: Site, token: Token, mia: User) -> None:
    with opened(server, token(mia)) as page:

        def same() -> bool:
            beat = page.until("heartbeat")
            said = httpx.get(server.url + COUNT + "/", headers={"Authorization": f"Bearer {token(mia)}"}, timeout=20).json()
            return bool(said == {"online_count": beat["data"]["online_count"]})

        until(same, what="the grace of those of other tests is over, and the counts are the same")


def test_a_customer_is_neither_listed_nor_counted(server: Site, api: Api, token: Token, mia: User, ann: User) -> None:
    with opened(server, token(mia)), opened(server, token(ann), CHAT):
        said = api(mia).get(ONLINE, {"limit": MOST}).json()
        assert ann.pk not in [each["user_id"] for each in said["users"]]
        assert said["online_count"] == len(said["users"])


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many"])
def test_a_limit_that_makes_no_sense_is_named(api: Api, mia: User, limit: str) -> None:
    answer = api(mia).get(ONLINE, {"limit": limit})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"limit"}


# Who may see whom


def test_an_agent_sees_a_customer_and_a_member_finds_nobody_there(server: Site, api: Api, token: Token, mia: User, bob: User, ann: User, admin: User) -> None:
    with opened(server, token(ann), CHAT):
        said = api(bob).get(status(ann)).json()
        assert (said["online"], said["connections_count"]) == (True, 1)
        assert [api(each).get(status(ann)).status_code for each in (mia, admin)] == [404, 404]


def test_a_customer_sees_nobody(api: Api, ann: User, bob: User, mia: User) -> None:
    client = api(ann)
    assert [client.get(address).status_code for address in (ONLINE, COUNT)] == [403, 403]
    assert [client.get(status(each)).status_code for each in (bob, mia, ann)] == [404, 404, 404]


def test_a_customer_sees_the_agent_that_serves_it_for_as_long_as_it_does(server: Site, api: Api, token: Token, ann: User, bob: User, alice: User) -> None:
    session = Session.objects.create(customer=ann, agent=bob, status=Session.Status.OPEN)
    with opened(server, token(bob)):
        said = api(ann).get(status(bob)).json()
        assert (said["online"], said["status"]) == (True, "online")
        assert api(ann).get(status(alice)).status_code == 404
        Session.objects.filter(pk=session.pk).update(status=Session.Status.CLOSED)
        assert api(ann).get(status(bob)).status_code == 404


def test_a_user_that_is_not_there_or_not_active_is_not_found(api: Api, mia: User, john: User, server: Site) -> None:
    User.objects.filter(pk=john.pk).update(is_active=False)
    client = api(mia)
    assert [client.get(f"/api/v1/status/{each}").status_code for each in (john.pk, 2**52, 2**80, "john")] == [404, 404, 404, 404]


@pytest.mark.parametrize("address", [ONLINE, COUNT, "/api/v1/status/1"])
def test_only_people_may_ask(api: Api, address: str, mia: User, expired: Token, service_key: Callable[..., str]) -> None:
    answers = [api(who).get(address) for who in (None, "nonsense", expired(mia), service_key("users", "notifications", "tasks"))]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (401, "MISSING_TOKEN"),
        (401, "TOKEN_EXPIRED"),
        (401, "TOKEN_EXPIRED"),
        (403, "FORBIDDEN"),
    ]


# Connections


def test_totals_are_for_everybody_and_names_for_staff(
    server: Site, api: Api, token: Token, admin: User, mia: User, bob: User, ann: User, expired: Token, service_key: Callable[..., str]
) -> None:
    with opened(server, token(mia)), opened(server, token(mia), BELL), opened(server, token(ann), CHAT):
        said = api(admin).get(STATS).json()
        assert (said["users"][mia.username], said["users"][ann.username]) == (2, 1)
        assert said["total_users"] >= 2
        assert said["total_connections"] >= 3
        for who in (None, "nonsense", expired(admin), mia, bob, ann, service_key("users", "notifications", "tasks")):
            others = api(who).get(STATS)
            assert (others.status_code, others.json()["users"]) == (200, {})
            assert others.json()["total_connections"] >= 3


def test_all_workers_connections_are_in_what_one_of_them_says(server: Site, token: Token, admin: User, mia: User) -> None:
    sockets = on_both_workers(server, token(mia))
    for _ in range(8):  # whichever is awake answers
        said = httpx.get(server.url + STATS, headers={"Authorization": f"Bearer {token(admin)}"}, timeout=20).json()
        assert said["users"][mia.username] == 2
    for socket in sockets:
        socket.close()


def test_names_are_found_with_one_query_page_by_page(server: Site, token: Token, mia: User, john: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.presence.services.PAGE", 1)
    with opened(server, token(mia)), opened(server, token(john)):
        users = connections(named=True).users
        assert (users[mia.username], users[john.username]) == (1, 1)
        monkeypatch.setattr("realtime.presence.services.MOST", 1)
        assert len(connections(named=True).users) <= 1


# Redis away


def test_without_redis_it_is_not_known_who_is_here(api: Api, mia: User, admin: User, john: User, redis: PrivateRedis) -> None:
    redis.kill()
    try:
        answers: list[Any] = [api(mia).get(address) for address in (ONLINE, COUNT, status(john))]
        answers += [api(admin).get(STATS), api().get(STATS)]
        assert [(each.status_code, each.json()["code"]) for each in answers] == [(503, "DEPENDENCY_DOWN")] * 5
        assert all(each["Retry-After"] == "1" for each in answers)
    finally:
        redis.start()
        until(lambda: api(mia).get(COUNT).status_code == 200, what="Redis is asked again")
