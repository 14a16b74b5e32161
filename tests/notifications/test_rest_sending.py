"""Sending over REST: staff and services with the scope, nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.service_keys import make
from notifications.models import Announcement, Notification
from tests import cast
from tests.notifications.stream import frames, head, last

SEND = "/api/v1/notifications"
WORDS = {"type": "mention", "title": "Hello", "message": "Bob mentions you"}

Api = Callable[..., APIClient]


@pytest.fixture
def service(api: Api) -> APIClient:
    _key, text = make(name="shop", scopes=["notifications"])
    return api(text)


def test_staff_tell_one_user(api: Api, admin: User, mia: User) -> None:
    answer = api(admin).post(SEND, {**WORDS, "user_id": mia.pk, "link": "/a", "data": {"b": 1}, "source": "community"})
    assert answer.status_code == 201
    [row] = Notification.objects.filter(user=mia)
    assert answer.json() == {"ids": [row.pk]}
    assert last(mia)["data"] == {**last(mia)["data"], "link": "/a", "data": {"b": 1}, "source": "community", "id": row.pk}


def test_a_service_tells_several(service: APIClient, mia: User, bob: User, ann: User) -> None:
    answer = service.post(SEND, {**WORDS, "user_ids": [mia.pk, ann.pk, mia.pk]})
    assert answer.status_code == 201
    assert set(answer.json()["ids"]) == {last(mia)["data"]["id"], last(ann)["data"]["id"]}
    assert head(bob) == 0


def test_staff_tell_an_audience(api: Api, admin: User, mia: User) -> None:
    answer = api(admin).post(SEND, {**WORDS, "audience": "staff"})
    assert answer.status_code == 201
    announcement = Announcement.objects.get(pk=answer.json()["announcement"]["id"])
    assert answer.json()["announcement"]["told"] == announcement.told >= 1
    assert answer.json()["announcement"]["completed_at"] is not None
    assert announcement.sender == admin
    assert last(admin)["data"]["title"] == "Hello"
    assert head(mia) == 0


def test_who_has_turned_it_off_has_no_id_in_the_answer(api: Api, service: APIClient, mia: User) -> None:
    api(mia).put(f"{SEND}/preferences", {"preferences": {"mention": "off"}})
    answer = service.post(SEND, {**WORDS, "user_id": mia.pk})
    assert (answer.status_code, answer.json()) == (201, {"ids": []})


@pytest.mark.parametrize("role", ["mia", "bob", "ann"])
def test_members_agents_and_customers_may_not_send(api: Api, request: pytest.FixtureRequest, eve: User, role: str) -> None:
    answer = api(request.getfixturevalue(role)).post(SEND, {**WORDS, "user_id": eve.pk})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert head(eve) == 0


def test_a_service_without_the_scope_may_not_send(api: Api, mia: User) -> None:
    _key, text = make(name="tasks", scopes=["tasks", "users"])
    assert api(text).post(SEND, {**WORDS, "user_id": mia.pk}).status_code == 403
    assert head(mia) == 0


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"user_id": None}, ["user_id"]),
        ({"user_id": "5"}, ["user_id"]),
        ({"user_id": True}, ["user_id"]),
        ({"user_id": 1.5}, ["user_id"]),
        ({"user_id": [5]}, ["user_id"]),
        ({"user_id": 2**70}, ["user_id"]),
        ({"user_id": 0}, ["user_id"]),
        ({"user_ids": [1]}, ["user_id", "user_ids"]),
        ({"audience": "staff"}, ["user_id", "audience"]),
        ({"type": None}, ["type"]),
        ({"type": 5}, ["type"]),
        ({"type": "No Slug"}, ["type"]),
        ({"type": "x" * 51}, ["type"]),
        ({"title": ""}, ["title"]),
        ({"title": "  "}, ["title"]),
        ({"title": 5}, ["title"]),
        ({"title": ["Hello"]}, ["title"]),
        ({"title": "x" * 201}, ["title"]),
        ({"title": "a\x00b"}, ["title"]),
        ({"title": "\ud83d"}, ["title"]),
        ({"message": None}, ["message"]),
        ({"message": {}}, ["message"]),
        ({"message": "x" * 4001}, ["message"]),
        ({"link": None}, ["link"]),
        ({"link": 5}, ["link"]),
        ({"link": "javascript:alert(1)"}, ["link"]),
        ({"link": "//evil.example"}, ["link"]),
        ({"link": "/" + "x" * 500}, ["link"]),
        ({"data": None}, ["data"]),
        ({"data": []}, ["data"]),
        ({"data": "{}"}, ["data"]),
        ({"data": {"a": "\x00"}}, ["data"]),
        ({"data": {"a": "\udc00"}}, ["data"]),
        ({"data": {"a": 10**400}}, ["data"]),
        ({"data": {"a": "x" * 4096}}, ["data"]),
        ({"source": None}, ["source"]),
        ({"source": []}, ["source"]),
        ({"source": "x" * 51}, ["source"]),
        ({"title": 1, "message": 2}, ["title", "message"]),
    ],
)
def test_a_wrong_field_is_named_and_nobody_is_told(service: APIClient, mia: User, change: dict[str, Any], fields: list[str]) -> None:
    body = json.dumps({**WORDS, "user_id": mia.pk, **change})  # half characters as escapes, which the test client cannot do
    answer = service.generic("POST", SEND, body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert list(answer.json()["errors"]) == fields
    assert all(name in answer.json()["detail"] for name in fields)
    assert head(mia) == 0


@pytest.mark.parametrize("name", ["type", "title", "message"])
def test_a_missing_field_is_named(service: APIClient, mia: User, name: str) -> None:
    body = {key: value for key, value in WORDS.items() if key != name}
    answer = service.post(SEND, {**body, "user_id": mia.pk})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_recipients_must_be_named(service: APIClient) -> None:
    answer = service.post(SEND, WORDS)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["user_id"])


@pytest.mark.parametrize("value", [[], None, 5, "5", ["5"], [None], [True], [[1]], list(range(1, 1002)), {"a": 1}])
def test_user_ids_that_make_no_sense_are_refused(service: APIClient, db: None, value: Any) -> None:
    answer = service.post(SEND, {**WORDS, "user_ids": value})
    assert answer.status_code == 400
    assert {name.partition(".")[0] for name in answer.json()["errors"]} == {"user_ids"}


@pytest.mark.parametrize("value", ["users", "nobody", "", None, 5, ["staff"], True])
def test_an_audience_that_does_not_exist_is_refused(service: APIClient, db: None, value: Any) -> None:
    answer = service.post(SEND, {**WORDS, "audience": value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["audience"])


def test_unknown_and_inactive_users_are_named_under_the_field_that_the_request_has(service: APIClient, mia: User) -> None:
    gone = cast.member(is_active=False)
    answer = service.post(SEND, {**WORDS, "user_ids": [mia.pk, gone.pk]})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["user_ids"])
    assert str(gone.pk) in answer.json()["errors"]["user_ids"][0]
    assert list(service.post(SEND, {**WORDS, "user_id": gone.pk}).json()["errors"]) == ["user_id"]
    assert frames(mia) == []


NUMBERS = ['{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}', '{"a": -1e999}', '{"a": 9007199254740993}']


@pytest.mark.parametrize("data", NUMBERS)
def test_a_number_that_json_or_javascript_cannot_hold_is_refused(service: APIClient, mia: User, data: str) -> None:
    body = f'{{"type": "mention", "title": "a", "message": "b", "user_id": {mia.pk}, "data": {data}}}'
    assert service.generic("POST", SEND, body, content_type="application/json").status_code == 400
    assert head(mia) == 0


@pytest.mark.parametrize("field", ["user_id", "user_ids", "audience", "type", "title", "message", "link", "data", "source"])
def test_brackets_of_any_depth_are_refused_in_any_field(service: APIClient, mia: User, field: str) -> None:
    template = json.dumps({**WORDS, "user_id": mia.pk, field: {"a": "HERE"} if field == "data" else "HERE"})
    for depth in (*range(9, 1100, 13), 5_000, 400_000):
        body = template.replace('"HERE"', "[" * depth + "]" * depth)
        assert service.generic("POST", SEND, body, content_type="application/json").status_code == 400, depth
    assert head(mia) == 0


def test_a_sender_that_sends_too_often_is_told_when_to_go_on(api: Api, options: Callable[..., None], admin: User, mia: User) -> None:
    options(rate_notify=(2, 60.0))
    client = api(admin)
    answers = [client.post(SEND, {**WORDS, "user_id": mia.pk}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert 1 <= int(answers[2]["Retry-After"]) <= 31
    assert head(mia) == 2
    assert client.get(SEND).status_code == 200
