"""Every call about support sessions by those who have no part in them: nothing leaks, not even that there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Revocation, User
from realtime.chat.models import Session
from tests import cast
from tests.notifications.stream import head
from tests.realtime.chat.support import SESSIONS, asked, at, some_channel

Api = Callable[..., APIClient]

# What is asked of one session: the method, the rest of the address, a body that would do.
OF_ONE: list[tuple[str, str, dict[str, Any]]] = [
    ("get", "", {}),
    ("get", "messages", {}),
    ("post", "messages", {"text": "Hello!"}),
    ("post", "messages", {"text": "Hello!", "note": True}),
    ("post", "claim", {}),
    ("post", "transfer", {"toUserId": 1}),
    ("post", "close", {}),
    ("post", "read", {}),
    ("post", "rate", {"rating": 1}),
    ("post", "mark-read", {}),
]
OF_NONE = [("get", SESSIONS, {}), ("post", SESSIONS, {"text": "Hello!"}), ("get", "/api/v1/offline-messages/unread-count", {})]


def address(session: Session | UUID, call: str) -> str:
    number = session.public_id if isinstance(session, Session) else session
    return f"/api/v1/offline-messages/sessions/{number}/mark-read" if call == "mark-read" else at(number, call)


def ask(client: APIClient, method: str, address: str, body: Any) -> Any:
    return getattr(client, method)(address, body)


def state(session: Session) -> Any:
    row = Session.objects.filter(pk=session.pk).values().get()
    return row, session.messages.count(), session.participants.count(), session.transfers.count()


of_one = pytest.mark.parametrize(("method", "call", "body"), OF_ONE)


def whole(answer: Any) -> Any:
    """All of an answer, but what names the request."""
    headers = {name: value for name, value in answer.items() if name != "X-Request-ID"}
    return answer.status_code, headers | {"Content-Length": None}, {**answer.json(), "request_id": None}


@of_one
def test_to_whom_it_is_none_of_its_business_it_is_not_there(api: Api, ann: User, bob: User, eve: User, method: str, call: str, body: Any) -> None:
    session = asked(ann, agent=bob)
    before, heads = state(session), [head(ann), head(bob)]
    # eve, a member; another customer, with a session of its own; an agent who has and had no part in it.
    cora, alice = cast.customer("cora"), cast.agent("alice")
    asked(cora)
    # An agent who claims is told who was faster: what she claims stood in her queue a moment ago.
    for outsider in (eve, cora, *((alice,) if call != "claim" else ())):
        own = head(outsider)
        known, unknown = (ask(api(outsider), method, address(each, call), body) for each in (session, uuid4()))
        assert (known.status_code, known.json()["code"]) == (404, "NOT_FOUND")
        assert whole(known) == whole(unknown)
        assert head(outsider) == own
    assert state(session) == before
    assert [head(ann), head(bob)] == heads


@of_one
def test_with_a_body_that_makes_no_sense_it_is_not_there_either(api: Api, ann: User, eve: User, method: str, call: str, body: Any) -> None:
    session = asked(ann)
    for number in (session, uuid4()):
        assert ask(api(eve), method, address(number, call), {name: [] for name in body}).status_code == 404


def test_a_list_and_a_search_show_nothing_to_outsiders(api: Api, ann: User, bob: User, alice: User, eve: User) -> None:
    channel, cora = some_channel(), cast.customer("cora")
    session = asked(ann, "Needle 4713", channel=channel, subject="Needle 4713", agent=bob)
    for outsider in (eve, alice, cora):
        for query in ({"channel": channel}, {"q": "Needle 4713"}, {"agent": bob.pk, "channel": channel}, {"q": "ann", "channel": channel}):
            assert api(outsider).get(SESSIONS, query).json()["results"] == []
        assert api(outsider).get("/api/v1/offline-messages/unread-count").json()["unreadCount"] == 0
    assert api(bob).get(SESSIONS, {"q": "Needle 4713"}).json()["results"][0]["id"] == str(session.public_id)


@pytest.mark.parametrize("who", ["none", "revoked", "expired", "nonsense", "withdrawn"])
def test_nothing_opens_without_a_good_token(api: Api, ann: User, bob: User, expired: Callable[[User], str], who: str) -> None:
    session = asked(ann, agent=bob)
    before = state(session)
    revoked = tokens.issue(ann)[0]
    if who == "revoked":
        Revocation.objects.revoke([ann.pk])
    bearers = {"none": None, "revoked": revoked, "expired": expired(ann), "nonsense": "nonsense", "withdrawn": "sk_0123456789"}
    client = api(bearers[who])
    calls = [(method, address(session, call), body) for method, call, body in OF_ONE] + OF_NONE
    answers = [ask(client, *call) for call in calls]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "MISSING_TOKEN" if who == "none" else "TOKEN_EXPIRED")}
    assert state(session) == before


def test_service_keys_have_no_part_in_it(api: Api, ann: User, service_key: Callable[..., str]) -> None:
    session, client = asked(ann), api(service_key("notifications", "tasks", "users"))
    calls = [(method, address(session, call), body) for method, call, body in OF_ONE] + OF_NONE
    assert {ask(client, *call).status_code for call in calls} == {403}


@pytest.mark.parametrize("number", ["0", "x", "00000000-0000-0000-0000-00000000000g"])
@of_one
def test_what_is_no_id_is_not_there(api: Api, ann: User, method: str, call: str, body: Any, number: str) -> None:
    place = f"/api/v1/offline-messages/sessions/{number}/mark-read" if call == "mark-read" else f"{SESSIONS}/{number}/{call}"
    assert ask(api(ann), method, place, body).status_code in (404, 405)


def test_a_method_that_is_not_there_says_which_are(api: Api, ann: User) -> None:
    session = asked(ann)
    for place, method in ((at(session), "delete"), (at(session), "patch"), (at(session, "claim"), "get"), (at(session, "messages"), "put")):
        answer = getattr(api(ann), method)(place)
        assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_every_address_answers_with_a_slash_too(api: Api, ann: User) -> None:
    session = asked(ann)
    for place in (SESSIONS, at(session), at(session, "messages"), "/api/v1/offline-messages/unread-count"):
        assert api(ann).get(f"{place}/").status_code == 200
