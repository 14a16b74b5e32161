"""Who is told what of a support session, over sockets: whose message it is, under which name, and what customers never see."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from accounts.models import User
from notifications.models import Entry
from realtime.chat import services
from realtime.chat.models import Message, Session
from tests.notifications.stream import head
from tests.realtime.chat.conftest import CHAT, MEMBERS, Open, texts
from tests.realtime.chat.desk import at_once_missed, come, of_type, refused, says, served, shut, stream, write
from tests.sockets import Socket


@pytest.fixture
def session(ann: User, bob: User) -> Session:
    """Ann's, with bob."""
    return served(ann, bob)


def tabs(opened: Open, user: User) -> dict[str, Socket]:
    """One of each kind that is told of support sessions."""
    chat = {"new": come(opened, user, new=True), "old": come(opened, user)}
    return {**chat, "new member": opened(user, MEMBERS, new=True), "old member": opened(user, MEMBERS)}


def test_each_is_told_whose_it_is_and_old_clients_nothing_of_their_own(opened: Open, session: Session, ann: User, bob: User, alice: User, eve: User) -> None:
    anns, bobs = tabs(opened, ann), tabs(opened, bob)
    second = opened(ann, CHAT, new=True)
    strangers = [*tabs(opened, alice).values(), *tabs(opened, eve).values()]
    for writer, others, name in ((anns, bobs, "CUSTOMER"), (bobs, anns, "AGENT")):
        write(writer["new"], session, " I say \n", "m-1")
        row = Message.objects.get(public_id=writer["new"].until("message")["message"]["id"])
        mine = [writer["new"], writer["new member"], *([second] if writer is anns else [])]
        yours = [*others.values(), *([] if writer is anns else [second])]
        at = row.created_at.isoformat().replace("+00:00", "Z")
        said = {"id": str(row.public_id), "sessionId": str(session.public_id), "senderType": name, "senderId": row.sender_id, "text": "I say"}
        for socket in mine + yours:
            shown = {"agentName": "Bob" if name == "AGENT" else "", "isMine": socket in mine, "createdAt": at, "clientMessageId": "m-1"}
            frame = of_type(socket.frames, "message")[-1] if socket is writer["new"] else socket.until("message")
            assert frame == {"type": "message", "seq": frame["seq"], "message": {**said, **shown}}
    for socket in [*anns.values(), *bobs.values(), second, *strangers]:
        assert of_type(socket.sync(), "message", "note", "session", "read") == []


def test_old_clients_hear_only_the_other_one(opened: Open, session: Session, ann: User, bob: User) -> None:
    widget, console = opened(ann, CHAT), opened(bob, CHAT)
    write(widget, session, "one")
    assert console.until("message")["message"]["text"] == "one"
    write(console, session, "two")
    assert widget.until("message")["message"]["text"] == "two"
    for socket, heard in ((widget, ["two"]), (console, ["one"])):
        socket.sync()
        assert texts(socket.frames) == heard


def test_the_same_again_is_answered_with_the_same_to_who_asks_alone(opened: Open, session: Session, ann: User, bob: User) -> None:
    asking, other, old, desk = opened(ann, CHAT, new=True), opened(ann, CHAT, new=True), opened(ann, CHAT), opened(bob, CHAT, new=True)
    write(asking, session, name="m-1")
    first = asking.until("message")
    write(asking, session, "Later")
    for socket in (asking, other):
        write(socket, None, " Hello! ", name="m-1")  # which of her sessions it is does not matter
        found = socket.until(lambda frame: frame["type"] == "message" and frame["message"]["clientMessageId"] == "m-1")
        assert found == first
    write(old, session, name="m-1")
    assert texts(old.sync()) == []
    desk.sync()
    assert texts(desk.frames) == ["Hello!", "Later"]
    assert Message.objects.filter(session=session).count() == 2


def test_the_same_name_for_something_else_is_refused(opened: Open, session: Session, ann: User, bob: User, cara: User) -> None:
    other, desk = served(cara, bob), opened(bob, CHAT, new=True)
    write(desk, session, name="m-1")
    desk.until("message")
    for place, text, more in ((session, "Something else", {}), (other, "Hello!", {}), (session, "Hello!", {"note": True})):
        write(desk, place, text, "m-1", **more)
        found = refused(desk)
        assert (found["error_code"], found["data"]) == ("INVALID_MESSAGE", {"client_message_id": "m-1"})
        assert "clientMessageId" in found["message"]
    line = opened(ann, CHAT, new=True)
    write(line, session, "Mine", "m-1")  # which is nobody else's name
    assert line.until("message")["message"]["isMine"] is True
    assert Message.objects.filter(session__in=[session, other]).count() == 2


# What customers never see


def secrets_kept(ann: User, *secrets: str) -> None:
    """Nothing that the customer was ever told has any of these in it."""
    told = stream(ann)
    assert not [secret for secret in secrets if secret in told], told


def test_notes_reach_agents_only(opened: Open, session: Session, ann: User, bob: User, admin: User, alice: User) -> None:
    anns, bobs, strangers = tabs(opened, ann), tabs(opened, bob), tabs(opened, alice)
    staff = opened(admin, CHAT, new=True)
    before = head(ann)
    write(bobs["new"], session, "She is difficult.", "n-1", note=True)
    for kind in ("new", "new member"):
        note = bobs[kind].until("note")["note"]
        assert (note["text"], note["isMine"], note["agentName"], note["clientMessageId"]) == ("She is difficult.", True, "Bob", "n-1")
    write(staff, session, "Be kind.", note=True)
    assert staff.until("note")["note"]["isMine"] is True
    for socket in bobs.values():
        note = socket.until("note")["note"]
        assert (note["text"], note["isMine"]) == ("Be kind.", False)
    assert of_type(bobs["old"].frames, "note") == of_type(bobs["old"].frames, "note")[-1:]
    for socket in [*anns.values(), *strangers.values()]:
        assert socket.sync() == []
    assert head(ann) == before, "not even a number is missing"
    assert at_once_missed(opened, ann) == []
    line = opened(ann, CHAT, new=True, since=0)
    assert line.sync() == []
    secrets_kept(ann, "difficult", "kind")
    assert not Entry.objects.filter(user=ann, item__in=Message.objects.filter(session=session, is_note=True).values("pk")).exists()


def test_a_customer_neither_reads_a_note_nor_is_told_that_one_was_read(opened: Open, session: Session, ann: User, bob: User, admin: User) -> None:
    says(ann, "Hello", session)
    note = says(bob, "She is difficult.", session, note=True)
    line, desk = come(opened, ann, new=True), come(opened, bob, new=True)
    unknown = "6f1c8a52-6d5e-4a5b-9f0e-3f4a4b1c2d3e"
    answers = []
    for up_to in (str(note.public_id), unknown):
        line.send({"type": "read", "sessionId": str(session.public_id), "upTo": up_to})
        answers.append(refused(line))
    assert answers[0] == answers[1]
    second = says(admin, "Another one", session, note=True)
    desk.send({"type": "read", "sessionId": str(session.public_id)})
    assert desk.until("read")["data"]["upTo"] == str(second.public_id)
    assert line.sync() == [], "bob had read what she can see when he wrote his note"
    third, fourth = says(ann, "Are you there?", session), says(admin, "A third one", session, note=True)
    line.until("message")
    desk.send({"type": "read", "sessionId": str(session.public_id)})
    assert desk.until("read")["data"]["upTo"] == str(fourth.public_id)
    assert line.until("read")["data"]["upTo"] == str(third.public_id)
    secrets_kept(ann, *(str(each.public_id) for each in (note, second, fourth)))


def test_what_an_agent_is_told_at_a_transfer_its_customer_is_not(opened: Open, session: Session, ann: User, bob: User, alice: User) -> None:
    line, desk = opened(ann, CHAT, new=True), opened(alice, CHAT, new=True)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note="She is difficult.")
    assert desk.until("session")["session"]["note"] == "She is difficult."
    assert line.until("session")["session"]["note"] == ""
    assert line.until("message")["message"]["text"] == "Bob has asked Alice to help you."
    secrets_kept(ann, "difficult")


@pytest.mark.parametrize(("language", "name"), [("en", "Support"), ("zh-hans", "客服")])
def test_a_customer_is_never_told_a_username(opened: Open, ann: User, bob: User, alice: User, language: str, name: str) -> None:
    for user, changes in ((ann, {"language": language}), (bob, {"display_name": ""}), (alice, {"display_name": ""})):
        User.objects.filter(pk=user.pk).update(**changes)
        user.refresh_from_db()
    session = served(ann, bob)
    line, desk = opened(ann, CHAT, new=True), opened(bob, CHAT, new=True)
    write(line, session, "Hello")
    line.until("message")
    write(desk, session, "Hello, too")
    assert line.until("message")["message"]["agentName"] == name
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    assert line.until("session")["session"]["agent"] == {"userId": alice.pk, "name": name}
    says(alice, "I am here now.", session)
    services.close(by=alice, session_id=session.public_id)
    assert line.until(lambda frame: frame["type"] == "session" and frame["session"]["status"] == "closed")["session"]["agent"]["name"] == name
    line.sync()
    shown = json.dumps(line.frames) + stream(ann)
    assert not [user for user in (bob, alice) if user.username in shown or "@" in shown]


def test_a_customer_sees_nothing_of_another_one(opened: Open, session: Session, ann: User, bob: User, cara: User) -> None:
    other = served(cara, bob)
    lines = [*tabs(opened, cara).values()]
    desk = opened(bob, CHAT, new=True)
    for way in (session, session):
        write(opened(ann, CHAT, new=True), way)
        desk.until("message")
    write(desk, session, "For ann")
    desk.until("message")
    services.close(by=bob, session_id=session.public_id)
    desk.until("session")
    for line in lines:
        assert of_type(line.sync(), "message", "session", "read", "typing") == []
    assert head(cara) == 0
    assert Session.objects.get(pk=other.pk).status == Session.Status.OPEN


# Typing and presence


def types(socket: Socket, session: Session | str, is_typing: bool = True) -> None:
    socket.send({"type": "typing", "data": {"is_typing": is_typing, "context": str(session.public_id if isinstance(session, Session) else session)}})


@pytest.mark.parametrize("path", [CHAT, MEMBERS])
@pytest.mark.parametrize("new", [True, False])
def test_typing_reaches_the_other_one_of_the_session_and_nobody_else(
    opened: Open, session: Session, ann: User, bob: User, alice: User, eve: User, cara: User, path: str, new: bool
) -> None:
    served(cara, alice)
    people = {user.pk: tabs(opened, user) for user in (ann, bob, alice, eve, cara)}
    typing = {user.pk: opened(user, path, new=new) for user in (ann, bob)}
    for me, other in ((ann, bob), (bob, ann)):
        for is_typing in (True, False):
            types(typing[me.pk], session, is_typing)
            for socket in [*people[other.pk].values(), typing[other.pk]]:
                assert socket.until("typing")["data"] == {"user_id": me.pk, "is_typing": is_typing, "context": str(session.public_id)}
        for user in (me, alice, eve, cara):
            for socket in people[user.pk].values():
                assert of_type(socket.sync(), "typing", "error") == []


def test_who_types_in_what_is_closed_is_told_that_there_is_no_such_session(opened: Open, session: Session, ann: User, bob: User) -> None:
    line, desk = opened(ann, CHAT, new=True), opened(bob, CHAT, new=True)
    shut(session)
    types(line, session)
    assert refused(line)["error_code"] == "NOT_FOUND"
    assert of_type(desk.sync(), "typing") == []


def presence_of(user: User) -> Callable[[dict], bool]:
    return lambda frame: frame["type"] == "presence" and frame["data"]["user_id"] == user.pk


@pytest.mark.parametrize("path", [CHAT, MEMBERS])
def test_how_an_agent_is_its_customer_is_told_and_no_other_until_it_has_another_agent(
    opened: Open, session: Session, ann: User, bob: User, alice: User, cara: User, path: str
) -> None:
    served(cara, alice)
    desks = {user.pk: opened(user, CHAT, new=True) for user in (bob, alice)}
    line, other = opened(ann, path, new=True), opened(cara, path, new=True)
    assert line.until(presence_of(bob))["data"]["status"] == "online"
    assert other.until(presence_of(alice))["data"]["status"] == "online"

    def chooses(user: User, status: str) -> None:
        desks[user.pk].send({"type": "presence", "status": status})

    chooses(bob, "busy")
    assert line.until(presence_of(bob))["data"]["status"] == "busy"
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    assert line.until(presence_of(alice))["data"]["status"] == "online"
    chooses(bob, "away")
    chooses(alice, "away")
    for socket in (line, other):
        assert socket.until(presence_of(alice))["data"]["status"] == "away"
    services.close(by=alice, session_id=session.public_id)
    line.until("session")
    other.until(lambda frame: frame["type"] == "heartbeat")
    chooses(alice, "busy")
    assert other.until(presence_of(alice))["data"]["status"] == "busy"
    for socket in (line, other):
        socket.sync()
        told = [(frame["data"]["user_id"], frame["data"]["status"]) for frame in of_type(socket.frames, "presence")]
        expected = [(bob.pk, "online"), (bob.pk, "busy"), (alice.pk, "online"), (alice.pk, "away")]
        assert told == (expected if socket is line else [(alice.pk, status) for status in ("online", "away", "busy")])


def test_after_many_transfers_a_customer_is_told_how_its_last_agent_is(opened: Open, session: Session, ann: User, bob: User, alice: User) -> None:
    desks = [opened(user, CHAT, new=True) for user in (bob, alice)]
    lines = [opened(ann, CHAT, new=True) for _ in range(6)]
    for by, to in ((bob, alice), (alice, bob)) * 8:
        services.transfer(by=by, session_id=session.public_id, to_user_id=to.pk)
    for line in lines:
        line.take(16, "session")
        line.until(lambda frame: frame["type"] == "heartbeat")
    for desk in reversed(desks):
        desk.send({"type": "presence", "status": "busy"})
    for line in lines:
        changed = line.until(lambda frame: frame["type"] == "presence" and frame["data"]["status"] == "busy")
        assert changed["data"]["user_id"] == bob.pk
        line.sync()
        assert [frame for frame in line.frames if frame["type"] == "presence" and frame["data"] == {**changed["data"], "user_id": alice.pk}] == []
