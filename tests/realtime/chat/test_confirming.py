"""What says that a message has arrived, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import User
from realtime.chat.models import Session
from tests.notifications.stream import head
from tests.realtime.chat.conftest import MEMBERS, Open
from tests.realtime.chat.desk import at_once_missed, come, confirmed, missed, of_type, says, says_all, served, write
from tests.sockets import Socket


@pytest.fixture
def session(ann: User, bob: User) -> Session:
    """Ann's, with bob."""
    return served(ann, bob)


def acks(socket: Socket) -> None:
    socket.send({"type": "ack", "seq": socket.frames[0]["data"]["seq"]})
    socket.sync()


def ack_on_the_same_socket(opened: Open, reader: User, session: Session) -> None:
    acks(come(opened, reader, new=True))


def ack_of_the_last_one(opened: Open, reader: User, session: Session) -> None:
    socket = come(opened, reader, new=True)
    socket.send({"type": "ack", "seq": of_type(socket.frames, "offline_message")[-1]["seq"]})
    socket.sync()


def ack_by_an_old_client(opened: Open, reader: User, session: Session) -> None:
    acks(come(opened, reader))


def ack_on_the_members_socket(opened: Open, reader: User, session: Session) -> None:
    acks(opened(reader, MEMBERS, new=True))


def read_all(opened: Open, reader: User, session: Session) -> None:
    socket = come(opened, reader, new=True)
    socket.send({"type": "read", "sessionId": str(session.public_id)})
    socket.sync()


def own_message(opened: Open, reader: User, session: Session) -> None:
    socket = come(opened, reader, new=True)
    write(socket, session, "I have seen it.")
    socket.sync()


CONFIRMING = [ack_on_the_same_socket, ack_of_the_last_one, ack_by_an_old_client, ack_on_the_members_socket, read_all, own_message]


@pytest.mark.parametrize("who", ["customer", "agent"])
@pytest.mark.parametrize("confirm", CONFIRMING)
def test_what_confirms(opened: Open, session: Session, ann: User, bob: User, confirm: Callable[..., None], who: str) -> None:
    reader, writer = (ann, bob) if who == "customer" else (bob, ann)
    says_all(writer, ["One", "Two"], session)
    assert at_once_missed(opened, reader) == ["One", "Two"]
    confirm(opened, reader, session)
    assert at_once_missed(opened, reader) == []
    says_all(writer, ["Three"], session)
    assert at_once_missed(opened, reader) == ["Three"]


def test_ack_and_read_confirm_up_to_where_they_say(opened: Open, session: Session, ann: User, bob: User) -> None:
    said = [says(bob, text, session) for text in ("One", "Two", "Three")]
    socket = come(opened, ann, new=True)
    socket.send({"type": "ack", "seq": of_type(socket.frames, "offline_message")[0]["seq"]})
    socket.sync()
    assert at_once_missed(opened, ann) == ["Two", "Three"]
    socket.send({"type": "read", "sessionId": str(session.public_id), "upTo": str(said[1].public_id)})
    socket.sync()
    assert at_once_missed(opened, ann) == ["Three"]
    for back in (said[0], said[1]):  # nothing is unread again
        socket.send({"type": "read", "sessionId": str(session.public_id), "upTo": str(back.public_id)})
    socket.send({"type": "ack", "seq": 0})
    socket.sync()
    assert at_once_missed(opened, ann) == ["Three"]


def the_bells_ack(opened: Open, ann: User, bob: User, session: Session) -> None:
    acks(opened(ann, "/api/ws/notifications", new=True))


def nothing_but_looking(opened: Open, ann: User, bob: User, session: Session) -> None:
    come(opened, ann, new=True).sync()


def the_other_ones(opened: Open, ann: User, bob: User, session: Session) -> None:
    socket = come(opened, bob, new=True)
    acks(socket)
    socket.send({"type": "read", "sessionId": str(session.public_id)})
    write(socket, session, "Are you there?")
    socket.sync()


def the_pong_of_a_new_client(opened: Open, ann: User, bob: User, session: Session) -> None:
    socket = come(opened, ann, new=True)
    socket.connection.pong(b"seen 9999")
    socket.sync()


@pytest.mark.parametrize("confirm", [the_bells_ack, nothing_but_looking, the_other_ones, the_pong_of_a_new_client])
def test_what_does_not_confirm(opened: Open, session: Session, ann: User, bob: User, confirm: Callable[..., None]) -> None:
    says(bob, "One", session)
    confirm(opened, ann, bob, session)
    assert at_once_missed(opened, ann)[:1] == ["One"]


def test_an_agents_own_message_confirms_nothing_of_its_other_session(opened: Open, session: Session, ann: User, bob: User, cara: User) -> None:
    other = served(cara, bob)
    says_all(ann, ["Of ann"], session)
    says_all(cara, ["Of another"], other)
    desk = come(opened, bob, new=True)
    assert missed(desk) == ["Of ann", "Of another"]
    write(desk, other, "Hello!")
    desk.send({"type": "read", "sessionId": str(other.public_id)})
    desk.sync()
    assert at_once_missed(opened, bob) == ["Of ann"]


def test_an_ack_ahead_of_what_was_sent_confirms_only_that(opened: Open, session: Session, ann: User, bob: User) -> None:
    says(bob, "One", session)
    socket = come(opened, ann, new=True)
    socket.send({"type": "ack", "seq": 2**53 - 1})
    socket.sync()
    assert confirmed(ann) == head(ann)
    socket.hang_up()
    says(bob, "Two", session)
    assert at_once_missed(opened, ann) == ["Two"]
