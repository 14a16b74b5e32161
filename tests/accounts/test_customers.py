"""A visitor becomes a customer, and comes back as the same one."""

import uuid
from datetime import datetime

import pytest

from accounts import tokens
from accounts.models import Customer, User
from tests import cast
from tests.accounts.visitors import NEW, come, fetch


def test_a_visitor_becomes_a_customer(api):
    answer = come(api())
    made = answer.json()
    assert answer.status_code == 201
    assert made.keys() == {"id", "name", "channel", "metadata", "token", "expiresAt", "userId"}
    assert (made["name"], made["channel"], made["metadata"]) == ("Ann", "WEB", {"page": "/cart"})
    assert uuid.UUID(made["id"]).version == 4
    claims = tokens.verify(made["token"])
    assert (claims.user_id, claims.role) == (made["userId"], "customer")
    assert made["expiresAt"].endswith("Z")
    assert datetime.fromisoformat(made["expiresAt"]).timestamp() == claims.expires_at
    user = User.objects.get(pk=made["userId"])
    assert not user.has_usable_password()
    assert made["id"] not in user.username


def test_the_id_is_not_the_number(api):
    made = come(api()).json()
    assert made["id"] != str(made["userId"])
    assert Customer.objects.get(pk=made["userId"]).public_id == uuid.UUID(made["id"])


def test_two_visitors_are_two_customers_though_they_say_the_same(api):
    client = api()
    assert come(client).json()["userId"] != come(client).json()["userId"]


def test_what_is_wrong_is_said_in_the_readers_language(api):
    headers = {"HTTP_ACCEPT_LANGUAGE": "zh-CN"}
    long = api().post("/api/v1/customers", {"channel": "WEB", "metadata": {"a": "x" * 3000}}, **headers)
    assert long.json()["errors"] == {"metadata": ["最多 2048 字节。"]}
    broken = api().post("/api/v1/customers", "{", content_type="application/json", **headers)
    assert (broken.json()["code"], broken.json()["detail"]) == ("INVALID_JSON", "请发送一个 UTF-8 编码的 JSON 对象。")


def test_metadata_may_be_left_out(api):
    answer = api().post("/api/v1/customers", {"name": "Ann", "channel": "WECHAT"})
    assert (answer.status_code, answer.json()["metadata"]) == (201, {})


def test_both_forms_of_the_address_answer_without_a_redirect(api):
    for path in ("/api/v1/customers", "/api/v1/customers/"):
        assert api().post(path, NEW).status_code == 201
    for path in ("/api/v1/customers//", "/api/v1/customersx", "/api/v1/api/v1/customers"):
        assert api().post(path, NEW).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 5}, "name"),
        ({"name": True}, "name"),
        ({"name": ["Ann"]}, "name"),
        ({"name": {"first": "Ann"}}, "name"),
        ({"name": "A\0n"}, "name"),
        ({"channel": ...}, "channel"),
        ({"channel": None}, "channel"),
        ({"channel": ""}, "channel"),
        ({"channel": "x" * 21}, "channel"),
        ({"channel": "W E B"}, "channel"),
        ({"channel": 7}, "channel"),
        ({"channel": []}, "channel"),
        ({"metadata": []}, "metadata"),
        ({"metadata": "x"}, "metadata"),
        ({"metadata": 1}, "metadata"),
        ({"metadata": {"x": "y" * 2048}}, "metadata"),
        ({"metadata": {"x": ["a\0b"]}}, "metadata"),
        ({"metadata": {"a\0b": 1}}, "metadata"),
        ({"identity": "me"}, "identity"),
        ({"identity": []}, "identity"),
        ({"identity": {}}, "identity.externalId"),
        ({"identity": {"externalId": "7"}}, "identity.hash"),
        ({"identity": {"externalId": 7, "hash": "x"}}, "identity.externalId"),
        ({"identity": {"externalId": "x" * 201, "hash": "x"}}, "identity.externalId"),
        ({"identity": {"externalId": "7", "hash": "x" * 129}}, "identity.hash"),
        ({"identity": {"externalId": "7", "hash": None}}, "identity.hash"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_field_that_is_wrong_is_named(api, changes, field):
    body = {name: value for name, value in {**NEW, **changes}.items() if value is not ...}
    answer = api().post("/api/v1/customers", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert field in answer.json()["errors"]
    assert all(texts and all(isinstance(text, str) for text in texts) for texts in answer.json()["errors"].values())


def test_half_characters_are_refused(api):
    for body in (r'{"name": "\ud800", "channel": "WEB"}', r'{"name": "Ann", "channel": "WEB", "metadata": {"x": "\ud800"}}'):
        assert api().post("/api/v1/customers", body, content_type="application/json").status_code == 400


def test_numbers_that_no_database_keeps_are_refused(api):
    for number in ("1e999", "-1e999", "NaN", "Infinity", "9" * 5000):
        body = '{"name": "Ann", "channel": "WEB", "metadata": {"x": NUMBER}}'.replace("NUMBER", number)
        assert api().post("/api/v1/customers", body, content_type="application/json").status_code == 400


def test_customers_are_limited_per_address(api, options):
    options(rate_customers=(2, 60.0))
    client = api()
    answers = [come(client) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert 25 < int(answers[2]["Retry-After"]) <= 30
    other = api()
    other.defaults["REMOTE_ADDR"] = "203.0.113.77"
    assert come(other).status_code == 201


# Coming back


def test_a_customer_gets_a_new_token_by_its_id(api, ann):
    answer = fetch(api(), ann.customer.public_id)
    assert answer.status_code == 200
    assert answer.json().keys() == {"token", "expiresAt"}
    assert tokens.verify(answer.json()["token"]).user_id == ann.pk


def log_out(user):
    Customer.objects.filter(pk=user.pk).update(logged_out_at="2026-01-01T00:00:00Z")


def deactivate(user):
    User.objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", ""])
def test_whoever_is_not_known_gets_404_with_an_empty_body(api, ann, accept):
    gone, out = cast.customer(), cast.customer()
    deactivate(gone)
    log_out(out)
    client = api()
    answers = [
        client.post("/api/v1/customers/token", {"customerId": str(who), "channel": channel}, HTTP_ACCEPT=accept)
        for who, channel in (
            (uuid.uuid4(), "WEB"),
            ("no id at all", "WEB"),
            (ann.pk, "WEB"),
            (ann.customer.public_id, "APP"),
            (gone.customer.public_id, "WEB"),
            (out.customer.public_id, "WEB"),
        )
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, b"")}
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize("accept", ["application/json", "application/json, text/plain, */*", "application/problem+json;q=0.9"])
def test_whoever_names_json_is_told_in_json(api, accept):
    answer = api().post("/api/v1/customers/token", {"customerId": str(uuid.uuid4()), "channel": "WEB"}, HTTP_ACCEPT=accept)
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (404, "application/problem+json", "NOT_FOUND")


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '"x"', "null", '{"customerId": 5, "channel": "WEB"}', '{"customerId": null, "channel": []}', '{"channel": "WEB"}', "[" * 100_000]
)
def test_a_body_that_is_wrong_is_refused_with_an_empty_one_too(api, body):
    answer = api().post("/api/v1/customers/token", body, content_type="application/json")
    assert (answer.status_code, answer.content) == (400, b"")
    assert api().get("/api/v1/customers/token").content == b""


def test_wrong_ids_are_limited_per_address_and_do_not_hinder_right_ones(api, ann, options):
    options(rate_customer_token_wrong=(2, 60.0))
    client = api()
    answers = [fetch(client, uuid.uuid4()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert answers[2].content == b""
    assert answers[2]["Retry-After"]
    assert fetch(client, ann.customer.public_id).status_code == 200


def test_right_ids_are_limited_each_for_itself_so_that_all_can_come_at_once(api, options):
    options(rate_customer_token=(2, 60.0))
    client = api()
    for person in [cast.customer() for _ in range(5)]:
        assert fetch(client, person.customer.public_id).status_code == 200
    assert [fetch(client, person.customer.public_id).status_code for _ in range(2)] == [200, 429]
