"""Reading and writing in a support session over REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Message, Session
from tests import cast
from tests.notifications.stream import head
from tests.realtime.chat.conftest import CHAT
from tests.realtime.chat.support import SESSIONS, asked, at, ids, say, texts
from tests.servers.fleet import Servers
from tests.sockets import connect

Api = Callable[..., APIClient]


# Writing


def test_both_write_and_both_read_it(api: Api, ann: User, bob: User) -> None:
    session = asked(ann, agent=bob)
    before = [head(ann), head(bob)]
    posted = api(bob).post(at(session, "messages"), {"text": " On its way. ", "clientMessageId": "b-1"})
    assert posted.status_code == 201
    row = Message.objects.get(session=session, sender=bob)
    expected = {
        "id": str(row.public_id),
        "sessionId": str(session.public_id),
        "senderType": "AGENT",
        "senderId": bob.pk,
        "agentName": "Bob",
        "text": "On its way.",
        "isMine": True,
        "isNote": False,
        "createdAt": posted.json()["createdAt"],
        "clientMessageId": "b-1",
    }
    assert posted.json() == expected
    answer = api(ann).post(at(session, "messages"), {"text": "Thanks!"})
    assert (answer.status_code, answer.json()["senderType"], answer.json()["agentName"]) == (201, "CUSTOMER", "")
    assert api(bob).get(at(session, "messages")).json()["results"][1] == expected
    assert api(ann).get(at(session, "messages")).json()["results"][1] == {**expected, "isMine": False}
    assert texts(api(ann).get(at(session, "messages"), {"order": "oldest"})) == ["Where is my parcel?", "On its way.", "Thanks!"]
    assert [head(ann), head(bob)] == [each + 2 for each in before]


def test_the_same_again_is_the_same(api: Api, ann: User) -> None:
    session, body = asked(ann), {"text": "Hello?", "clientMessageId": "a-1"}
    first, again = (api(ann).post(at(session, "messages"), each) for each in (body, {**body, "text": "Hello? "}))
    assert [first.status_code, again.status_code] == [201, 200]
    assert first.json() == again.json()
    assert Message.objects.filter(session=session, text="Hello?").count() == 1


def test_the_same_name_for_something_else_is_a_conflict(api: Api, ann: User, bob: User) -> None:
    session, other = asked(ann, agent=bob), asked(cast.customer("cora"), agent=bob)
    say(bob, session, "Hello!", name="b-1")
    for where, body in ((session, {"text": "Something else"}), (other, {"text": "Hello!"}), (session, {"text": "Hello!", "note": True})):
        answer = api(bob).post(at(where, "messages"), {**body, "clientMessageId": "b-1"})
        assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (409, "CONFLICT", ["clientMessageId"])
    assert Message.objects.filter(sender=bob).count() == 1


def test_another_persons_name_is_its_own(api: Api, ann: User, bob: User) -> None:
    session = asked(ann, agent=bob)
    say(bob, session, "Hello!", name="m-1")
    assert api(ann).post(at(session, "messages"), {"text": "Hi!", "clientMessageId": "m-1"}).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n "}, "text"),
        ({"text": "x" * 4001}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": None}, "text"),
        ({"text": ["x"]}, "text"),
        ({"text": "x", "clientMessageId": "x" * 101}, "clientMessageId"),
        ({"text": "x", "clientMessageId": 7}, "clientMessageId"),
        ({"text": "x", "clientMessageId": "\x00"}, "clientMessageId"),
        ({"text": "x", "note": "false"}, "note"),
        ({"text": "x", "note": 1}, "note"),
    ],
)
def test_what_is_wrong_is_refused_by_name(api: Api, ann: User, bob: User, body: Any, field: str) -> None:
    session = asked(ann, agent=bob)
    for who in (ann, bob):
        answer = api(who).post(at(session, "messages"), body)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert session.messages.count() == 1


@pytest.mark.parametrize("text", ["é" * 4000, "a\tb\r\nc", "\x1b[31m\x07", "‮gnp.exe", "👩‍👩‍👧", "<script>alert(1)</script>", "%s {agent} \\"])  # noqa: PLE2502
def test_whatever_can_be_kept_comes_back_as_it_was(api: Api, ann: User, text: str) -> None:
    session = asked(ann)
    posted = api(ann).post(at(session, "messages"), {"text": text})
    assert (posted.status_code, posted.json()["text"]) == (201, text)
    assert texts(api(ann).get(at(session, "messages")))[0] == text


def test_notes_are_the_agents_own(api: Api, ann: User, bob: User, admin: User) -> None:
    session = asked(ann, agent=bob)
    before = head(ann)
    posted = api(bob).post(at(session, "messages"), {"text": "In a hurry", "note": True})
    assert (posted.status_code, posted.json()["isNote"]) == (201, True)
    for who, sees in ((bob, True), (admin, True), (ann, False)):
        for order in ("oldest", "newest"):
            assert ("In a hurry" in texts(api(who).get(at(session, "messages"), {"order": order}))) is sees
    assert head(ann) == before
    # That there is one is no customer's to know, nor where it stands.
    place = {"cursor": posted.json()["id"]}
    assert api(bob).get(at(session, "messages"), place).status_code == 200
    asked_for, unknown = (api(ann).get(at(session, "messages"), each) for each in (place, {"cursor": str(uuid4())}))
    assert asked_for.status_code == unknown.status_code == 400
    assert asked_for.json()["errors"] == unknown.json()["errors"]


def test_a_customer_writes_no_note(api: Api, ann: User) -> None:
    session = asked(ann)
    answer = api(ann).post(at(session, "messages"), {"text": "Psst", "note": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert session.messages.count() == 1


def test_an_agent_writes_in_its_own_sessions_only(api: Api, ann: User, bob: User, alice: User) -> None:
    session = asked(ann)
    queued = api(bob).post(at(session, "messages"), {"text": "Hello!"})
    assert (queued.status_code, queued.json()["code"]) == (403, "FORBIDDEN")
    services.claim(agent=alice, session_id=session.public_id)
    assert api(bob).post(at(session, "messages"), {"text": "Hello!"}).status_code == 404
    services.transfer(by=alice, session_id=session.public_id, to_user_id=bob.pk)
    assert api(alice).post(at(session, "messages"), {"text": "Hello!"}).status_code == 403
    assert not Message.objects.filter(sender__in=[bob, alice]).exists()


def test_who_is_blocked_reads_and_writes_no_more(api: Api, ann: User, bob: User) -> None:
    session = asked(ann, agent=bob)
    services.block(by=bob, customer_id=ann.pk, reason="Rude 4713")
    answer = api(ann).post(at(session, "messages"), {"text": "Hello?"})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert "4713" not in answer.content.decode()
    assert api(ann).get(at(session, "messages")).status_code == 200
    services.unblock(by=bob, customer_id=ann.pk)
    assert api(ann).post(at(session, "messages"), {"text": "Sorry."}).status_code == 201


def test_a_closed_session_opens_again_when_its_customer_writes_and_another_one_later(api: Api, ann: User, bob: User) -> None:
    session = asked(ann, agent=bob)
    services.close(by=bob, session_id=session.public_id)
    refused = api(bob).post(at(session, "messages"), {"text": "One more thing"})
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    again = api(ann).post(at(session, "messages"), {"text": "One more thing"})
    assert (again.status_code, again.json()["sessionId"]) == (201, str(session.public_id))
    services.close(by=ann, session_id=session.public_id)
    Session.objects.filter(pk=session.pk).update(closed_at=timezone.now() - timedelta(days=2))
    another = api(ann).post(at(session, "messages"), {"text": "Hello again"})
    assert another.status_code == 201
    assert another.json()["sessionId"] != str(session.public_id)
    assert ids(api(ann).get(SESSIONS)) == [another.json()["sessionId"], str(session.public_id)]


# Reading


def test_following_next_reaches_each_once_though_new_ones_come_in_between(api: Api, ann: User, bob: User) -> None:
    session = asked(ann, "0", agent=bob)
    for number in range(1, 5):
        say(ann if number % 2 else bob, session, str(number))
    expected = [str(number) for number in range(5)]
    for order in ("oldest", "newest"):
        for who in (ann, bob):
            client, seen = api(who), []
            answer = client.get(at(session, "messages"), {"limit": 2, "order": order})
            seen += texts(answer)
            say(bob, session, "new")
            say(bob, session, "a note", note=True)
            while answer.json()["next"]:
                answer = client.get(answer.json()["next"])
                seen += texts(answer)
                assert len(ids(answer)) <= 2
            known = [each for each in seen if each in expected]
            assert known == (expected if order == "oldest" else expected[::-1])
            assert answer.json()["asOf"] == head(who)


def test_the_number_is_read_before_the_page(api: Api, ann: User) -> None:
    session, client = asked(ann), api(ann)
    for address, table in ((SESSIONS, "chat_session"), (at(session, "messages"), "chat_message")):
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        [number] = [nth for nth, query in enumerate(captured) if 'FROM "notifications_inbox"' in query["sql"]]
        pages = [nth for nth, query in enumerate(captured) if f'FROM "{table}"' in query["sql"] and " LIMIT 51" in query["sql"]]
        assert pages
        assert number < min(pages)


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "1001"), ("limit", "many"), ("cursor", "0"), ("cursor", "9" * 40), ("order", "best")])
def test_a_query_that_makes_no_sense_is_refused_by_name(api: Api, ann: User, name: str, value: str) -> None:
    answer = api(ann).get(at(asked(ann), "messages"), {name: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_another_sessions_message_is_no_place_in_this_one(api: Api, ann: User, bob: User) -> None:
    session, other = asked(ann, agent=bob), asked(cast.customer("cora"), agent=bob)
    place = {"cursor": str(other.messages.get().public_id)}
    assert api(bob).get(at(session, "messages"), place).status_code == 400


def test_what_the_system_says_is_in_the_readers_language(api: Api, ann: User, bob: User, alice: User) -> None:
    session = asked(ann, agent=bob)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    said = {}
    for language in ("en", "zh-hans"):
        page = api(ann).get(at(session, "messages"), headers={"accept-language": language}).json()["results"]
        said[language] = [each for each in page if each["senderType"] == "SYSTEM"]
    for found in said.values():
        assert all((each["senderId"], each["agentName"], each["isMine"]) == (None, "", False) for each in found)
    assert "Alice" in said["en"][0]["text"]
    assert said["en"][0]["text"] != said["zh-hans"][0]["text"]


# How often


def test_who_writes_too_much_is_told_when_to_go_on(api: Api, ann: User, bob: User, options: Callable[..., None]) -> None:
    session = asked(ann, agent=bob)
    options(rate_support=(3, 60.0))
    answers = [api(ann).post(at(session, "messages"), {"text": "Hello?"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 20
    assert api(ann).post(SESSIONS, {"text": "Hello?"}).status_code == 429
    assert api(bob).post(at(session, "messages"), {"text": "Hello!"}).status_code == 201
    assert api(ann).get(at(session, "messages")).status_code == 200


def test_what_is_written_on_a_socket_counts_too(servers: Servers, ann: User, token: Callable[[User], str]) -> None:
    with servers.serve(env={"RATE_SUPPORT": "2/h"}) as strict, connect(strict.ws_url + CHAT, token=token(ann), new=True) as line:
        headers = {"Authorization": f"Bearer {token(ann)}"}
        opened = httpx.post(strict.url + SESSIONS, json={"text": "one"}, headers=headers, timeout=30)
        assert opened.status_code == 201
        line.send({"type": "message", "text": "two", "clientMessageId": "a-2"})
        line.send({"type": "message", "text": "three", "clientMessageId": "a-3"})
        refused = line.until("error")
        assert (refused["error_code"], refused["data"]) == ("RATE_LIMITED", {"client_message_id": "a-3"})
        address = strict.url + at(UUID(opened.json()["id"]), "messages")
        limited = httpx.post(address, json={"text": "four"}, headers=headers, timeout=30)
        assert (limited.status_code, limited.json()["code"]) == (429, "RATE_LIMITED")
        assert texts(httpx.get(address, headers=headers, timeout=30)) == ["two", "one"]
