"""Who gets what: the rules of routing, one by one, with agents on real sockets."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone, translation

from accounts.models import Agent, User
from realtime.chat import posting, services
from realtime.chat.models import Session
from realtime.chat.words import text_of
from realtime.declined import Declined
from tests import cast
from tests.realtime.chat import floor
from tests.realtime.chat.conftest import CHAT, MEMBERS, Open, texts, wants
from tests.realtime.chat.floor import agent, answers, asks, at_once, closes, comes, given_to, goes, hands, is_with, new_question, now, reasons, stream, swept
from tests.servers.waiting import until
from tests.sockets import Frame, Socket


@pytest.fixture(autouse=True)
def nobody_is_here(db: None, nobody_waits: None) -> None:
    until(lambda: not floor.connected(), what="the agents of other tests have gone")


# Whom a new session goes to


def test_a_session_goes_to_the_agent_who_has_the_fewest(opened: Open, bob: User, alice: User) -> None:
    comes(opened, bob, MEMBERS)  # a page without the chat is as good
    first = new_question()
    assert is_with(first, bob)
    comes(opened, alice)
    second, third = new_question(), new_question()
    assert is_with(second, alice)
    closes(bob, first)
    fourth = new_question()
    assert is_with(fourth, bob if is_with(third, alice) else alice)
    assert hands(second) == [("routed", None, alice.pk)]
    assert reasons(alice)[0] == "assigned"


def test_of_those_who_have_the_fewest_it_goes_to_the_one_idle_for_longest(opened: Open, bob: User, alice: User) -> None:
    comes(opened, bob)
    comes(opened, alice)
    sessions = [new_question(), new_question()]
    of_alice, of_bob = sorted(map(now, sessions), key=lambda each: each.agent_id != alice.pk)
    assert (of_alice.agent, of_bob.agent) == (alice, bob)
    closes(alice, of_alice)
    closes(bob, of_bob)
    after_alice = new_question()
    assert is_with(after_alice, alice)
    closes(alice, after_alice)
    assert is_with(new_question(), bob)


def test_nobody_gets_more_than_it_may_have_and_closing_frees_it_for_the_oldest(opened: Open) -> None:
    bob = agent(most=1)
    comes(opened, bob)
    served, next_one, last = new_question(), new_question(), new_question()
    assert [is_with(served, bob), is_with(next_one, None), is_with(last, None)] == [True, True, True]
    closes(bob, served)
    assert is_with(next_one, bob)
    assert is_with(last, None)
    closes(next_one.customer, next_one)
    assert is_with(last, bob)


def test_who_may_have_more_from_now_on_gets_more(opened: Open) -> None:
    bob = agent(most=0)
    comes(opened, bob)
    session = new_question()
    assert is_with(session, None)
    Agent.objects.filter(user=bob).update(max_sessions=1)
    given_to(session, bob)


@pytest.mark.parametrize("status", ["away", "busy", "offline"])
def test_who_is_connected_but_not_online_gets_nothing_until_it_is(opened: Open, bob: User, status: str) -> None:
    socket = comes(opened, bob)
    socket.send({"type": "presence", "status": status})
    until(lambda: bob.pk not in floor.available(), what="that is known")
    assert bob.pk in floor.connected()
    older, newer = new_question(), new_question()
    swept()
    assert [is_with(older, None), is_with(newer, None)] == [True, True]
    Agent.objects.filter(user=bob).update(max_sessions=1)
    socket.send({"type": "presence", "status": "online"})
    given_to(older, bob)
    swept()
    assert is_with(newer, None)


def test_members_staff_and_customers_are_given_nothing(opened: Open, mia: User, admin: User, ann: User) -> None:
    for who in (mia, admin, ann):
        opened(who, MEMBERS if who != ann else CHAT)
    session = new_question("bert")
    swept()
    assert is_with(session, None)
    for who in (mia, admin, ann):
        assert reasons(who) == []


# Waiting


def test_who_waits_is_served_in_order_when_an_agent_connects(opened: Open) -> None:
    bob = agent(most=2)
    oldest, second, third = (new_question(name) for name in ("ann", "bert", "carl"))
    began = time.monotonic()
    console = opened(bob, CHAT)
    given_to(oldest, bob, seconds=2)
    assert time.monotonic() - began < 2
    given_to(second, bob, seconds=2)
    assert is_with(third, None)
    shown = [frame["message"]["sessionId"] for frame in console.frames if frame["type"] in ("message", "offline_message")]
    assert shown == [str(oldest.public_id), str(second.public_id)]
    assert [frame["session"]["id"] for frame in stream(bob, ["session"])] == shown
    closes(bob, oldest)
    assert is_with(third, bob)


def places(customers: dict[int, Socket], *, waiting: int) -> dict[int, int]:
    """What each of these is told next of a queue of that length."""
    return {place: told(socket, waiting=waiting)["position"] for place, socket in customers.items()}


def told(socket: Socket, *, waiting: int) -> Frame:
    return dict(socket.until(lambda frame: frame["type"] == "queue" and frame["data"]["waiting"] == waiting)["data"])


def test_everybody_who_waits_is_told_her_place_whenever_that_changes(opened: Open) -> None:
    people = [cast.customer(name) for name in ("ann", "bert", "carl")]
    lines = dict(enumerate((opened(who, CHAT, new=True) for who in people), start=1))
    sessions = []
    for nth, who in enumerate(people, start=1):
        sessions.append(asks(who))
        upto = {place: lines[place] for place in range(1, nth + 1)}
        assert places(upto, waiting=nth) == {place: place for place in upto}
    closes(people[0], sessions[0])
    assert places({2: lines[2], 3: lines[3]}, waiting=2) == {2: 1, 3: 2}
    bob = agent(most=1)
    comes(opened, bob)
    given_to(sessions[1], bob)
    assert told(lines[3], waiting=1) == {"sessionId": str(sessions[2].public_id), "position": 1, "waiting": 1, "estimate_s": None}
    assert [frame for frame in lines[1].sync() if frame["type"] == "queue"] == []
    for path in (CHAT, MEMBERS):
        again = opened(people[2], path, new=True)
        assert again.until("queue")["data"]["position"] == 1


def test_after_some_have_been_taken_the_others_are_told_how_long_it_may_take(opened: Open) -> None:
    bob = agent(most=1)
    comes(opened, bob)
    for _ in range(4):
        closes(bob, new_question())
    new_question()
    ann = cast.customer("ann")
    line = opened(ann, CHAT, new=True)
    asks(ann)
    estimate = told(line, waiting=1)["estimate_s"]
    assert isinstance(estimate, int)
    assert 0 <= estimate < 60


# Opening again


def test_a_session_that_is_opened_again_goes_to_the_same_agent_though_another_has_fewer(opened: Open, ann: User, bob: User, alice: User) -> None:
    comes(opened, bob)
    session = asks(ann)
    new_question()
    closes(bob, session)
    comes(opened, alice)
    assert asks_again(ann, session) == session
    assert is_with(session, bob)
    assert hands(session) == [("routed", None, bob.pk), ("routed", None, bob.pk)]
    assert reasons(ann) == ["assigned", "closed", "reopened"]


def test_if_the_same_agent_cannot_it_goes_to_another_who_gets_what_was_not_answered(opened: Open, ann: User, alice: User) -> None:
    bob = agent(most=1)
    comes(opened, bob)
    session = asks(ann)
    answers(bob, session)
    closes(bob, session)
    assert is_with(new_question(), bob)
    console = comes(opened, alice)
    assert asks_again(ann, session) == session
    assert is_with(session, alice)
    console.until("message")
    assert texts(console.frames) == ["It is me again."]
    assert [entry["message"]["text"] for entry in stream(bob, ["message"]) if entry["message"]["sessionId"] == str(session.public_id)] == [
        "Is anybody there?",
        "Here I am.",
    ]


def test_if_nobody_can_it_waits_behind_those_who_wait_already(opened: Open, ann: User, bob: User) -> None:
    console = comes(opened, bob)
    session = asks(ann)
    closes(bob, session)
    goes(console, bob)
    before = new_question("bert")
    asks_again(ann, session)
    assert is_with(session, None)
    assert list(Session.objects.filter(status="waiting").order_by("waiting_since")) == [before, session]


def test_a_session_closed_long_ago_stays_closed_and_a_new_one_is_opened(opened: Open, ann: User, bob: User) -> None:
    comes(opened, bob)
    session = asks(ann)
    closes(bob, session)
    Session.objects.filter(pk=session.pk).update(closed_at=timezone.now() - timedelta(hours=24, seconds=1))
    fresh = asks_again(ann, session)
    assert fresh != session
    assert now(session).status == Session.Status.CLOSED
    assert is_with(fresh, bob)


def asks_again(customer: User, session: Session) -> Session:
    return posting.post(wants(customer, "It is me again.", session)).session


# By hand


def test_of_two_agents_who_claim_at_once_one_has_it_and_the_other_is_told_who(bob: User, alice: User) -> None:
    def claim(who: User, session: Session) -> Session:
        return services.claim(agent=who, session_id=session.public_id)

    for _ in range(6):
        session = new_question()
        outcomes = at_once(partial(claim, bob, session), partial(claim, alice, session))
        winner = now(session).agent
        [declined] = [each for each in outcomes if isinstance(each, Declined)]
        assert declined.code == "CONFLICT"
        assert winner in (bob, alice)
        assert winner.shown_name in declined.sentence
        assert hands(session) == [("claimed", None, winner.pk)]


def test_claiming_twice_is_claiming_once_and_may_exceed_what_routing_gives(opened: Open, bob: User) -> None:
    Agent.objects.filter(user=bob).update(max_sessions=0)
    comes(opened, bob)
    session = new_question()
    for _ in range(2):
        assert services.claim(agent=bob, session_id=session.public_id).agent == bob
    assert hands(session) == [("claimed", None, bob.pk)]
    assert reasons(bob) == ["assigned"]


def test_a_claim_and_a_connecting_agent_share_one_session(opened: Open, bob: User, alice: User) -> None:
    session = new_question()
    _socket, claimed = at_once(partial(opened, bob, CHAT), partial(services.claim, agent=alice, session_id=session.public_id))
    swept()
    assert len(hands(session)) == 1
    assert is_with(session, bob if isinstance(claimed, Declined) else alice)


def test_a_transfer_takes_the_question_and_the_note_along_and_tells_the_customer_in_her_language(opened: Open, ann: User, bob: User, alice: User) -> None:
    User.objects.filter(pk=ann.pk).update(language="zh-hans")
    console = comes(opened, bob)
    session = asks(ann)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note="She is in a hurry.")
    assert is_with(session, alice)
    assert hands(session)[1:] == [("transferred", bob.pk, alice.pk)]
    [words] = floor.said_by_the_system(session)
    with translation.override("zh-hans"):
        in_chinese = text_of(words)
    with translation.override("en"):
        in_english = text_of(words)
    assert [frame["message"]["text"] for frame in stream(ann, ["message"])][-1] == in_chinese
    assert [frame["message"]["text"] for frame in stream(alice, ["message"])] == ["Is anybody there?", in_english]
    assert in_english == "Bob has asked Alice to help you."
    notes = {who.pk: [frame["session"]["note"] for frame in stream(who, ["session"])] for who in (ann, bob, alice)}
    assert notes == {ann.pk: ["", ""], bob.pk: ["", "She is in a hurry."], alice.pk: ["She is in a hurry."]}
    assert console.until(lambda frame: frame["type"] == "session" and frame["session"]["reason"] == "transferred")
    with pytest.raises(Declined) as declined:
        answers(bob, session)
    assert declined.value.code == "FORBIDDEN"


def test_a_transfer_at_once_with_closing_ends_with_a_closed_session_that_nobody_gets(bob: User, alice: User) -> None:
    for _ in range(4):
        session = new_question()
        services.claim(agent=bob, session_id=session.public_id)
        at_once(
            partial(services.transfer, by=bob, session_id=session.public_id, to_user_id=alice.pk),
            partial(services.close, by=session.customer, session_id=session.public_id),
        )
        assert now(session).status == Session.Status.CLOSED
        assert now(session).agent_id == hands(session)[-1][2]
