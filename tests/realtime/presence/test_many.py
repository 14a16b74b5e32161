"""Above the limit of a broadcast only those are told who watch, and below it everybody again, with a count to begin from."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests import cast
from tests.servers.waiting import until
from tests.sockets import connect

SITE = "/api/v1/ws"
MANY, FEW = 6, 4


def about(user):
    return lambda frame: frame["type"] in ("user_status", "presence", "typing") and frame["data"]["user_id"] == user.pk


def told(socket, user):
    return [(frame["type"], frame["data"].get("status")) for frame in socket.frames if about(user)(frame)]


@pytest.fixture
def come(small_site, token):
    """`come(mia)`: a page of hers; `come()`: of somebody new. All close with the test."""
    with ExitStack() as opened:

        def come(user=None):
            socket = opened.enter_context(connect(small_site.ws_url + SITE, token=token(user or cast.member())))
            socket.until("connected")
            return socket

        yield come


@pytest.fixture
def crowd(small_site, come):
    """As many as are too many, all of them known to both workers."""
    sockets = [come() for _ in range(MANY)]
    for socket in sockets:
        until(lambda socket=socket: socket.until("heartbeat")["data"]["online_count"] == MANY, what="all are counted")
    return sockets


def test_above_the_limit_only_those_who_watch_hear_of_somebody(small_site, come, crowd, mia, eve):
    watching, other = crowd[:2]
    watching.send({"type": "watch", "user_ids": [mia.pk, eve.pk]})
    answers = watching.take(2, lambda frame: frame["type"] == "presence")
    assert {frame["data"]["user_id"]: frame["data"]["status"] for frame in answers} == {mia.pk: "offline", eve.pk: "offline"}
    page = come(mia)
    assert watching.until(about(mia))["type"] == "user_status"
    page.send({"type": "presence", "status": "busy", "data": {"device": "mobile"}})
    assert watching.until(about(mia))["data"] == {"user_id": mia.pk, "status": "busy", "data": {"device": "mobile"}}
    other.send({"type": "watch", "user_ids": [mia.pk]})
    # Another worker may hear only now that she has come, and tells that first.
    answer = other.until(lambda frame: frame["type"] == "presence" and about(mia)(frame))
    assert answer["data"]["status"] == "busy", "the answer says how she is"
    page.close()
    for socket in (watching, other):
        assert socket.until(about(mia))["data"]["status"] == "offline"
    for socket in crowd[2:]:
        assert not [frame for frame in socket.sync() if frame["type"] in ("user_status", "presence")]
    watching.send({"type": "watch", "user_ids": []})
    watching.sync()
    come(mia)
    assert other.until(about(mia))["data"]["status"] == "online"
    assert told(watching, mia)[-1] == ("user_status", "offline")


def test_typing_in_a_context_reaches_all_below_the_limit_and_above_it_those_who_watch_the_context(come, small_site, mia):
    typist, first, second = come(mia), come(), come()
    for socket in (first, second):
        socket.until("heartbeat")  # by then both workers know that few are here
    typist.send({"type": "typing", "data": {"is_typing": True, "context": "post_1"}})
    for socket in (first, second):
        assert socket.until("typing")["data"] == {"user_id": mia.pk, "is_typing": True, "context": "post_1"}
    crowd = [come() for _ in range(MANY - 3)]
    for socket in (typist, first, second, *crowd):
        until(lambda socket=socket: socket.until("heartbeat")["data"]["online_count"] == MANY, what="all are counted")
    second.send({"type": "watch", "contexts": ["post_1"]})
    second.sync()
    typist.send({"type": "typing", "data": {"is_typing": False, "context": "post_1"}})
    typist.send({"type": "typing", "data": {"is_typing": True, "context": "post_2"}})
    typist.sync()
    assert second.until("typing")["data"] == {"user_id": mia.pk, "is_typing": False, "context": "post_1"}
    for socket in (typist, first, second, *crowd):
        socket.until("heartbeat")  # on any worker, later than what was typed
        assert not [frame for frame in socket.sync() if frame["type"] == "typing"]
        assert len([frame for frame in socket.frames if frame["type"] == "typing"]) == {id(first): 1, id(second): 2}.get(id(socket), 0)


def test_when_few_are_left_all_are_greeted_anew_and_count_on_from_there(come, crowd, small_site, mia):
    stay, go = crowd[: FEW - 1], crowd[FEW - 1 :]
    stay[0].send({"type": "watch", "user_ids": [mia.pk]})
    stay[0].until(about(mia))
    for socket in go:
        socket.close()
    for socket in stay:
        again = socket.until("connected")["data"]
        assert (again["online_count"], again["resumed"]) == (len(stay), True)
    come(mia)
    for socket in stay:
        assert socket.until(about(mia))["type"] == "user_status"
        later = socket.frames[socket.frames.index([frame for frame in socket.frames if frame["type"] == "connected"][-1]) :]
        changes = [frame["data"]["status"] for frame in later if frame["type"] == "user_status"]
        assert changes == ["online"]
        assert socket.until("heartbeat")["data"]["online_count"] == len(stay) + 1
