"""Two people write to each other over sockets: who is told what, once, and who is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from accounts.models import Revocation, User
from notifications.services import notify
from realtime.chat.direct import send_direct
from realtime.chat.models import DirectMessage
from tests import cast
from tests.notifications.stream import head
from tests.realtime.chat.conftest import Open, conversation
from tests.servers.fleet import Servers
from tests.servers.workers import Site
from tests.sockets import Frame, Socket, connect


def say(socket: Socket, to: User | int, message: Any = "Hello!", **more: Any) -> None:
    socket.send({"type": "message", "to_user_id": to if isinstance(to, int) else to.pk, "message": message, **more})


def worker_of(socket: Socket) -> str:
    return str(socket.frames[0]["data"]["connection_id"]).partition("-")[0]


def on_both(opened: Open, user: User, path: str = "/api/v1/ws", *, new: bool) -> list[Socket]:
    """A socket of this user on each worker. The kernel decides which worker takes a connection, so we try."""
    found: dict[str, Socket] = {}
    for _ in range(200):
        socket = opened(user, path, new=new)
        if found.setdefault(worker_of(socket), socket) is not socket:
            socket.close()
        if len(found) == 2:
            return list(found.values())
    raise AssertionError(f"all sockets went to {set(found)}")


def error(socket: Socket) -> Frame:
    return socket.until("error")


def test_what_one_says_reaches_all_sockets_of_the_other_and_of_the_own_only_new_clients(opened: Open, mia: User, bob: User, eve: User) -> None:
    mias_old, mias_new = on_both(opened, mia, new=False), on_both(opened, mia, new=True)
    bobs_old, bobs_new = on_both(opened, bob, new=False), on_both(opened, bob, new=True)
    eves = [opened(eve), opened(eve, new=True)]
    say(mias_new[0], bob, "  Hello, Bob!\n", timestamp=1760000000000, client_message_id="m-1")
    told = [socket.until("chat") for socket in [*bobs_old, *bobs_new, *mias_new]]
    [row] = DirectMessage.objects.filter(sender=mia)
    at = told[0]["timestamp"]
    assert (
        told
        == [
            {
                "type": "chat",
                "seq": 1,
                "timestamp": at,
                "data": {
                    "id": str(row.public_id),
                    "from_user_id": mia.pk,
                    "from_username": "Mia",
                    "to_user_id": bob.pk,
                    "message": "Hello, Bob!",
                    "timestamp": at,
                    "client_message_id": "m-1",
                },
            }
        ]
        * 6
    )
    assert at.endswith("Z")
    for socket in [*mias_old, *mias_new, *bobs_old, *bobs_new, *eves]:
        assert socket.sync() == []  # no second one, and to old clients nothing of what they said themselves
    assert [head(eve), head(mia), head(bob)] == [0, 1, 1]


def test_an_old_client_writes_and_is_answered_and_hears_only_the_other(opened: Open, mia: User, bob: User) -> None:
    mias, bobs = opened(mia), opened(bob)
    say(mias, bob, "one", timestamp="2026-01-01T00:00:00.000Z")
    heard = bobs.until("chat")["data"]
    assert (heard["message"], heard["client_message_id"]) == ("one", "")
    assert mias.sync() == []
    say(bobs, mia, "two")
    answer = mias.until("chat")
    assert (answer["data"]["message"], answer["seq"]) == ("two", 2)
    assert bobs.sync() == []
    assert [frame["type"] for frame in mias.frames if frame["type"] in ("chat", "error")] == ["chat"]


def test_other_sockets_carry_no_direct_messages(opened: Open, mia: User, bob: User) -> None:
    elsewhere = [opened(user, path, new=True) for user in (mia, bob) for path in ("/ws/chat", "/api/ws/notifications")]
    mias, bobs = opened(mia, new=True), opened(bob, new=True)
    say(mias, bob)
    bobs.until("chat")
    for socket in elsewhere:
        assert socket.sync() == []
    # The support chat's socket has a `message` of its own, which is to nobody.
    for socket, code in zip(elsewhere, ["INVALID_MESSAGE", "UNKNOWN_MESSAGE_TYPE"] * 2, strict=True):
        say(socket, bob)
        assert error(socket)["error_code"] == code


def test_who_was_away_gets_it_when_it_comes_back_and_so_does_the_own_new_client(opened: Open, mia: User, bob: User) -> None:
    notify(users=[mia, bob], type="system", title="before", message="both left")
    mias = opened(mia, new=True)
    words = [f"word {number}" for number in range(5)]
    for word in words:
        say(mias, bob, word)
    own = mias.take(5, "chat")
    # New and old clients of the recipient, and a new one of the sender.
    for socket in (opened(bob, since=1), opened(bob, new=True, since=1), opened(mia, new=True, since=1)):
        assert socket.frames[0]["data"]["resumed"] is True
        back = socket.take(5, "chat")
        assert back == own
        assert [frame["seq"] for frame in back] == [2, 3, 4, 5, 6]
        assert socket.sync() == []
    mias_old = opened(mia, since=1)
    assert mias_old.frames[0]["data"]["resumed"] is True
    assert mias_old.sync() == []
    assert mias_old.until("heartbeat")["data"]["seq"] == 6


def test_what_a_user_said_itself_counts_as_missed_for_its_new_clients_only(servers: Servers, mia: User, bob: User, token: Callable[[User], str]) -> None:
    for number in range(3):
        send_direct(sender=mia, to_user_id=bob.pk, text=str(number))
    with servers.serve(env={"WS_REPLAY_LIMIT": "2"}) as short:
        for new, resumed in ((True, False), (False, True)):
            with connect(short.ws_url + "/api/v1/ws", token=token(mia), new=new, query={"since": 0}) as socket:
                assert socket.until("connected")["data"]["resumed"] is resumed
                assert socket.sync() == []


def test_the_same_again_is_answered_with_the_same_and_told_to_nobody_else(opened: Open, mia: User, bob: User) -> None:
    mias, other, old, bobs = opened(mia, new=True), opened(mia, new=True), opened(mia), opened(bob, new=True)
    say(mias, bob, client_message_id="m-1")
    first = mias.until("chat")
    assert other.until("chat") == bobs.until("chat") == first
    say(mias, bob, "later")
    assert [socket.until("chat")["data"]["message"] for socket in (mias, other, bobs)] == ["later"] * 3
    for asking in (mias, other):
        say(asking, bob, " Hello! ", client_message_id="m-1", timestamp=5)
        assert asking.until("chat") == first
    say(old, bob, client_message_id="m-1")
    for socket in (mias, other, old, bobs):
        assert socket.sync() == []
    assert DirectMessage.objects.filter(sender=mia).count() == head(mia) == head(bob) == 2


def test_the_same_again_is_answered_though_the_other_has_left_meanwhile(opened: Open, mia: User, bob: User) -> None:
    mias = opened(mia, new=True)
    say(mias, bob, client_message_id="m-1")
    first = mias.until("chat")
    bob.is_active = False
    bob.save()
    say(mias, bob, client_message_id="m-1")
    assert mias.until("chat") == first
    say(mias, bob, client_message_id="m-2")
    assert error(mias)["error_code"] == "NOT_FOUND"


def test_the_same_name_for_something_else_is_refused(opened: Open, mia: User, bob: User, eve: User) -> None:
    mias = opened(mia, new=True)
    say(mias, bob, client_message_id="m-1")
    mias.until("chat")
    for to, text in ((bob, "Something else"), (eve, "Hello!")):
        say(mias, to, text, client_message_id="m-1")
        refused = error(mias)
        assert (refused["error_code"], refused["data"]) == ("INVALID_MESSAGE", {"client_message_id": "m-1"})
        assert "client_message_id" in refused["message"]
    assert [head(mia), head(bob), head(eve)] == [1, 1, 0]


def test_two_people_may_use_the_same_name(opened: Open, mia: User, bob: User) -> None:
    mias, bobs = opened(mia, new=True), opened(bob, new=True)
    for socket, to in ((mias, bob), (bobs, mia)):
        say(socket, to, client_message_id="1")
        assert socket.until(lambda frame, to=to: frame["type"] == "chat" and frame["data"]["to_user_id"] == to.pk)
    assert [head(mia), head(bob)] == [2, 2]


WRONG = [
    ({"message": ""}, "message"),
    ({"message": " \n\t "}, "message"),
    ({"message": "x" * 4001}, "message"),
    ({"message": "a\x00b"}, "message"),
    ({"message": 5}, "message"),
    ({"message": None}, "message"),
    ({"to_user_id": "456"}, "to_user_id"),
    ({"to_user_id": 0}, "to_user_id"),
    ({"to_user_id": 2**53}, "to_user_id"),
    ({"to_user_id": True}, "to_user_id"),
    ({"client_message_id": "x" * 101}, "client_message_id"),
    ({"client_message_id": "\x00"}, "client_message_id"),
    ({"client_message_id": 7}, "client_message_id"),
    ({"text": "Hello"}, "text"),
]


def test_what_is_wrong_is_refused_by_name_and_ends_nothing(opened: Open, mia: User, bob: User) -> None:
    mias = opened(mia, new=True)
    right = {"type": "message", "to_user_id": bob.pk, "message": "Hello!", "client_message_id": "m-1"}
    for wrong, field in [*WRONG, ({"to_user_id": mia.pk}, "to_user_id")]:
        mias.send({**right, **wrong})
        refused = error(mias)
        assert (refused["error_code"], f"“{field}”" in refused["message"]) == ("INVALID_MESSAGE", True), (wrong, refused)
        if field != "client_message_id":
            assert refused["data"] == {"client_message_id": "m-1"}
    for left_out in ("to_user_id", "message"):
        mias.send({name: value for name, value in right.items() if name != left_out})
        assert left_out in error(mias)["message"]
    assert head(bob) == 0
    say(mias, bob, " " + "é" * 4000 + " ", client_message_id="x" * 100)
    assert mias.until("chat")["data"]["message"] == "é" * 4000


def test_a_customer_neither_writes_nor_is_written_to_nor_told_from_somebody_who_is_not_there(opened: Open, mia: User, bob: User, ann: User, eve: User) -> None:
    anns = opened(ann, new=True)
    for to in (mia, bob, ann.pk + 10**9, cast.customer("cid")):
        say(anns, to, client_message_id="m-1")
        refused = error(anns)
        assert (refused["error_code"], refused["data"]) == ("FORBIDDEN", {"client_message_id": "m-1"})
    eve.is_active = False
    eve.save()
    told = []
    for sender in (mia, bob):
        socket = opened(sender, new=True)
        for to in (ann, eve, 2**53 - 1):
            say(socket, to)
            refused = error(socket)
            told.append((refused["error_code"], refused["message"]))
    assert set(told) == {("NOT_FOUND", told[0][1])}
    assert "to_user_id" in told[0][1]
    assert anns.sync() == []
    assert not DirectMessage.objects.filter(sender__in=[mia, bob, ann]).exists()
    assert [head(user) for user in (mia, bob, ann, eve)] == [0, 0, 0, 0]


def test_errors_are_in_the_readers_language(server: Site, mia: User, ann: User, token: Callable[[User], str]) -> None:
    with connect(server.ws_url + "/api/v1/ws", token=token(mia), headers={"Accept-Language": "zh-CN"}) as socket:
        say(socket, ann)
        assert error(socket)["message"] == "字段 “to_user_id”：没有可以接收消息的用户使用此编号。"


def test_who_was_logged_out_says_nothing_more(opened: Open, mia: User, bob: User) -> None:
    mias, bobs = opened(mia, new=True), opened(bob)
    Revocation.objects.revoke([mia.pk])
    assert mias.ended() == 4410
    assert bobs.sync() == []
    assert head(bob) == 0


def test_what_is_posted_and_what_a_socket_says_are_told_alike(opened: Open, server: Site, mia: User, bob: User, token: Callable[[User], str]) -> None:
    mias, bobs = opened(mia, new=True), opened(bob)
    body = {"message": "over REST", "client_message_id": "m-1"}
    headers = {"Authorization": f"Bearer {token(mia)}"}
    posted = httpx.post(server.url + conversation(bob), json=body, headers=headers, timeout=30)
    assert posted.status_code == 201, posted.text
    assert mias.until("chat")["data"] == bobs.until("chat")["data"] == posted.json()
    say(mias, bob, "over REST", client_message_id="m-1")
    assert mias.until("chat")["data"] == posted.json()
    assert bobs.sync() == []


@pytest.mark.parametrize("new", [True, False])
def test_too_much_from_one_sender_is_refused_on_socket_and_rest_together(
    servers: Servers, mia: User, bob: User, token: Callable[[User], str], new: bool
) -> None:
    with servers.serve(env={"RATE_DIRECT": "2/h"}) as strict, connect(strict.ws_url + "/api/v1/ws", token=token(mia), new=new) as mias:
        headers = {"Authorization": f"Bearer {token(mia)}"}
        assert httpx.post(strict.url + conversation(bob), json={"message": "one"}, headers=headers, timeout=30).status_code == 201
        say(mias, bob, "two")
        say(mias, bob, "three", client_message_id="m-3")
        refused = error(mias)
        assert (refused["error_code"], refused["data"]) == ("RATE_LIMITED", {"client_message_id": "m-3"})
        limited = httpx.post(strict.url + conversation(bob), json={"message": "four"}, headers=headers, timeout=30)
        assert (limited.status_code, limited.json()["code"]) == (429, "RATE_LIMITED")
        assert int(limited.headers["Retry-After"]) > 60
        assert httpx.get(strict.url + conversation(bob), headers=headers, timeout=30).status_code == 200
    assert head(bob) == 2
