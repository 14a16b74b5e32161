"""Which agents have a session open: told to these, as they come and go."""

from __future__ import annotations

from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Session
from realtime.chat.posting import post
from tests.realtime.chat.conftest import CHAT, Open, wants
from tests.sockets import Frame, Socket


def look(socket: Socket, session: Session | None) -> None:
    socket.send({"type": "look", "sessionId": str(session.public_id) if session is not None else None})


def seen(frame: Frame) -> list[str]:
    return [agent["name"] for agent in frame["data"]["agents"]]


def waiting(customer: User) -> Session:
    return post(wants(customer, "Hello?")).session


def seen_by_both(customer: User, before: User, now: User) -> Session:
    """A session that one agent had and the other one has."""
    session = waiting(customer)
    services.claim(agent=before, session_id=session.public_id)
    return services.transfer(by=before, session_id=session.public_id, to_user_id=now.pk)


def test_agents_who_have_the_same_session_open_know_of_each_other(opened: Open, ann: User, bob: User, alice: User) -> None:
    session = seen_by_both(ann, bob, alice)
    bobs, alices, anns = opened(bob, CHAT, new=True), opened(alice, CHAT, new=True), opened(ann, CHAT, new=True)
    look(bobs, session)
    first = bobs.until("looking")
    assert (first["data"]["sessionId"], seen(first)) == (str(session.public_id), ["Bob"])
    assert seen(alices.until("looking")) == ["Bob"]  # whose session it is
    look(alices, session)
    assert seen(bobs.until("looking")) == seen(alices.until("looking")) == ["Bob", "Alice"]
    look(bobs, None)
    assert seen(alices.until("looking")) == ["Alice"]
    look(bobs, session)
    assert seen(alices.until("looking")) == ["Bob", "Alice"]
    bobs.close()
    assert seen(alices.until("looking")) == ["Alice"]
    assert [frame for frame in anns.sync() if frame["type"] == "looking"] == []


def test_two_tabs_of_an_agent_are_one_agent_who_looks_until_both_are_closed(opened: Open, ann: User, bob: User, alice: User) -> None:
    session = seen_by_both(ann, bob, alice)
    watching, first, second = opened(alice, CHAT, new=True), opened(bob, CHAT, new=True), opened(bob, CHAT, new=True)
    look(watching, session)
    watching.until("looking")
    for tab in (first, second):
        look(tab, session)
        assert seen(watching.until("looking")) == ["Bob", "Alice"]
    first.close()
    assert seen(watching.until("looking")) == ["Bob", "Alice"]
    second.close()
    assert seen(watching.until("looking")) == ["Alice"]


def test_who_may_not_see_a_session_cannot_look_at_it(opened: Open, ann: User, bob: User, alice: User, eve: User) -> None:
    session = waiting(ann)
    services.claim(agent=bob, session_id=session.public_id)
    for user in (alice, eve, ann):
        socket = opened(user, CHAT, new=True)
        look(socket, session)
        refused = socket.until("error")
        socket.send({"type": "look", "sessionId": "00000000-0000-4000-8000-000000000000"})
        unknown = socket.until("error")
        assert refused["error_code"] == "NOT_FOUND"
        assert {**refused, "timestamp": ""} == {**unknown, "timestamp": ""}
