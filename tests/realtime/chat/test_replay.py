"""What was missed is sent again until somebody confirms it: once, in order, with nothing lost while it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Session
from tests.notifications.stream import head
from tests.realtime.chat.conftest import CHAT, Open, texts, wants
from tests.realtime.chat.desk import at_once_missed, come, confirmed, missed, of_type, says, says_all, served
from tests.servers.raw import RawSocket
from tests.servers.waiting import until
from tests.servers.workers import Site

PING, PONG, TEXT = 9, 10, 1
Token = Callable[[User], str]


@pytest.fixture
def session(ann: User, bob: User) -> Session:
    """Ann's, with bob."""
    return served(ann, bob)


@pytest.mark.parametrize("who", ["customer", "agent"])
def test_an_old_client_that_comes_back_five_times_gets_each_missed_message_once(opened: Open, session: Session, ann: User, bob: User, who: str) -> None:
    reader, writer = (ann, bob) if who == "customer" else (bob, ann)
    heard: list[str] = []
    for shift in range(6):
        away = [f"{shift} away {number}" for number in range(3)]
        says_all(writer, away, session)
        line = come(opened, reader)
        assert missed(line) == away
        says_all(writer, [f"{shift} here {number}" for number in range(2)], session)
        line.take(2, "message")
        until(lambda: confirmed(reader) == head(reader), what="its pong has confirmed them")
        heard += texts(line.frames)
        line.hang_up()
    assert heard == [text for shift in range(6) for text in (*(f"{shift} away {n}" for n in range(3)), *(f"{shift} here {n}" for n in range(2)))]
    assert missed(come(opened, reader)) == []


@contextmanager
def dumb(server: Site, token: str) -> Iterator[RawSocket]:
    """An old client that answers no ping."""
    with RawSocket(server.port, f"{CHAT}?token={token}") as raw:
        assert " 101 " in raw.shake_hands()
        yield raw


def heard_before_ping(raw: RawSocket) -> tuple[list[dict[str, Any]], bytes]:
    """What came before the ping that asks whether it has, and that ping."""
    frames = []
    while True:
        opcode, payload = raw.receive()
        if opcode == TEXT:
            frames.append(json.loads(payload))
        elif opcode == PING and payload:
            return frames, payload


def test_an_old_client_whose_line_breaks_before_its_pong_gets_them_again(server: Site, token: Token, session: Session, ann: User, bob: User) -> None:
    says_all(bob, ["One", "Two"], session)
    for _ in range(2):
        with dumb(server, token(ann)) as raw:
            frames, _ping = heard_before_ping(raw)
            assert texts(frames) == ["One", "Two"]
    with dumb(server, token(ann)) as raw:
        frames, ping = heard_before_ping(raw)
        assert texts(frames) == ["One", "Two"]
        says(bob, "Three", session)
        frames, _ = heard_before_ping(raw)
        assert texts(frames) == ["Three"]
        raw.send(PONG, ping)  # the first one's: it says nothing of what came after it
        until(lambda: confirmed(ann), what="the first two are confirmed")
    with dumb(server, token(ann)) as raw:
        frames, ping = heard_before_ping(raw)
        assert [(frame["type"], frame["message"]["text"]) for frame in of_type(frames, "offline_message", "message")] == [("offline_message", "Three")]
        raw.send(PONG, ping)
        until(lambda: confirmed(ann) == head(ann), what="the third is confirmed, too")


@pytest.mark.parametrize("payload", [b"seen 9007199254740991", b"seen -1", b"seen ", b"seen x", b"seen 99999999999999999999999", b"", b"\xff"])
def test_a_pong_that_nobody_asked_for_confirms_at_most_what_was_sent(
    server: Site, token: Token, session: Session, ann: User, bob: User, payload: bytes
) -> None:
    says(bob, "One", session)
    with dumb(server, token(ann)) as raw:
        heard_before_ping(raw)
        before = head(ann)
        raw.send(PONG, payload)
        raw.send(TEXT, json.dumps({"type": "ping"}).encode())
        while json.loads(raw.receive()[1])["type"] != "pong":
            pass
        assert confirmed(ann) <= before
    says(bob, "Two", session)
    with dumb(server, token(ann)) as raw:
        assert texts(heard_before_ping(raw)[0])[-1:] == ["Two"]


# However many there are, and whatever happens meanwhile


@pytest.mark.parametrize("new", [True, False])
def test_more_than_a_thousand_come_in_order(opened: Open, session: Session, ann: User, bob: User, new: bool) -> None:
    words = [f"word {number}" for number in range(1201)]
    says_all(bob, words, session)
    line = come(opened, ann, new=new)
    assert missed(line) == words
    assert line.sync() == []


def test_what_is_written_while_they_are_sent_comes_after_them_and_none_is_lost(opened: Open, session: Session, ann: User, bob: User) -> None:
    words = [f"word {number}" for number in range(900)]
    says_all(bob, words[:700], session)
    under_way = threading.Event()

    def go_on() -> None:
        under_way.set()
        for text in words[700:]:
            says(bob, text, session)
        connection.close()

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        under_way.wait(10)
        lines = []
        while writer.is_alive() or not lines:
            lines.append(come(opened, ann, new=len(lines) % 3 != 0))
            if len(lines) == 15:
                break
    finally:
        writer.join(60)
    for line in lines:
        while texts(line.frames)[-1:] != words[-1:]:
            line.until("message")
        complete = next(number for number, frame in enumerate(line.frames) if frame["type"] == "offline_messages_complete")
        before, after = line.frames[:complete], line.frames[complete:]
        assert not of_type(before, "message")
        assert not of_type(after, "offline_message")
        offline, pushed = texts(before), texts(after)
        # An old client's pong may have confirmed the first ones meanwhile.
        assert [*offline, *pushed] == words[len(words) - len(offline) - len(pushed) :]
    assert texts(lines[0].frames) == words


def test_who_resumes_gets_exactly_what_came_after_and_nothing_as_missed(opened: Open, session: Session, ann: User, bob: User) -> None:
    says(bob, "Never confirmed", session)
    since = head(ann)
    says_all(bob, ["One", "Two"], session)
    line = opened(ann, CHAT, new=True, since=since)
    assert line.frames[0]["data"]["resumed"] is True
    assert [frame["message"]["text"] for frame in line.take(2, "message")] == ["One", "Two"]
    assert texts(line.sync()) == []
    assert missed(line) == []


@pytest.mark.parametrize("since", ["nonsense:1", "9007199254740991"])
def test_who_cannot_resume_is_told_so_and_reloads(opened: Open, session: Session, ann: User, bob: User, since: str) -> None:
    says(bob, "One", session)
    line = come(opened, ann, new=True, since=since)
    assert line.frames[0]["data"]["resumed"] is False
    assert texts(line.sync()) == missed(line) == []


def test_asking_to_resume_on_the_line_sends_numbers_again_but_nothing_as_missed(opened: Open, session: Session, ann: User, bob: User) -> None:
    says_all(bob, ["One", "Two"], session)
    line = come(opened, ann, new=True)
    line.send({"type": "resume", "since": 0})
    assert [frame["message"]["text"] for frame in line.take(2, "message")] == ["One", "Two"]
    line.sync()
    assert missed(line) == ["One", "Two"]


def test_a_message_that_came_back_to_an_agent_with_its_session_is_missed_once(
    opened: Open, session: Session, ann: User, bob: User, alice: User, admin: User
) -> None:
    says(ann, "Help!", session)
    for agent in (alice, bob):
        services.transfer(by=admin, session_id=session.public_id, to_user_id=agent.pk)
    line = come(opened, bob, new=True)
    assert missed(line).count("Help!") == 1
    # And whom it left is sent nothing of it.
    assert at_once_missed(opened, alice) == []


def test_others_miss_nothing_of_it(opened: Open, session: Session, ann: User, bob: User, alice: User, eve: User, admin: User, cara: User) -> None:
    says_all(ann, ["One"], session)
    says_all(bob, ["Two"], session)
    says(bob, "A note", session, note=True)
    for other in (alice, eve, admin, cara):
        assert at_once_missed(opened, other) == []
    assert at_once_missed(opened, ann) == ["Two"]
    assert at_once_missed(opened, bob) == []


def test_the_own_ones_are_not_missed(opened: Open, ann: User, bob: User, session: Session) -> None:
    services.post(wants(ann, "Mine", session))
    assert at_once_missed(opened, ann) == []
