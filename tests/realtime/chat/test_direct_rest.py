"""Direct messages over REST: what the two people read and write, and that nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Revocation, Role, User
from notifications import retention
from realtime.chat.direct import send_direct
from realtime.chat.events import DIRECT, OWN_DIRECT
from realtime.chat.models import DirectMessage
from realtime.declined import Declined
from tests import cast
from tests.notifications.desk import page, signed_in
from tests.notifications.stream import head
from tests.realtime.chat.conftest import conversation, topics, wrote

Api = Callable[..., APIClient]


def texts(answer: Any) -> list[str]:
    return [each["message"] for each in answer.json()["results"]]


# Writing


def test_a_message_is_written_read_by_both_and_told_to_both(api: Api, mia: User, bob: User) -> None:
    posted = api(mia).post(conversation(bob), {"message": " Hello, Bob! ", "client_message_id": "m-1"})
    assert posted.status_code == 201
    [row] = DirectMessage.objects.filter(sender=mia)
    assert posted.json() == {
        "id": str(row.public_id),
        "from_user_id": mia.pk,
        "from_username": "Mia",
        "to_user_id": bob.pk,
        "message": "Hello, Bob!",
        "timestamp": posted.json()["timestamp"],
        "client_message_id": "m-1",
    }
    for reader, other in ((mia, bob), (bob, mia)):
        assert api(reader).get(conversation(other)).json() == {"results": [posted.json()], "next": None, "as_of": 1}
    assert [topics(mia), topics(bob)] == [[OWN_DIRECT], [DIRECT]]


def test_the_same_again_is_the_same(api: Api, mia: User, bob: User) -> None:
    client, body = api(mia), {"message": "Hello!", "client_message_id": "m-1"}
    first, again = client.post(conversation(bob), body), client.post(conversation(bob), {**body, "message": "Hello! "})
    assert [first.status_code, again.status_code] == [201, 200]
    assert first.json() == again.json()
    assert [head(mia), head(bob)] == [1, 1]


def test_the_same_name_for_something_else_is_a_conflict(api: Api, mia: User, bob: User, eve: User) -> None:
    wrote(mia, bob, client_message_id="m-1")
    for other, text in ((bob, "Something else"), (eve, "Hello!")):
        answer = api(mia).post(conversation(other), {"message": text, "client_message_id": "m-1"})
        assert (answer.status_code, answer.json()["code"], list(answer.json()["errors"])) == (409, "CONFLICT", ["client_message_id"])
    assert [head(mia), head(bob), head(eve)] == [1, 1, 0]


def test_without_a_name_the_same_words_are_another_message(api: Api, mia: User, bob: User) -> None:
    for body in ({"message": "Hello!"}, {"message": "Hello!", "client_message_id": ""}):
        assert api(mia).post(conversation(bob), body).status_code == 201
    assert head(bob) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": " \n "}, "message"),
        ({"message": "x" * 4001}, "message"),
        ({"message": "a\x00b"}, "message"),
        ({"message": None}, "message"),
        ({"message": 5}, "message"),
        ({"message": "x", "client_message_id": "x" * 101}, "client_message_id"),
        ({"message": "x", "client_message_id": 7}, "client_message_id"),
        ({"message": "x", "client_message_id": None}, "client_message_id"),
        ({"message": "x", "client_message_id": "\x00"}, "client_message_id"),
    ],
)
def test_what_is_wrong_is_refused_by_name(api: Api, mia: User, bob: User, body: Any, field: str) -> None:
    answer = api(mia).post(conversation(bob), body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert head(bob) == 0


def test_the_longest_text_is_taken(api: Api, mia: User, bob: User) -> None:
    assert api(mia).post(conversation(bob), {"message": f" {'é' * 4000} ", "client_message_id": "é" * 100}).status_code == 201


def test_nobody_writes_to_oneself(api: Api, mia: User) -> None:
    answer = api(mia).post(conversation(mia), {"message": "Hello!"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["user_id"])
    assert api(mia).get(conversation(mia)).status_code == 404
    assert head(mia) == 0


# Reading


def test_following_next_reaches_each_once_though_new_ones_come_in_between(api: Api, mia: User, bob: User) -> None:
    for number in range(5):
        wrote(*((mia, bob) if number % 2 else (bob, mia)), str(number))
    client = api(mia)
    answer = client.get(conversation(bob), {"limit": 2})
    seen = texts(answer)
    wrote(bob, mia, "new")
    while answer.json()["next"]:
        answer = client.get(answer.json()["next"])
        seen += texts(answer)
        assert len(texts(answer)) <= 2
    assert seen == ["4", "3", "2", "1", "0"]
    assert answer.json()["as_of"] == 6


def test_the_number_is_read_before_the_page(api: Api, mia: User, bob: User) -> None:
    wrote(bob, mia)
    client = api(mia)
    with CaptureQueriesContext(connection) as captured:
        client.get(conversation(bob))
    tables = [name for query in captured for name in ("notifications_inbox", "chat_directmessage") if f'FROM "{name}"' in query["sql"]]
    assert tables == ["notifications_inbox", "chat_directmessage"]


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "1001"), ("limit", "many"), ("cursor", "0"), ("cursor", "x"), ("cursor", "9" * 30)])
def test_a_query_that_makes_no_sense_is_refused_by_name(api: Api, mia: User, bob: User, name: str, value: str) -> None:
    answer = api(mia).get(conversation(bob), {name: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_an_empty_conversation_is_empty(api: Api, mia: User, bob: User) -> None:
    assert api(mia).get(conversation(bob)).json() == {"results": [], "next": None, "as_of": 0}
    assert api(mia).get(conversation(bob) + "/").status_code == 200


def test_what_was_said_with_somebody_who_left_is_read_and_not_gone_on_with(api: Api, mia: User, bob: User, eve: User) -> None:
    row = wrote(bob, mia)
    bob.is_active = False
    bob.save()
    assert texts(api(mia).get(conversation(bob))) == ["Hello!"]
    assert api(mia).get(conversation(bob), {"cursor": row.pk}).json()["results"] == []
    assert api(mia).post(conversation(bob), {"message": "Are you there?"}).status_code == 404
    assert api(eve).get(conversation(bob)).status_code == 404


def test_what_somebody_wrote_and_was_written_goes_with_it(api: Api, mia: User, bob: User, eve: User) -> None:
    wrote(mia, bob), wrote(bob, mia), wrote(eve, bob)
    number = mia.pk
    mia.delete()
    assert api(bob).get(conversation(number)).status_code == 404
    assert texts(api(bob).get(conversation(eve))) == ["Hello!"]
    assert not DirectMessage.objects.filter(sender_id=number).exists()


def test_forgetting_streams_leaves_messages(api: Api, mia: User, bob: User) -> None:
    wrote(mia, bob, client_message_id="m-1")
    retention.prune(before=timezone.now() + timedelta(seconds=1))
    assert [topics(mia), topics(bob)] == [[], []]
    assert texts(api(bob).get(conversation(mia))) == ["Hello!"]
    assert api(mia).post(conversation(bob), {"message": "Hello!", "client_message_id": "m-1"}).status_code == 200


# From outside

CALLS = ["get", "post"]
BODY = {"message": "Hello!"}


@pytest.mark.parametrize("method", CALLS)
def test_nothing_opens_without_a_good_token(api: Api, mia: User, bob: User, expired: Callable[[User], str], method: str) -> None:
    wrote(mia, bob)
    revoked = tokens.issue(mia)[0]
    Revocation.objects.revoke([mia.pk])
    mia.refresh_from_db()
    bearers = {"none": None, "revoked": revoked, "expired": expired(mia), "nonsense": "nonsense", "withdrawn": "sk_0123456789"}
    answers = {name: getattr(api(bearer), method)(conversation(bob), BODY) for name, bearer in bearers.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(bearers, 401)
    assert answers["none"].json()["code"] == "MISSING_TOKEN"
    assert head(bob) == 1


@pytest.mark.parametrize("method", CALLS)
def test_customers_and_services_have_no_conversations(api: Api, ann: User, bob: User, service_key: Callable[..., str], method: str) -> None:
    for who in (ann, service_key("notifications", "tasks", "users")):
        answer = getattr(api(who), method)(conversation(bob), BODY)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert head(bob) == head(ann) == 0


@pytest.mark.parametrize("method", CALLS)
def test_a_customer_somebody_who_left_and_nobody_are_all_not_there(api: Api, mia: User, ann: User, eve: User, method: str) -> None:
    eve.is_active = False
    eve.save()
    answers = [getattr(api(mia), method)(conversation(other), BODY) for other in (ann, eve, 2**52 + 1)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.json()["code"], answer.json()["detail"]) for answer in answers}) == 1
    assert [head(user) for user in (mia, ann, eve)] == [0, 0, 0]


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("number", ["0", "9007199254740992", "99999999999999999999999999", "abc", "-1"])
def test_a_number_that_cannot_be_is_not_there(api: Api, mia: User, method: str, number: str) -> None:
    assert getattr(api(mia), method)(f"/api/v1/direct/{number}/messages", BODY).status_code == 404


def test_a_third_reads_nothing_of_what_two_write(api: Api, mia: User, bob: User, eve: User, admin: User) -> None:
    row = wrote(mia, bob)
    for third in (eve, admin):
        for other in (mia, bob):
            for query in ({}, {"cursor": row.pk + 1}):
                assert texts(api(third).get(conversation(other), query)) == []
        assert head(third) == 0


def test_who_has_become_a_customer_reads_and_writes_no_more(api: Api, mia: User, bob: User) -> None:
    wrote(mia, bob)
    mia.role = Role.CUSTOMER
    mia.save()
    assert api(mia).get(conversation(bob)).status_code == 403
    assert api(bob).post(conversation(mia), BODY).status_code == 404
    with pytest.raises(Declined) as refused:
        send_direct(sender=mia, to_user_id=bob.pk, text="Hello!")
    assert refused.value.code == "FORBIDDEN"


# In the admin


@pytest.fixture
def desk(admin: User) -> Client:
    return signed_in(admin)


def test_staff_with_the_right_read_what_was_said_and_cannot_change_it(desk: Client, mia: User, bob: User) -> None:
    row = wrote(mia, bob, "Needle 4713")
    listed = "/admin/chat/directmessage/"
    assert "Needle 4713" in page(desk.get(listed, {"q": "Needle 4713"}))
    shown = page(desk.get(f"{listed}{row.pk}/change/"))
    assert "Needle 4713" in shown
    assert 'name="text"' not in shown
    assert desk.post(f"{listed}{row.pk}/change/", {"text": "Changed"}).status_code == 403
    assert desk.get(f"{listed}add/").status_code == 403


def test_a_user_who_wrote_can_be_deleted_in_the_admin(desk: Client, bob: User) -> None:
    leaver = cast.member("lea")
    wrote(leaver, bob)
    desk.post(f"/admin/accounts/user/{leaver.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=leaver.pk).exists()
    assert not DirectMessage.objects.filter(recipient=bob).exists()
