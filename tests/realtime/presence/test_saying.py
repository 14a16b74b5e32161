"""What a client may say about itself and ask about others, how often others hear of it, and how it is told what is wrong."""

from __future__ import annotations

import itertools

import pytest

from tests.sockets import connect

SITE = "/api/v1/ws"
CHAT = "/ws/chat"


@pytest.fixture
def page(server, token, mia):
    with connect(server.ws_url + SITE, token=token(mia)) as socket:
        socket.until("connected")
        yield socket


def about(user):
    return lambda frame: frame["type"] in ("user_status", "presence") and frame["data"]["user_id"] == user.pk


def test_who_changes_its_status_twenty_times_in_a_second_is_heard_of_a_few_times_and_last_as_it_is(server, token, page, mia, eve, bob):
    with connect(server.ws_url + SITE, token=token(eve)) as watching, connect(server.ws_url + CHAT, token=token(bob)) as console:
        for socket in (watching, console):
            socket.until("connected")
        for number in range(20):
            page.send({"type": "presence", "status": ("away", "busy")[number % 2], "data": {"number": number}})
        page.sync()
        for socket in (watching, console):
            last = socket.until(lambda frame: about(mia)(frame) and frame["data"].get("data", {}).get("number") == 19)
            assert last["data"] == {"user_id": mia.pk, "status": "busy", "data": {"number": 19}}
            # A tenth of a second lies between two of them, and all were said in less than one.
            assert len([frame for frame in socket.frames if about(mia)(frame) and frame["type"] == "presence"]) < 12


def test_who_flips_between_here_and_hidden_is_counted_right_in_the_end(server, token, page, mia, eve):
    with connect(server.ws_url + SITE, token=token(eve)) as watching:
        begin = watching.until("connected")["data"]["online_count"]
        for _ in range(10):
            page.send({"type": "presence", "status": "offline"})
            page.send({"type": "presence", "status": "online"})
        page.send({"type": "presence", "status": "offline"})
        page.sync()
        _soon, beat = watching.take(2, "heartbeat")  # the second is long after it may be told
        before = [frame for frame in watching.frames[: watching.frames.index(beat)] if frame["type"] == "user_status"]
        told = [frame["data"]["status"] for frame in before if frame["data"]["user_id"] == mia.pk]
        assert told[-1] == "offline"
        assert all(one != other for one, other in itertools.pairwise(told)), "each is another than the one before"
        everybody = [frame["data"]["status"] for frame in before]
        assert beat["data"]["online_count"] == begin + everybody.count("online") - everybody.count("offline")


WRONG = {
    "status unknown": ({"type": "presence", "status": "asleep"}, "status"),
    "status missing": ({"type": "presence"}, "status"),
    "status of another type": ({"type": "presence", "status": 1}, "status"),
    "data over 2 KiB": ({"type": "presence", "status": "away", "data": {"a": "x" * 2048}}, "data"),
    "data over 2 KiB in bytes": ({"type": "presence", "status": "away", "data": {"a": "汉" * 700}}, "data"),
    "data no object": ({"type": "presence", "status": "away", "data": [1]}, "data"),
    "501 ids": ({"type": "watch", "user_ids": list(range(1, 502))}, "user_ids"),
    "an id that is none": ({"type": "watch", "user_ids": ["mia"]}, "user_ids"),
    "an id below one": ({"type": "watch", "user_ids": [0]}, "user_ids"),
    "51 contexts": ({"type": "watch", "contexts": [f"post_{number}" for number in range(51)]}, "contexts"),
    "a context of 101 characters to watch": ({"type": "watch", "contexts": ["x" * 101]}, "contexts"),
    "an empty context to watch": ({"type": "watch", "contexts": [""]}, "contexts"),
    "a context of 101 characters": ({"type": "typing", "data": {"is_typing": True, "context": "x" * 101}}, "context"),
    "neither context nor user": ({"type": "typing", "data": {"is_typing": True}}, "data"),
    "both context and user": ({"type": "typing", "data": {"is_typing": True, "context": "post_1", "to_user_id": 1}}, "data"),
    "typing missing": ({"type": "typing", "data": {"context": "post_1"}}, "is_typing"),
    "typing without data": ({"type": "typing"}, "data"),
    "typing to nobody": ({"type": "typing", "data": {"is_typing": True, "to_user_id": -1}}, "to_user_id"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named(page, wrong):
    frame, field = WRONG[wrong]
    page.send(frame)
    error = page.until("error")
    assert error["error_code"] == "INVALID_MESSAGE"
    assert field in error["message"], error["message"]


def test_what_is_just_right_is_taken(page):
    page.send({"type": "watch", "user_ids": list(range(1, 501)), "contexts": ["x" * 100] * 50})
    page.send({"type": "presence", "status": "away", "data": {"a": "x" * (2048 - len('{"a":""}'))}})
    page.send({"type": "typing", "data": {"is_typing": True, "context": "汉" * 100}})
    assert not [frame for frame in page.sync() if frame["type"] == "error"]


@pytest.mark.parametrize("kind", ["presence", "watch", "typing"])
def test_a_bell_knows_nothing_of_presence(server, token, mia, kind):
    with connect(server.ws_url + "/api/ws/notifications", token=token(mia)) as bell:
        bell.until("connected")
        bell.send({"type": kind, "status": "away", "data": {"is_typing": True, "context": "post_1"}})
        assert bell.until("error")["error_code"] == "UNKNOWN_MESSAGE_TYPE"
