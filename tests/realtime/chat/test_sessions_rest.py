"""Lists of support sessions over REST, one session, and how a customer begins: each sees what concerns it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from realtime.chat import services
from realtime.chat.events import MessageData, SessionData
from realtime.chat.models import Session
from realtime.chat.serializers import LONGEST_PREVIEW, MessageSerializer, SessionSerializer
from tests import cast
from tests.notifications.stream import head
from tests.realtime.chat.support import SESSIONS, asked, at, ids, say, some_channel

Api = Callable[..., APIClient]


def number(session: Session) -> str:
    return str(session.public_id)


# Beginning


def test_a_customer_begins_and_goes_on_in_what_is_open(api: Api, ann: User) -> None:
    client, body = api(ann), {"subject": " Parcel ", "text": "Where is it?", "clientMessageId": "m-1"}
    opened = client.post(SESSIONS, body)
    assert opened.status_code == 201
    shown = opened.json()
    assert (shown["status"], shown["subject"], shown["channel"], shown["agent"]) == ("waiting", "Parcel", "WEB", None)
    assert shown["customer"] == {"userId": ann.pk, "name": "Ann"}
    assert (shown["lastMessage"]["text"], shown["lastMessage"]["isMine"], shown["unreadCount"]) == ("Where is it?", True, 0)
    assert shown["asOf"] == head(ann)
    again = client.post(SESSIONS, body)
    assert (again.status_code, again.json()["id"]) == (200, shown["id"])
    assert client.post(SESSIONS, {"text": "Hello?"}).json()["id"] == shown["id"]
    assert [each.text for each in Session.objects.get(customer=ann).messages.order_by("order")] == ["Where is it?", "Hello?"]


def test_what_is_sent_again_after_its_session_was_closed_opens_no_other(api: Api, ann: User) -> None:
    body = {"text": "Where is it?", "clientMessageId": "m-1"}
    first = api(ann).post(SESSIONS, body).json()
    services.close(by=ann, session_id=first["id"])
    again = api(ann).post(SESSIONS, body)
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (200, first["id"], "closed")
    assert api(ann).post(SESSIONS, {**body, "text": "Another one"}).status_code == 409
    assert Session.objects.filter(customer=ann).count() == 1


def test_a_session_can_be_opened_without_a_word(api: Api, ann: User) -> None:
    opened = api(ann).post(SESSIONS, {"channel": "APP"})
    assert (opened.status_code, opened.json()["lastMessage"], opened.json()["channel"]) == (201, None, "APP")
    assert api(ann).post(SESSIONS, {}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "x" * 4001}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": 5}, "text"),
        ({"subject": "x" * 201}, "subject"),
        ({"subject": "\x00"}, "subject"),
        ({"channel": "x" * 21}, "channel"),
        ({"channel": "<b>"}, "channel"),
        ({"text": "x", "clientMessageId": "x" * 101}, "clientMessageId"),
    ],
)
def test_nothing_is_opened_with_what_is_wrong(api: Api, ann: User, body: Any, field: str) -> None:
    answer = api(ann).post(SESSIONS, body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Session.objects.filter(customer=ann).exists()


def test_only_customers_begin(api: Api, bob: User, mia: User, admin: User) -> None:
    for who in (bob, mia, admin):
        assert api(who).post(SESSIONS, {"text": "Hello!"}).status_code == 403
        assert not Session.objects.filter(customer=who).exists()


def test_who_is_blocked_does_not_begin(api: Api, ann: User, admin: User) -> None:
    closed = asked(ann)
    services.block(by=admin, customer_id=ann.pk, reason="Rude 4713")
    answer = api(ann).post(SESSIONS, {"text": "Hello!"})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert "4713" not in answer.content.decode()
    assert Session.objects.get(customer=ann) == closed


# Who sees which


def test_each_sees_what_concerns_it(api: Api, ann: User, bob: User, alice: User, mia: User, admin: User) -> None:
    channel, cora = some_channel(), cast.customer("cora")
    waits, bobs = asked(ann, channel=channel), asked(cora, channel=channel, agent=bob)
    expected = {ann: [waits], cora: [bobs], bob: [bobs, waits], alice: [waits], mia: [], admin: [bobs, waits]}
    for who, sees in expected.items():
        answer = api(who).get(SESSIONS, {"channel": channel})
        assert (answer.status_code, ids(answer)) == (200, [number(each) for each in sees]), who
        for session in (waits, bobs):
            assert api(who).get(at(session)).status_code == (200 if session in sees else 404)


def test_an_agent_still_sees_what_it_has_handed_over(api: Api, ann: User, bob: User, alice: User) -> None:
    session = asked(ann, agent=bob)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note="Knows parcels")
    assert api(bob).get(at(session)).json()["agent"] == {"userId": alice.pk, "name": "Alice"}


# What is shown


def test_the_members_are_those_of_the_frames() -> None:
    own = {"unreadCount", "lastMessage", "readUpTo"}
    assert set(SessionSerializer().fields) - own == set(SessionData.__struct_encode_fields__) - {"reason", "note"}
    assert set(MessageSerializer().fields) - {"isNote"} == set(MessageData.__struct_encode_fields__)


def test_agents_and_staff_see_its_people_and_how_it_changed_hands(api: Api, ann: User, bob: User, alice: User, admin: User) -> None:
    session = asked(ann, agent=bob)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note="Knows parcels")
    for who in (alice, admin):
        shown = api(who).get(at(session)).json()
        [claimed, handed_over] = shown["transfers"]
        assert (claimed["reason"], claimed["toAgent"]["userId"]) == ("claimed", bob.pk)
        assert handed_over == {
            "reason": "transferred",
            "fromAgent": {"userId": bob.pk, "name": "Bob"},
            "toAgent": {"userId": alice.pk, "name": "Alice"},
            "by": {"userId": bob.pk, "name": "Bob"},
            "note": "Knows parcels",
            "createdAt": handed_over["createdAt"],
        }
        assert {(each["userId"], each["name"]) for each in shown["participants"]} == {(ann.pk, "Ann"), (bob.pk, "Bob"), (alice.pk, "Alice")}


def test_who_has_read_up_to_where_is_told_to_agents(api: Api, ann: User, bob: User) -> None:
    session = asked(ann, agent=bob)
    answer = say(bob, session, "It is on its way.")
    services.read(user_id=ann.pk, session_id=session.public_id, up_to=answer.public_id)
    [read] = [each["readUpTo"] for each in api(bob).get(at(session)).json()["participants"] if each["userId"] == ann.pk]
    assert read == str(answer.public_id)


def test_a_customer_is_shown_no_username_note_or_transfer(api: Api, ann: User, alice: User) -> None:
    bob = cast.agent("bob", email="bob@shop.example")
    session = asked(ann, agent=bob)
    say(bob, session, "It is on its way.")
    say(bob, session, "Secret 4713", note=True)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note="Secret 4713")
    say(alice, session, "Secret 4713", note=True)
    client = api(ann)
    for address in (SESSIONS, at(session), at(session, "messages"), "/api/v1/offline-messages/unread-count"):
        said = client.get(address).content.decode()
        for private in ("Secret", bob.username, alice.username, bob.email, "transfers", "participants", str(ann.customer.public_id)):
            assert private not in said, address
    assert client.get(at(session)).json()["agent"] == {"userId": alice.pk, "name": "Alice"}
    assert "Secret" in api(alice).get(at(session, "messages")).content.decode()


def test_an_agent_without_a_display_name_stays_unnamed(api: Api, ann: User) -> None:
    bob = cast.agent("bob")
    User.objects.filter(pk=bob.pk).update(display_name="")
    session = asked(ann, agent=bob)
    say(bob, session)
    for language, name in (("en", "Support"), ("zh-hans", "客服")):
        said = api(ann).get(at(session), headers={"accept-language": language})
        assert (said.json()["agent"]["name"], said.json()["lastMessage"]["agentName"]) == (name, name)
        assert bob.username not in said.content.decode()


def test_unread_and_the_last_message_are_each_persons_own(api: Api, ann: User, bob: User) -> None:
    session = asked(ann, agent=bob)
    say(bob, session, "It is on its way.")
    say(bob, session, "x" * 1000)
    say(bob, session, "She is in a hurry", note=True)
    [anns], [bobs] = (api(who).get(SESSIONS, {"q": "way"}).json()["results"] for who in (ann, bob))
    assert (anns["unreadCount"], len(anns["lastMessage"]["text"]), anns["lastMessage"]["isMine"]) == (2, LONGEST_PREVIEW, False)
    assert (bobs["unreadCount"], bobs["lastMessage"]["text"]) == (0, "She is in a hurry")
    assert (bobs["lastMessage"]["isNote"], bobs["lastMessage"]["isMine"]) == (True, True)


def test_each_side_sees_how_far_the_other_one_has_read_and_a_customer_learns_nothing_of_notes(api: Api, ann: User, bob: User, alice: User) -> None:
    session = asked(ann, agent=bob)
    question = session.messages.get()

    def seen_by(who: User) -> str | None:
        [listed] = api(who).get(SESSIONS).json()["results"]
        assert api(who).get(f"{SESSIONS}/{session.public_id}").json()["readUpTo"] == listed["readUpTo"]
        found: str | None = listed["readUpTo"]
        return found

    assert (seen_by(ann), seen_by(bob)) == (None, str(question.public_id))
    answer = say(bob, session, "It is on its way.")
    note = say(bob, session, "She is in a hurry", note=True)
    assert (seen_by(ann), seen_by(bob)) == (str(answer.public_id), str(question.public_id))
    services.read(user_id=ann.pk, session_id=session.public_id)
    assert seen_by(bob) == str(answer.public_id) != str(note.public_id)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    assert (seen_by(ann), seen_by(alice)) == (None, str(answer.public_id)), "her new agent has read nothing yet"


# Filters and pages


def test_filters(api: Api, ann: User, bob: User, alice: User, admin: User) -> None:
    channel, cora, dora = some_channel(), cast.customer("cora"), cast.customer("dora")
    waits, bobs, closed = asked(ann, channel=channel), asked(cora, channel=channel, agent=bob), asked(dora, channel=channel, agent=alice)
    services.close(by=alice, session_id=closed.public_id)
    long_ago = timezone.now() - timedelta(days=400)
    Session.objects.filter(pk=closed.pk).update(opened_at=long_ago)
    day = (long_ago - timedelta(days=1)).date().isoformat()
    for query, expected in (
        ({"status": "waiting"}, [waits]),
        ({"status": "open"}, [bobs]),
        ({"status": "closed"}, [closed]),
        ({"agent": bob.pk}, [bobs]),
        ({"agent": alice.pk, "status": "open"}, []),
        ({"from": (timezone.now() - timedelta(days=1)).isoformat()}, [bobs, waits]),
        ({"to": (timezone.now() - timedelta(days=1)).isoformat()}, [closed]),
        ({"from": day, "to": timezone.now().date().isoformat()}, [closed]),
        ({"to": day}, []),
    ):
        answer = api(admin).get(SESSIONS, {"channel": channel, **query})
        assert (answer.status_code, ids(answer)) == (200, [number(each) for each in expected]), query


def test_search_finds_the_name_the_subject_and_what_was_said_and_notes_only_for_agents(api: Api, ann: User, bob: User, admin: User) -> None:
    channel = some_channel()
    session = asked(ann, "Where is my PARCEL?", channel=channel, subject="Order 4711", agent=bob)
    say(bob, session, "She is in a hurry", note=True)
    everybody: tuple[User, ...] = (ann, bob, admin)
    found_by = {"ann": everybody, "order 47": everybody, "parcel": everybody, "hurry": (bob, admin), "%": (), "nothing": ()}
    for q, sees in found_by.items():
        for who in everybody:
            found = ids(api(who).get(SESSIONS, {"channel": channel, "q": q}))
            assert found == ([number(session)] if who in sees else []), q


def test_following_next_reaches_each_once_newest_first_and_the_longest_waiting_first(api: Api, admin: User) -> None:
    channel = some_channel()
    sessions = [asked(cast.customer(f"c{nth}"), channel=channel) for nth in range(5)]
    # Two that began in the same instant are told apart, too.
    same = Session.objects.get(pk=sessions[1].pk)
    Session.objects.filter(pk=sessions[2].pk).update(opened_at=same.opened_at, waiting_since=same.waiting_since)
    for query, backwards in (({}, True), ({"status": "waiting"}, False)):
        answer, seen = api(admin).get(SESSIONS, {"channel": channel, "limit": 2, **query}), []
        seen += ids(answer)
        asked(cast.customer("new"), channel=channel)
        while answer.json()["next"]:
            answer = api(admin).get(answer.json()["next"])
            seen += ids(answer)
        expected = [number(each) for each in (reversed(sessions) if backwards else sessions)]
        assert len(seen) == len(set(seen)) >= len(expected)
        assert set(expected) <= set(seen)
        in_turn = {number(sessions[nth]) for nth in (0, 3, 4)}
        assert [each for each in seen if each in in_turn] == [each for each in expected if each in in_turn]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "lost"),
        ("agent", "bob"),
        ("agent", "0"),
        ("agent", "9" * 30),
        ("channel", "x" * 21),
        ("channel", "\x00"),
        ("from", "yesterday"),
        ("to", "2026-13-01"),
        ("q", "x" * 101),
        ("q", "\x00"),
        ("cursor", "x"),
        ("cursor", "1.x"),
        ("cursor", "9" * 30 + "." + "0" * 32),
        ("limit", "0"),
        ("limit", "1001"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_name(api: Api, bob: User, name: str, value: str) -> None:
    answer = api(bob).get(SESSIONS, {name: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_a_list_takes_as_many_queries_for_many_sessions_as_for_one(api: Api, admin: User, bob: User, django_assert_max_num_queries: Any) -> None:
    channel = some_channel()
    for nth in range(4):
        asked(cast.customer(f"c{nth}"), channel=channel, agent=bob)
    client = api(admin)
    with django_assert_max_num_queries(7):
        assert len(ids(client.get(SESSIONS, {"channel": channel}))) == 4
