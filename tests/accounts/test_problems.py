"""Errors: RFC 9457, a stable code, a request id, the language of the caller, and no traceback."""

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from rest_framework.permissions import AllowAny
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView

from accounts import problems
from accounts.models import User
from accounts.problems import KINDS, Problem
from accounts.redis import RedisAway
from tests import cast


def members(answer):
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"] == "about:blank"
    assert all(document[name] for name in ("title", "detail", "code", "request_id"))
    return document


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "INVALID_REQUEST"),
        ("{", 400, "INVALID_JSON"),
        ("nothing", 400, "INVALID_JSON"),
        ('{"name": NaN}', 400, "INVALID_JSON"),
        (b"\xff\xfe", 400, "INVALID_JSON"),
        ("[" * 100_000, 400, "INVALID_JSON"),
        ('{"a":' * 100_000, 400, "INVALID_JSON"),
        ("9" * 10_000, 400, "INVALID_JSON"),
        ("[]", 400, "INVALID_REQUEST"),
        ("null", 400, "INVALID_REQUEST"),
        ('"text"', 400, "INVALID_REQUEST"),
        ("1", 400, "INVALID_REQUEST"),
        ('{"x": "' + "y" * 2**20 + '"}', 413, "TOO_LARGE"),
    ],
    ids=lambda value: repr(value)[:20],
)
@pytest.mark.parametrize("path", ["/api/v1/customers", "/api/v1/public/login", "/api/v1/token/refresh"])
def test_a_body_that_is_wrong_is_answered_with_what_to_do(api, path, body, status, code):
    answer = api().post(path, body, content_type="application/json")
    assert (answer.status_code, members(answer)["code"]) == (status, code)


def test_another_content_type_or_charset_or_method_or_address_is_told_so(api):
    client = api()
    form = client.post("/api/v1/customers", "name=Ann", content_type="application/x-www-form-urlencoded")
    assert (form.status_code, members(form)["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    charset = client.post("/api/v1/customers", "{}", content_type="application/json; charset=bz2_codec")
    assert (charset.status_code, members(charset)["code"]) == (400, "INVALID_JSON")
    got = client.get("/api/v1/customers")
    assert (got.status_code, members(got)["code"], got["Allow"]) == (405, "METHOD_NOT_ALLOWED", "POST, OPTIONS")
    for method in (client.get, client.post, client.delete):
        nowhere = method("/api/v1/nowhere/at/all")
        assert (nowhere.status_code, members(nowhere)["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "*/*", "nonsense", ""])
def test_whatever_a_client_accepts_it_gets_json(api, accept):
    answer = api().post("/api/v1/customers", {"name": "Ann", "channel": "WEB"}, HTTP_ACCEPT=accept)
    assert (answer.status_code, answer["Content-Type"]) == (201, "application/json")
    assert api().post("/api/v1/customers?format=xml", {"name": "Ann", "channel": "WEB"}).status_code == 201


def test_outside_the_api_a_page_that_is_missing_is_a_page(db):
    answer = Client().get("/nowhere")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_the_caller_finds_its_request_again_in_the_log(api, caplog):
    client = api()
    caplog.set_level("INFO")
    ids = [members(client.post("/api/v1/customers", {}))["request_id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert all(each in caplog.text for each in ids)


def test_no_answer_with_a_secret_is_kept_by_anybody_on_the_way(api):
    assert api().post("/api/v1/customers", {})["Cache-Control"] == "no-store"


# Languages


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("", "Correct these fields: username, password."),
        ("fr", "Correct these fields: username, password."),
        ("en-GB, zh;q=0.5", "Correct these fields: username, password."),
    ],
)
def test_english_is_the_default(api, header, detail):
    assert members(api().post("/api/v1/public/login", {}, HTTP_ACCEPT_LANGUAGE=header))["detail"] == "Correct these fields: username, password."


@pytest.mark.parametrize("header", ["zh-CN", "zh-Hans, en;q=0.5", "zh"])
def test_fields_are_explained_in_chinese_to_whoever_asks_for_it(api, header):
    answer = api().post("/api/v1/public/login", {}, HTTP_ACCEPT_LANGUAGE=header)
    assert members(answer)["errors"] == {"username": ["该字段是必填项。"], "password": ["该字段是必填项。"]}
    assert answer["Content-Language"] == "zh-hans"


def test_the_last_language_is_remembered_and_written_only_when_it_changes(api, mia, django_assert_num_queries):
    client = api(mia)
    client.post("/api/v1/ws/ticket", HTTP_ACCEPT_LANGUAGE="zh-CN")
    assert User.objects.get(pk=mia.pk).language == "zh-hans"
    with django_assert_num_queries(1):
        client.post("/api/v1/ws/ticket", HTTP_ACCEPT_LANGUAGE="zh-TW, en;q=0.3")
    client.post("/api/v1/ws/ticket", HTTP_ACCEPT_LANGUAGE="fr")
    client.post("/api/v1/ws/ticket")
    assert User.objects.get(pk=mia.pk).language == "zh-hans"
    client.post("/api/v1/ws/ticket", HTTP_ACCEPT_LANGUAGE="en")
    assert User.objects.get(pk=mia.pk).language == "en"


def test_the_language_of_the_first_request_is_remembered_too(api, mia):
    client = api()
    made = client.post("/api/v1/customers", {"name": "Ann", "channel": "WEB"}, HTTP_ACCEPT_LANGUAGE="zh-CN").json()
    assert User.objects.get(pk=made["userId"]).language == "zh-hans"
    client.post("/api/v1/public/login", {"username": mia.username, "password": cast.PASSWORD}, HTTP_ACCEPT_LANGUAGE="zh-CN")
    assert User.objects.get(pk=mia.pk).language == "zh-hans"


# What a view may raise


def answered(error):
    class View(APIView):
        authentication_classes = []
        permission_classes = [AllowAny]

        def get(self, request):
            raise error

    return View.as_view()(RequestFactory().get("/api/v1/test"))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("the secret plan"), 500, "INTERNAL_ERROR"),
        (OperationalError("the secret plan"), 503, "DEPENDENCY_DOWN"),
        (RedisAway("the secret plan"), 503, "DEPENDENCY_DOWN"),
        (Problem("NOT_FOUND"), 404, "NOT_FOUND"),
    ],
    ids=str,
)
def test_what_goes_wrong_inside_is_not_shown(error, status, code):
    answer = answered(error)
    assert answer.status_code == status
    assert code.encode() in answer.content
    assert b"secret plan" not in answer.content
    assert b"Traceback" not in answer.content
    assert answer.has_header("Retry-After") == (status == 503)


def test_errors_of_inner_fields_are_named_with_their_way():
    inner = problems._problem(ValidationError({"a": {"b": ["x"]}, "c": [{}, {"d": ["y"]}], "e": "z", "non_field_errors": ["w"]}))
    assert inner.errors == {"a.b": ["x"], "c.1.d": ["y"], "e": ["z"]}


def test_djangos_own_errors_under_the_api_are_problems_too(api):
    answer = Client(SERVER_NAME="evil.example").get("/api/v1/customers")
    assert answer.status_code in (400, 405)
    assert answer["Content-Type"] == "application/problem+json"


def test_every_code_has_a_status_and_says_what_to_do():
    for code, kind in KINDS.items():
        assert code.isupper()
        assert 400 <= kind.status < 600
        assert str(kind.title)
        assert str(kind.detail).endswith(".")
