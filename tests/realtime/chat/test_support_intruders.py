"""What is wrong, and who is wrong: a session that one has no part in is one that does not exist."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Message, Session
from realtime.chat.posting import post
from realtime.declined import Declined
from tests.notifications.stream import head
from tests.realtime.chat.conftest import CHAT, MEMBERS, Open, texts, wants
from tests.realtime.chat.desk import of_type, refused, says, served, shut, write
from tests.servers.fleet import Servers
from tests.sockets import Frame, Socket, connect

UNKNOWN = uuid.UUID("6f1c8a52-6d5e-4a5b-9f0e-3f4a4b1c2d3e")


@pytest.fixture
def session(ann: User, bob: User) -> Session:
    """Ann's, with bob."""
    return served(ann, bob)


@pytest.fixture
def outsider(request: pytest.FixtureRequest) -> User:
    """Whoever the test says by name."""
    user: User = request.getfixturevalue(request.param)
    return user


def every_frame(session_id: object, message: Message) -> list[Frame]:
    """All that can be said about a session and a message in it."""
    place = {"sessionId": str(session_id)}
    context = session_id if isinstance(session_id, uuid.UUID) else UNKNOWN  # what looks otherwise is no session, and members type in it
    return [
        {"type": "message", **place, "text": "Let me in."},
        {"type": "message", **place, "text": "Let me in.", "clientMessageId": "e-1"},
        {"type": "message", **place, "text": message.text, "clientMessageId": message.client_message_id},
        {"type": "message", **place, "text": "Let me in.", "note": True},
        {"type": "read", **place},
        {"type": "read", **place, "upTo": str(message.public_id)},
        {"type": "read", **place, "upTo": str(UNKNOWN)},
        {"type": "typing", "data": {"is_typing": True, "context": str(context)}},
        {"type": "look", **place},
    ]


@pytest.mark.parametrize("outsider", ["eve", "cara", "alice"], indirect=True)
@pytest.mark.parametrize("status", list(Session.Status))
def test_who_has_no_part_in_a_session_learns_not_even_that_it_is_there(opened: Open, ann: User, bob: User, outsider: User, status: Session.Status) -> None:
    session = served(ann, bob if status != Session.Status.WAITING else None)
    message = says(ann, "Help!", session, "a-1")
    if status == Session.Status.CLOSED:
        shut(session)
    if status == Session.Status.WAITING and outsider.role == "agent":
        return  # agents see the queue
    line, desk = opened(ann, CHAT, new=True), opened(bob, CHAT, new=True)
    before = [head(user) for user in (ann, bob)]
    socket = opened(outsider, CHAT, new=True)
    answers = []
    for place in (session.public_id, UNKNOWN, "nonsense", "6f1c8a52"):
        told = []
        for frame in every_frame(place, message):
            socket.send(frame)
            told.append(refused(socket))
        answers.append(told)
    assert [answer["error_code"] for answer in answers[0]] == ["NOT_FOUND"] * len(answers[0])
    assert answers == [answers[0]] * 4
    assert of_type(line.sync() + desk.sync(), "message", "note", "read", "typing", "looking") == []
    assert (Message.objects.filter(session=session).count(), [head(user) for user in (ann, bob)]) == (1, before)


@pytest.mark.parametrize("outsider", ["eve", "cara", "alice"], indirect=True)
def test_nor_by_typing_on_the_members_socket(opened: Open, session: Session, ann: User, bob: User, outsider: User) -> None:
    people = [opened(user, path, new=True) for user in (ann, bob) for path in (CHAT, MEMBERS)]
    socket = opened(outsider, MEMBERS, new=True)
    answers = []
    for place in (session.public_id, UNKNOWN):
        socket.send({"type": "typing", "data": {"is_typing": True, "context": str(place)}})
        answers.append([{**frame, "timestamp": ""} for frame in of_type(socket.sync(), "error", "typing")])
    assert answers[0] == answers[1]
    for one in people:
        assert not [frame for frame in of_type(one.sync(), "typing") if frame["data"]["context"] == str(session.public_id)]


def test_an_agent_who_had_it_or_may_claim_it_is_told_whose_it_is(opened: Open, session: Session, ann: User, bob: User, alice: User, cara: User) -> None:
    waiting = served(cara, None)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    desk = opened(bob, CHAT, new=True)
    Session.objects.filter(pk=waiting.pk).update(status=Session.Status.WAITING, agent=None)
    before = Message.objects.filter(session__in=[session, waiting]).count()
    write(desk, session)
    found = refused(desk)
    assert (found["error_code"], "claim" in found["message"]) == ("FORBIDDEN", True)
    desk.send({"type": "typing", "data": {"is_typing": True, "context": str(session.public_id)}})
    assert refused(desk)["error_code"] == "NOT_FOUND"
    assert Message.objects.filter(session__in=[session, waiting]).count() == before
    write(desk, session, "What I know of her", note=True)
    assert desk.until("note")["note"]["isMine"] is True


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"text": ""}, "text"),
    ({"text": " \n\t "}, "text"),
    ({"text": "x" * 4001}, "text"),
    ({"text": "a\x00b"}, "text"),
    ({"text": 5}, "text"),
    ({"text": None}, "text"),
    ({"text": ["Hello!"]}, "text"),
    ({"sessionId": 5}, "sessionId"),
    ({"sessionId": {}}, "sessionId"),
    ({"sessionId": "x" * 101}, "sessionId"),
    ({"clientMessageId": "x" * 101}, "clientMessageId"),
    ({"clientMessageId": "a\x00"}, "clientMessageId"),
    ({"clientMessageId": 7}, "clientMessageId"),
    ({"note": "yes"}, "note"),
    ({"session_id": "x"}, "session_id"),
    ({"to_user_id": 1}, "to_user_id"),
]


@pytest.mark.parametrize("who", ["customer", "agent"])
def test_what_is_wrong_is_refused_by_name_and_ends_nothing(opened: Open, session: Session, ann: User, bob: User, who: str) -> None:
    me, other = (ann, bob) if who == "customer" else (bob, ann)
    socket = opened(me, CHAT, new=True)
    right = {"type": "message", "sessionId": str(session.public_id), "text": "Hello!", "clientMessageId": "m-1"}
    for wrong, field in WRONG:
        socket.send({**right, **wrong})
        found = refused(socket)
        assert (found["error_code"], f"“{field}”" in found["message"]) == ("INVALID_MESSAGE", True), (wrong, found)
        if field != "clientMessageId":
            assert found["data"] == {"client_message_id": "m-1"}, (wrong, found)
    socket.send({name: value for name, value in right.items() if name != "text"})
    assert "text" in refused(socket)["message"]
    for frame in ({"type": "read"}, {"type": "read", "sessionId": 5}, {"type": "typing", "data": {"is_typing": True}}, {"type": "ack", "seq": -1}):
        socket.send(frame)
        assert refused(socket)["error_code"] == "INVALID_MESSAGE"
    assert head(other) == 0
    write(socket, session, " " + "é" * 4000 + " ", "x" * 100)
    assert socket.until("message")["message"]["text"] == "é" * 4000


def test_an_agent_names_a_session_and_a_customer_need_not(opened: Open, session: Session, ann: User, bob: User) -> None:
    line, desk = opened(ann, CHAT, new=True), opened(bob, CHAT, new=True)
    for place in ({}, {"sessionId": None}, {"sessionId": ""}):
        frame = {"type": "message", **place, "text": "Hello!"}
        desk.send(frame)
        found = refused(desk)
        assert (found["error_code"], "“sessionId”" in found["message"]) == ("INVALID_MESSAGE", True)
        line.send(frame)
        assert line.until("message")["message"]["sessionId"] == str(session.public_id)
    for place in ("nonsense", str(UNKNOWN)):
        write(line, place)
        assert refused(line)["error_code"] == "NOT_FOUND"


def test_a_customer_writes_no_note(opened: Open, session: Session, ann: User, cara: User, bob: User) -> None:
    line, other = opened(ann, CHAT, new=True), opened(cara, CHAT, new=True)
    for socket, place in ((line, session), (line, None), (other, None)):
        write(socket, place, note=True)
        assert refused(socket)["error_code"] == "FORBIDDEN"
    assert not Message.objects.filter(session=session).exists()
    assert not Session.objects.filter(customer=cara).exists()


# Sessions that are closed


def test_what_an_agent_writes_into_a_session_closed_meanwhile_is_refused(opened: Open, session: Session, ann: User, bob: User) -> None:
    line, desk = opened(ann, CHAT, new=True), opened(bob, CHAT, new=True)
    desk.send({"type": "typing", "data": {"is_typing": True, "context": str(session.public_id)}})
    line.until("typing")
    services.close(by=ann, session_id=session.public_id)
    write(desk, session, "Too late", "m-1")
    found = refused(desk)
    assert (found["error_code"], found["data"]) == ("INVALID_MESSAGE", {"client_message_id": "m-1"})
    assert "sessionId" in found["message"]
    line.sync()
    assert texts(line.frames) == []


def test_what_a_customer_writes_into_one_opens_it_again_and_its_agent_has_it(opened: Open, session: Session, ann: User, bob: User, alice: User) -> None:
    line, desk, other = opened(ann, CHAT, new=True), opened(bob, CHAT, new=True), opened(alice, CHAT, new=True)
    line.send({"type": "typing", "data": {"is_typing": True, "context": str(session.public_id)}})
    desk.until("typing")
    services.close(by=bob, session_id=session.public_id)
    write(line, session, "One more thing", "m-1")
    again = line.until(lambda frame: frame["type"] == "session" and frame["session"]["reason"] == "reopened")["session"]
    assert (again["id"], again["status"], again["agent"]["userId"]) == (str(session.public_id), "open", bob.pk)
    assert desk.until("message")["message"]["text"] == "One more thing"
    assert [frame for frame in other.sync() if frame["type"] != "waiting"] == []  # how many wait every agent is told
    write(line, session, "One more thing", "m-1")
    line.sync()
    assert Message.objects.filter(session=session).count() == 1


def test_without_naming_it_a_customer_opens_another_one(session: Session, ann: User, bob: User) -> None:
    shut(session)
    opened = post(wants(ann, "Something else")).session
    assert opened.pk != session.pk
    assert post(wants(ann, "To the old one", session)).session.pk == opened.pk, "for she has one that is open"


def test_long_after_it_was_closed_it_stays_so(session: Session, ann: User, bob: User, options: Callable[..., None]) -> None:
    shut(session)
    options(support_reopen=0)
    opened = post(wants(ann, "Anybody?", session)).session
    assert (opened.pk != session.pk, opened.customer_id) == (True, ann.pk)
    assert Session.objects.get(pk=session.pk).status == Session.Status.CLOSED
    with pytest.raises(Declined):
        post(wants(bob, "Hello?", session))


# Those who may not, and those who write too much


def test_a_blocked_customer_is_told_so_and_is_heard_no_more(opened: Open, session: Session, ann: User, bob: User) -> None:
    line, desk = opened(ann, CHAT, new=True), opened(bob, CHAT, new=True)
    write(line, session, "You fools", "m-1")
    desk.until("message")
    services.block(by=bob, customer_id=ann.pk)
    assert line.until(lambda frame: frame["type"] == "session" and frame["session"]["status"] == "closed")
    for place in (session, None):
        write(line, place, "And again", "m-2")
        found = refused(line)
        assert (found["error_code"], found["data"]) == ("FORBIDDEN", {"client_message_id": "m-2"})
    write(line, UNKNOWN)
    assert refused(line)["error_code"] == "NOT_FOUND"
    desk.sync()
    assert texts(desk.frames) == ["You fools"]
    services.unblock(by=bob, customer_id=ann.pk)
    write(line, session, "I am sorry", "m-2")
    assert desk.until("message")["message"]["text"] == "I am sorry", "and not what bob has read before"


@pytest.mark.parametrize("new", [True, False])
def test_who_writes_too_much_is_told_to_wait(servers: Servers, token: Callable[[User], str], session: Session, ann: User, bob: User, new: bool) -> None:
    def line(user: User) -> Socket:
        socket = connect(strict.ws_url + CHAT, token=token(user), new=new)
        socket.until("offline_messages_complete")
        return socket

    with servers.serve(workers=1, env={"RATE_SUPPORT": "2/h"}) as strict, line(ann) as widget, line(bob) as console:
        for number in range(3):
            write(widget, session, f"word {number}", f"m-{number}")
        found = refused(widget)
        assert (found["error_code"], found["data"]) == ("RATE_LIMITED", {"client_message_id": "m-2"})
        write(console, session, "I hear you")
        assert widget.until(lambda frame: frame["type"] == "message" and not frame["message"]["isMine"])["message"]["text"] == "I hear you"
        console.sync()
        assert [text for text in texts(console.frames) if text.startswith("word")] == ["word 0", "word 1"]
