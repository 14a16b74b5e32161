"""A user's own notifications over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import Revocation, User
from accounts.service_keys import make
from notifications.models import Notification
from tests.notifications.stream import head, last, told

LIST, READ_ALL, PREFERENCES = "/api/v1/notifications", "/api/v1/notifications/read-all", "/api/v1/notifications/preferences"

Api = Callable[..., APIClient]


def one(row: Notification | int) -> str:
    return f"{LIST}/{row if isinstance(row, int) else row.pk}"


def ids(answer: Any) -> list[int]:
    return [each["id"] for each in answer.json()["results"]]


# Reading


def test_a_list_is_newest_first_with_an_unread_count_that_is_true_at_a_number(api: Api, mia: User) -> None:
    rows = [told(mia)[0] for _ in range(3)]
    api(mia).patch(one(rows[1]), {"status": "read"})
    answer = api(mia).get(LIST)
    assert answer.status_code == 200
    assert ids(answer) == [row.pk for row in reversed(rows)]
    assert (answer.json()["unread_count"], answer.json()["as_of"], answer.json()["next"]) == (2, 4, None)


def test_an_item_is_what_its_frame_held(api: Api, mia: User) -> None:
    [row] = told(mia, link="/users/456", data={"follower_id": 456}, source="community")
    assert api(mia).get(LIST).json()["results"] == [last(mia)["data"]]
    assert api(mia).get(one(row)).json() == last(mia)["data"]


def test_count_and_number_are_read_in_one_statement_before_the_page(api: Api, mia: User) -> None:
    told(mia)
    client = api(mia)
    with CaptureQueriesContext(connection) as captured:
        client.get(LIST)
    asked = [query["sql"] for query in captured if "notifications_inbox" in query["sql"] or "notifications_notification" in query["sql"]]
    assert len(asked) == 2
    assert "notifications_inbox" in asked[0]
    assert "COUNT" in asked[0].upper()
    assert "notifications_inbox" not in asked[1]


def test_a_limit_of_zero_asks_for_the_count_alone(api: Api, mia: User) -> None:
    told(mia)
    client = api(mia)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(LIST, {"limit": 0})
    assert answer.json() == {"results": [], "next": None, "unread_count": 1, "as_of": 1}
    assert len([query for query in captured if "notifications_" in query["sql"]]) == 1


def test_following_next_reaches_each_once_though_new_ones_come_in_between(api: Api, mia: User) -> None:
    rows = [told(mia)[0].pk for _ in range(5)]
    client = api(mia)
    page = client.get(LIST, {"limit": 2, "type": "mention"})
    seen = ids(page)
    told(mia)
    while page.json()["next"]:
        page = client.get(page.json()["next"])
        seen += ids(page)
        assert len(ids(page)) <= 2
    assert seen == rows[::-1]


def test_a_page_that_is_just_full_has_no_next(api: Api, mia: User) -> None:
    told(mia), told(mia)
    assert api(mia).get(LIST, {"limit": 2}).json()["next"] is None


def test_a_list_is_narrowed_by_status_and_type(api: Api, mia: User) -> None:
    mention, system = told(mia)[0], told(mia, type="system")[0]
    client = api(mia)
    client.patch(one(mention), {"status": "read"})
    assert ids(client.get(LIST, {"status": "unread"})) == [system.pk]
    assert ids(client.get(LIST, {"status": "read"})) == [mention.pk]
    assert ids(client.get(LIST, {"type": "system"})) == [system.pk]
    assert ids(client.get(LIST, {"type": "system", "status": "read"})) == []
    assert client.get(LIST, {"type": "system", "status": "read"}).json()["unread_count"] == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "seen"),
        ("type", "No Slug"),
        ("type", "x" * 51),
        ("limit", "1001"),
        ("limit", "-1"),
        ("limit", "many"),
        ("cursor", "0"),
        ("cursor", "x"),
        ("cursor", "9" * 30),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_name(api: Api, mia: User, name: str, value: str) -> None:
    answer = api(mia).get(LIST, {name: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]


@pytest.mark.parametrize("path", [LIST, PREFERENCES])
def test_addresses_answer_with_and_without_a_slash(api: Api, mia: User, path: str) -> None:
    assert api(mia).get(path).json() == api(mia).get(path + "/").json()


# Changing


def test_read_and_unread_are_told_to_all_sockets_once(api: Api, mia: User) -> None:
    [row] = told(mia)
    client = api(mia)
    assert client.patch(one(row), {"status": "read"}).json()["status"] == "read"
    assert last(mia)["data"] == {"ids": [row.pk], "all_up_to": None, "status": "read", "unread_count": 0, "as_of": 2}
    assert client.patch(one(row), {"status": "read"}).status_code == 200
    assert head(mia) == 2
    assert client.patch(one(row), {"status": "unread"}).json()["status"] == "unread"
    assert last(mia)["data"]["unread_count"] == 1


def test_a_deleted_one_is_gone_and_told(api: Api, mia: User) -> None:
    [row] = told(mia)
    client = api(mia)
    answer = client.delete(one(row))
    assert (answer.status_code, answer.content) == (204, b"")
    assert last(mia)["data"]["status"] == "deleted"
    assert client.delete(one(row)).status_code == client.get(one(row)).status_code == 404
    assert head(mia) == 2


def test_reading_all_goes_as_far_as_was_seen(api: Api, mia: User) -> None:
    first, second = told(mia)[0], told(mia)[0]
    client = api(mia)
    assert client.post(READ_ALL, {"up_to": first.pk}).json() == {"changed": 1, "unread_count": 1, "as_of": 3}
    assert last(mia)["data"]["all_up_to"] == first.pk
    assert client.post(READ_ALL).json() == {"changed": 1, "unread_count": 0, "as_of": 4}
    assert last(mia)["data"]["all_up_to"] == second.pk
    assert client.post(READ_ALL, {}).json() == {"changed": 0, "unread_count": 0, "as_of": 4}


@pytest.mark.parametrize("wrong", [0, -1, "5", 1.5, True, None, [1], 2**63])
def test_an_up_to_that_is_no_id_is_refused(api: Api, mia: User, wrong: Any) -> None:
    answer = api(mia).post(READ_ALL, {"up_to": wrong})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["up_to"])


@pytest.mark.parametrize("wrong", ["seen", "", None, True, 1, ["read"], {"a": 1}])
def test_a_status_that_makes_no_sense_is_refused(api: Api, mia: User, wrong: Any) -> None:
    [row] = told(mia)
    answer = api(mia).patch(one(row), {"status": wrong})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["status"])
    assert head(mia) == 1


@pytest.mark.parametrize("body", ["[]", "7", '"read"', "null", "{", "", '{"status":"read"', "[" * 100_000, '{"stat\\ud800us":1}'])
def test_a_body_that_is_no_object_is_refused_and_changes_nothing(api: Api, mia: User, body: str) -> None:
    [row] = told(mia)
    client = api(mia)
    answers = [client.generic(method, path, body, content_type="application/json") for method, path in (("PATCH", one(row)), ("PUT", PREFERENCES))]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert {answer["Content-Type"] for answer in answers} == {"application/problem+json"}
    assert head(mia) == 1


# Preferences


def test_preferences_are_read_and_replaced(api: Api, mia: User, eve: User) -> None:
    client = api(mia)
    assert client.get(PREFERENCES).json() == {"preferences": {}}
    wanted = {"preferences": {"mention": "off", "new_like": "silent"}}
    assert client.put(PREFERENCES, wanted).json() == client.get(PREFERENCES).json() == wanted
    assert client.put(PREFERENCES, {"preferences": {}}).json() == {"preferences": {}}
    assert api(eve).get(PREFERENCES).json() == {"preferences": {}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "preferences"),
        ({"preferences": None}, "preferences"),
        ({"preferences": ["mention"]}, "preferences"),
        ({"preferences": {"mention": "loud"}}, "preferences.mention"),
        ({"preferences": {"mention": ["off"]}}, "preferences.mention"),
        ({"preferences": {"mention": None}}, "preferences.mention"),
        ({"preferences": {"No Slug": "off"}}, "preferences.No Slug"),
        ({"preferences": {"a\x00": "off"}}, "preferences.a\x00"),
        ({"preferences": {f"t{n}": "off" for n in range(201)}}, "preferences"),
    ],
)
def test_preferences_that_make_no_sense_are_refused_by_name(api: Api, mia: User, body: Any, field: str) -> None:
    answer = api(mia).put(PREFERENCES, body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


# From outside


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_somebody_elses_notification_is_not_there(api: Api, mia: User, eve: User, admin: User, method: str) -> None:
    [row] = told(mia)
    body = {"status": "read"} if method == "patch" else None
    answers = [getattr(api(who), method)(one(row), body) for who in (eve, admin)]
    nothing = getattr(api(eve), method)(one(2**62), body)
    assert [answer.status_code for answer in [*answers, nothing]] == [404, 404, 404]
    assert {answer.json()["detail"] for answer in answers} == {nothing.json()["detail"]}
    row.refresh_from_db()
    assert (row.status, head(mia)) == ("unread", 1)


def test_a_list_holds_nobody_elses(api: Api, mia: User, eve: User) -> None:
    told(mia)
    assert api(eve).get(LIST).json() == {"results": [], "next": None, "unread_count": 0, "as_of": 0}
    assert api(eve).post(READ_ALL).json()["changed"] == 0
    assert head(mia) == 1


@pytest.mark.parametrize("number", ["0", "99999999999999999999999999", "abc", "-1", "1.5"])
def test_an_id_that_cannot_be_is_not_there(api: Api, mia: User, number: str) -> None:
    assert api(mia).get(f"{LIST}/{number}").status_code == 404


CALLS = [("get", LIST), ("get", one(1)), ("patch", one(1)), ("delete", one(1)), ("post", READ_ALL), ("get", PREFERENCES), ("put", PREFERENCES), ("post", LIST)]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_nothing_opens_without_a_good_token(api: Api, mia: User, options: Callable[..., None], method: str, path: str) -> None:
    revoked = tokens.issue(mia)[0]
    Revocation.objects.revoke([mia.pk])
    mia.refresh_from_db()
    answers = {
        "none": getattr(api(), method)(path, {}),
        "revoked": getattr(api(revoked), method)(path, {}),
        "nonsense": getattr(api("nonsense"), method)(path, {}),
        "withdrawn": getattr(api("sk_0123456789"), method)(path, {}),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert answers["none"].json()["code"] == "MISSING_TOKEN"
    assert {answers[name].json()["code"] for name in ("revoked", "nonsense", "withdrawn")} == {"TOKEN_EXPIRED"}


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call != ("post", LIST)])
def test_a_service_has_no_notifications_of_its_own(api: Api, method: str, path: str) -> None:
    _key, text = make(name="shop", scopes=["notifications"])
    assert getattr(api(text), method)(path, {}).status_code == 403


def test_a_customer_reads_its_own(api: Api, ann: User) -> None:
    [row] = told(ann)
    assert ids(api(ann).get(LIST)) == [row.pk]
