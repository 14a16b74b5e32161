"""Finding what was said, in one's own sessions only, and never in unbounded time."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from realtime.chat.models import Message
from realtime.desk import search as searching
from realtime.desk.search import search
from tests.realtime.desk.conftest import DESK, said, session_of

Api = Callable[..., APIClient]
SEARCH = f"{DESK}/search"


@pytest.fixture
def word() -> str:
    """One that no other test has written."""
    return f"parcel{secrets.token_hex(6)}"


def found(client: APIClient, **query: object) -> list[str]:
    return [each["text"] for each in client.get(SEARCH, query).json()["results"]]


def test_an_agent_finds_what_was_said_in_its_sessions_and_in_the_queue_newest_first(
    api: Api, ann: User, bob: User, alice: User, admin: User, word: str
) -> None:
    mine, hers = session_of(ann, bob, subject="Where?", closed_at=timezone.now()), session_of(ann, alice)
    said(mine, ann, f"Where is my {word.upper()}?")
    said(mine, bob, f"A note about the {word}.", is_note=True)
    said(hers, alice, f"Another {word}.")
    said(mine, ann, "Something else.")
    newest, oldest = api(bob).get(SEARCH, {"q": word}).json()["results"]
    assert oldest["session"] == {"id": str(mine.public_id), "status": "closed", "subject": "Where?", "customer": {"userId": ann.pk, "name": "Ann"}}
    assert (oldest["senderType"], oldest["senderId"], oldest["agentName"], oldest["isNote"]) == ("CUSTOMER", ann.pk, "", False)
    assert (newest["senderType"], newest["agentName"], newest["isNote"], newest["text"]) == ("AGENT", "Bob", True, f"A note about the {word}.")
    assert found(api(alice), q=word) == [f"Another {word}."]
    assert len(found(api(admin), q=word)) == 3
    hers.status, hers.agent = "waiting", None
    hers.save()
    assert len(found(api(bob), q=word)) == 3


def test_it_comes_page_by_page_each_message_once(api: Api, ann: User, bob: User, word: str) -> None:
    session = session_of(ann, bob)
    texts = [said(session, ann, f"{word} {number}").text for number in range(7)]
    client, address, seen = api(bob), f"{SEARCH}?q={word}&limit=3", []
    while address:
        answer = client.get(address).json()
        assert len(answer["results"]) <= 3
        seen += [each["text"] for each in answer["results"]]
        address = answer["next"]
    assert seen == texts[::-1]


@pytest.mark.parametrize("words", ["100%", "a_b", "\\", "o'clock"])
def test_words_are_taken_as_they_are(api: Api, ann: User, bob: User, word: str, words: str) -> None:
    session = session_of(ann, bob)
    said(session, ann, f"{word}{words}.")
    said(session, ann, f"{word}100x aXb / clock")
    assert found(api(bob), q=f"{word}{words}") == [f"{word}{words}."]


def test_one_call_looks_through_so_many_messages_at_most_and_says_where_to_go_on(
    ann: User, bob: User, word: str, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    monkeypatch.setattr(searching, "WINDOW", 5)
    monkeypatch.setattr(searching, "WINDOWS", 3)
    session = session_of(ann, bob)
    first = said(session, ann, f"The first {word}.")
    for number in range(40):
        said(session, ann, f"{number}")
    last = said(session, ann, f"The last {word}.")
    with django_assert_max_num_queries(4):  # type: ignore[attr-defined]
        answer = search(user=bob, words=word, limit=10)
    assert answer.messages == [last]
    calls = 1
    while answer.cursor is not None and not (set(answer.messages) & {first}):
        answer = search(user=bob, words=word, limit=10, cursor=answer.cursor)
        calls += 1
    assert answer.messages == [first]
    assert calls == 3
    assert Message.objects.filter(session=session).count() == 42


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": "x"}, "q"),
        ({"q": " x "}, "q"),
        ({"q": "x" * 101}, "q"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "parcel", "limit": 101}, "limit"),
        ({"q": "parcel", "cursor": "x"}, "cursor"),
    ],
)
def test_a_question_that_makes_no_sense_is_named(api: Api, bob: User, query: dict[str, object], field: str) -> None:
    answer = api(bob).get(SEARCH, query)
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {field})
