"""Customers see nobody, agents see customers, and members cannot tell a customer from nobody at all."""

from __future__ import annotations

import pytest

from tests import cast
from tests.sockets import connect, tells_of_people

SITE = "/api/v1/ws"
CHAT = "/ws/chat"
OF_PEOPLE = ("user_status", "presence", "typing")


def of_people(socket):
    return [frame for frame in socket.sync() if frame["type"] in OF_PEOPLE]


def about(user):
    return lambda frame: frame["type"] in OF_PEOPLE and frame["data"]["user_id"] == user.pk


@pytest.fixture
def seen_by(server, token):
    """`seen_by(sockets)`: returns when each was told that somebody new has come, and so of all that went before."""

    def seen_by(sockets):
        late = cast.member()
        with connect(server.ws_url + SITE, token=token(late)):
            for socket in sockets:
                socket.until(about(late))

    return seen_by


@pytest.mark.parametrize("path", [SITE, CHAT])
def test_a_customer_is_told_of_nobody_even_if_it_watches(server, token, ann, mia, bob, path):
    other = cast.customer("tom")
    with connect(server.ws_url + path, token=token(ann)) as socket, connect(server.ws_url + SITE, token=token(bob)) as agent:
        greeting = socket.until("connected")
        assert "online_count" not in greeting["data"]
        agent.until("connected")
        socket.send({"type": "watch", "user_ids": [mia.pk, bob.pk, other.pk], "contexts": ["post_1"]})
        assert of_people(socket) == []
        with connect(server.ws_url + SITE, token=token(mia)) as page, connect(server.ws_url + SITE, token=token(other)):
            come = agent.take(2, lambda frame: about(mia)(frame) or about(other)(frame))
            assert {frame["data"]["user_id"] for frame in come} == {mia.pk, other.pk}
            page.send({"type": "presence", "status": "away"})
            page.send({"type": "typing", "data": {"is_typing": True, "context": "post_1"}})
            page.send({"type": "typing", "data": {"is_typing": True, "to_user_id": ann.pk}})
            agent.until("typing")
        gone = agent.take(2, lambda frame: (about(mia)(frame) or about(other)(frame)) and frame["data"].get("status") == "offline")
        assert {frame["data"]["user_id"] for frame in gone} == {mia.pk, other.pk}
        assert "online_count" not in socket.until("heartbeat")["data"]
        assert of_people(socket) == []


@pytest.mark.parametrize("path", [SITE, CHAT])
def test_a_customer_who_comes_is_seen_by_agents_only_and_counted_by_nobody(server, token, seen_by, ann, mia, bob, path):
    agents = [connect(server.ws_url + where, token=token(bob)) for where in (SITE, CHAT)]
    members = [connect(server.ws_url + where, token=token(mia)) for where in (SITE, CHAT)]
    for socket in (*agents, *members):
        socket.until("connected")
    with connect(server.ws_url + path, token=token(ann)) as customer:
        for agent in agents:
            assert agent.until(about(ann)) == {"type": "presence", "data": {"user_id": ann.pk, "status": "online", "data": {}}}
        customer.send({"type": "presence", "status": "away", "data": {"page": "/cart"}})
        for agent in agents:
            assert agent.until(about(ann))["data"] == {"user_id": ann.pk, "status": "away", "data": {"page": "/cart"}}
    for agent in agents:
        assert agent.until(about(ann))["data"]["status"] == "offline"
    for agent in agents:
        assert not [frame for frame in agent.frames if frame["type"] == "user_status" and frame["data"]["user_id"] == ann.pk]
    seen_by(members)
    for socket in members:
        assert not [frame for frame in socket.frames if about(ann)(frame)]
    for socket in (*agents, *members):
        socket.close()


def test_to_a_member_who_watches_a_customer_is_like_nobody(server, token, seen_by, ann, mia, bob):
    nobody = 10**9
    with connect(server.ws_url + SITE, token=token(bob)) as agent, connect(server.ws_url + SITE, token=token(mia)) as member:
        for socket in (agent, member):
            socket.until("connected")
        with connect(server.ws_url + CHAT, token=token(ann)) as customer:
            agent.until(about(ann))
            member.send({"type": "watch", "user_ids": [ann.pk, nobody]})
            answers = {frame["data"].pop("user_id"): frame for frame in member.take(2, "presence")}
            assert answers[ann.pk] == answers[nobody]
            agent.send({"type": "watch", "user_ids": [ann.pk]})
            assert agent.until(about(ann))["data"]["status"] == "online"
            member.send({"type": "typing", "data": {"is_typing": True, "to_user_id": ann.pk}})
            member.send({"type": "typing", "data": {"is_typing": True, "to_user_id": nobody}})
            assert [frame for frame in member.sync() if frame["type"] == "error"] == []
            assert of_people(customer) == []
        agent.until(about(ann))
        seen_by([member])
        assert not [frame for frame in member.sync() if about(ann)(frame)]


@pytest.mark.parametrize("where", [SITE, CHAT])
def test_typing_to_somebody_reaches_only_that_users_pages(server, token, mia, eve, bob, where):
    pages = [connect(server.ws_url + path, token=token(eve)) for path in (SITE, SITE, CHAT)]
    others = [connect(server.ws_url + path, token=token(who)) for path, who in (("/api/ws/notifications", eve), (SITE, bob), (CHAT, bob))]
    with connect(server.ws_url + where, token=token(mia)) as typist:
        for socket in (*pages, *others, typist):
            socket.until("connected")
        typist.send({"type": "typing", "data": {"is_typing": True, "to_user_id": eve.pk}})
        for page in pages:
            assert page.until("typing") == {"type": "typing", "data": {"user_id": mia.pk, "is_typing": True}}
        for socket in (*others, typist):
            socket.until("heartbeat")
            assert not [frame for frame in socket.frames if frame["type"] == "typing"]
    for socket in (*pages, *others):
        socket.close()


@pytest.mark.parametrize("where", [SITE, CHAT])
def test_typing_in_a_context_reaches_members_and_agents_wherever_they_look(server, token, ann, mia, eve, bob, where):
    pages = [connect(server.ws_url + path, token=token(who)) for path, who in ((SITE, eve), (CHAT, eve), (SITE, bob), (CHAT, bob))]
    others = [connect(server.ws_url + path, token=token(who)) for path, who in ((SITE, ann), (CHAT, ann), ("/api/ws/notifications", eve), (SITE, mia))]
    with connect(server.ws_url + where, token=token(mia)) as typist:
        for socket in (*pages, *others, typist):
            socket.until("heartbeat")
        for context in ("post_123", "as-long-as-a-session-but-none-at-all"):
            typist.send({"type": "typing", "data": {"is_typing": True, "context": context}})
            for page in pages:
                assert page.until("typing") == {"type": "typing", "data": {"user_id": mia.pk, "is_typing": True, "context": context}}
        for socket in (*others, typist):
            socket.until("heartbeat")
            assert not [frame for frame in socket.frames if frame["type"] in ("typing", "error")]
    for socket in (*pages, *others):
        socket.close()


def test_a_customer_types_in_its_session_only(server, token, ann):
    with connect(server.ws_url + SITE, token=token(ann)) as socket:
        socket.until("connected")
        for data in ({"is_typing": True, "context": "post_1"}, {"is_typing": True, "to_user_id": 1}):
            socket.send({"type": "typing", "data": data})
            assert socket.until("error")["error_code"] == "FORBIDDEN"


def test_who_appears_offline_looks_like_who_is(server, token, seen_by, mia, eve):
    with connect(server.ws_url + SITE, token=token(eve)) as watching:
        watching.until("connected")
        with connect(server.ws_url + SITE, token=token(mia)) as hidden:
            watching.until(about(mia))
            hidden.send({"type": "presence", "status": "offline", "data": {"device": "mobile"}})
            assert watching.until(about(mia)) == {**watching.frames[-1], "type": "user_status"}
            with connect(server.ws_url + SITE, token=token(mia)) as again:
                again.until("connected")
            watching.send({"type": "watch", "user_ids": [mia.pk]})
            assert watching.until(about(mia)) == {"type": "presence", "data": {"user_id": mia.pk, "status": "offline", "data": {}}}
        seen_by([watching])
        assert about(mia)(watching.frames[-1]) is False
        assert [frame["type"] for frame in watching.frames if about(mia)(frame)] == ["user_status", "user_status", "presence"]


def test_the_tests_own_watch_over_customers_sockets_sees_what_it_should(server, token, ann, mia):
    customers = {"token": {"token": token(ann)}, "header": {"headers": {"Authorization": f"Bearer {token(ann)}"}}}
    customers["subprotocol"] = {"new": True, "subprotocols": [f"bearer.{token(ann)}"]}
    for how in customers.values():
        with connect(server.ws_url + CHAT, **how) as socket:
            assert socket.customer == ann.pk
    with connect(server.ws_url + SITE, token=token(mia)) as page:
        assert page.customer is None
        assert tells_of_people(page.until("connected"))
    for data in ({"type": "presence", "data": {}}, {"type": "heartbeat", "data": {"online_count": 0}}, {"type": "typing", "data": {}}):
        assert tells_of_people(data)
    assert not tells_of_people({"type": "heartbeat", "data": {"seq": 1}})
