"""Claiming, handing over, closing, reading and rating over REST."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Session, Transfer
from tests import cast
from tests.notifications.stream import head
from tests.realtime.chat.support import asked, at, say

Api = Callable[..., APIClient]
UNREAD = "/api/v1/offline-messages/unread-count"


def mark_read(session: Session) -> str:
    return f"/api/v1/offline-messages/sessions/{session.public_id}/mark-read"


def test_an_agent_claims_what_waits(api: Api, ann: User, bob: User) -> None:
    session = asked(ann)
    claimed = api(bob).post(at(session, "claim"))
    assert (claimed.status_code, claimed.json()["status"], claimed.json()["agent"]) == (200, "open", {"userId": bob.pk, "name": "Bob"})
    assert claimed.json()["asOf"] == head(bob) > 0
    assert api(ann).get(at(session)).json()["agent"] == {"userId": bob.pk, "name": "Bob"}


def test_of_two_who_claim_at_once_one_is_told_who_has_it(api: Api, bob: User, alice: User) -> None:
    for nth in range(5):
        session = asked(cast.customer(f"c{nth}"))
        clients = [api(bob), api(alice)]

        def claim(client: APIClient, session: Session = session) -> Any:
            try:
                return client.post(at(session, "claim"))
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(claim, clients))
        session.refresh_from_db()
        assert session.agent is not None
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        [lost] = [answer.json() for answer in answers if answer.status_code == 409]
        assert lost["code"] == "CONFLICT"
        assert session.agent.display_name in lost["detail"]
        assert session.agent.username not in lost["detail"]
        assert Transfer.objects.filter(session=session).count() == 1
        services.close(by=session.agent, session_id=session.public_id)


def test_who_has_it_is_told_by_no_username(api: Api, ann: User, alice: User) -> None:
    bob = cast.agent("bob")
    User.objects.filter(pk=bob.pk).update(display_name="")
    lost = api(alice).post(at(asked(ann, agent=bob), "claim"))
    assert lost.status_code == 409
    assert bob.username not in lost.content.decode()


def test_customers_and_staff_who_are_no_agents_claim_nothing(api: Api, ann: User, admin: User) -> None:
    session = asked(ann)
    for who in (ann, admin):
        answer = api(who).post(at(session, "claim"))
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    session.refresh_from_db()
    assert session.agent is None


def test_an_agent_hands_over_with_a_note_that_the_customer_does_not_see(api: Api, ann: User, bob: User, alice: User) -> None:
    session = asked(ann, agent=bob)
    answer = api(bob).post(at(session, "transfer"), {"toUserId": alice.pk, "note": "Knows parcels"})
    assert (answer.status_code, answer.json()["agent"]["userId"]) == (200, alice.pk)
    assert api(alice).get(at(session)).json()["transfers"][-1]["note"] == "Knows parcels"
    assert "Knows parcels" not in api(ann).get(at(session)).content.decode()


def test_a_session_is_handed_to_agents_only(api: Api, ann: User, bob: User, alice: User, mia: User) -> None:
    session = asked(ann, agent=bob)
    alice.is_active = False
    alice.save()
    answers = [api(bob).post(at(session, "transfer"), {"toUserId": number}) for number in (mia.pk, ann.pk, alice.pk, 2**40)]
    assert len({answer.status_code for answer in answers}) == 1
    assert answers[0].status_code in (400, 404)
    assert len({answer.json()["detail"] for answer in answers}) == 1
    session.refresh_from_db()
    assert session.agent == bob


def test_who_does_not_have_it_does_not_hand_it_over(api: Api, ann: User, bob: User, alice: User) -> None:
    session = asked(ann)
    assert api(alice).post(at(session, "transfer"), {"toUserId": bob.pk}).status_code == 403
    assert api(ann).post(at(session, "transfer"), {"toUserId": bob.pk}).status_code == 403
    services.claim(agent=bob, session_id=session.public_id)
    assert api(alice).post(at(session, "transfer"), {"toUserId": alice.pk}).status_code == 404


def test_both_close_and_closed_stays_closed(api: Api, ann: User, bob: User) -> None:
    for who in (ann, bob):
        session = asked(ann, agent=bob)
        closed = api(who).post(at(session, "close"))
        assert (closed.status_code, closed.json()["status"]) == (200, "closed")
        assert closed.json()["closedAt"]
        again = api(who).post(at(session, "close"))
        assert again.status_code in (200, 409)
        assert api(bob).post(at(session, "claim")).status_code == 409


def test_reading_is_counted_and_the_widgets_way_does_the_same(api: Api, ann: User, bob: User) -> None:
    session = asked(ann, agent=bob)
    first = say(bob, session, "It is on its way.")
    say(bob, session, "It will come today.")
    client = api(ann)
    assert client.get(UNREAD).json() == {"unreadCount": 2, "asOf": head(ann)}
    left = client.post(at(session, "read"), {"upTo": str(first.public_id)})
    assert (left.status_code, left.json()) == (200, {"unreadCount": 1, "asOf": head(ann)})
    all_of_it = client.post(mark_read(session))
    assert (all_of_it.status_code, all_of_it.json()) == (200, {"unreadCount": 0, "asOf": head(ann)})
    say(bob, session, "Anything else?")
    say(bob, session, "A note", note=True)
    assert client.get(UNREAD).json()["unreadCount"] == 1
    assert client.post(at(session, "read"), {}).json()["unreadCount"] == 0
    # Back is no way to read.
    assert client.post(at(session, "read"), {"upTo": str(first.public_id)}).json()["unreadCount"] == 0


def test_a_note_or_another_sessions_message_is_nothing_to_read_up_to(api: Api, ann: User, bob: User) -> None:
    session, other = asked(ann, agent=bob), asked(cast.customer("cora"), agent=bob)
    note, message = say(bob, session, "A note", note=True), say(bob, other)
    answers = [api(ann).post(at(session, "read"), {"upTo": str(each)}) for each in (note.public_id, message.public_id, uuid4())]
    assert {answer.status_code for answer in answers} <= {400, 404}
    assert len({(answer.status_code, answer.json()["detail"]) for answer in answers}) == 1


def test_the_customer_rates_what_is_closed_once(api: Api, ann: User, bob: User) -> None:
    session, body = asked(ann, agent=bob), {"rating": 5, "comment": "Quick!"}
    assert api(ann).post(at(session, "rate"), body).status_code == 409
    services.close(by=bob, session_id=session.public_id)
    assert api(bob).post(at(session, "rate"), body).status_code == 403
    rated = api(ann).post(at(session, "rate"), body)
    assert (rated.status_code, rated.json()["rating"], rated.json()["comment"]) == (200, 5, "Quick!")
    assert api(bob).get(at(session)).json()["comment"] == "Quick!"


@pytest.mark.parametrize(
    ("call", "body", "field"),
    [
        ("transfer", {}, "toUserId"),
        ("transfer", {"toUserId": "7"}, "toUserId"),
        ("transfer", {"toUserId": True}, "toUserId"),
        ("transfer", {"toUserId": 2**70}, "toUserId"),
        ("transfer", {"toUserId": 7, "note": "x" * 501}, "note"),
        ("transfer", {"toUserId": 7, "note": "\x00"}, "note"),
        ("read", {"upTo": "x"}, "upTo"),
        ("read", {"upTo": 7.5}, "upTo"),
        ("rate", {}, "rating"),
        ("rate", {"rating": 0}, "rating"),
        ("rate", {"rating": 6}, "rating"),
        ("rate", {"rating": 4.5}, "rating"),
        ("rate", {"rating": "5"}, "rating"),
        ("rate", {"rating": 5, "comment": "x" * 1001}, "comment"),
        ("rate", {"rating": 5, "comment": "\x00"}, "comment"),
    ],
)
def test_what_is_wrong_is_refused_by_name(api: Api, ann: User, bob: User, call: str, body: Any, field: str) -> None:
    session = asked(ann, agent=bob)
    answer = api(ann if call == "rate" else bob).post(at(session, call), body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
