"""The description of the API for machines is whole, and says what is answered."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from accounts.problems import KINDS
from config import api_docs
from tests.realtime.chat.support import SESSIONS, asked, at, say

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def schema() -> Any:
    out = io.StringIO()
    # A view without a description, or two things of one name, are warnings.
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def test_every_call_is_described_and_no_two_by_one_name(schema: Any) -> None:
    named = [call["operationId"] for calls in schema["paths"].values() for call in calls.values()]
    assert len(named) == len(set(named)) > 30


def calls(schema: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in schema["paths"].items():
        yield from ((f"{method.upper()} {path}", call) for method, call in methods.items())


@pytest.mark.parametrize(
    ("call", "credentials"),
    [
        ("GET /api/v1/notifications", {"userToken", "customerToken"}),
        ("POST /api/v1/notifications", {"userToken", "serviceKey"}),
        ("POST /api/v1/users", {"serviceKey"}),
        ("PATCH /api/v1/tasks/{task_id}", {"userToken", "serviceKey"}),
        ("GET /api/v1/online", {"userToken"}),
        ("PUT /api/v1/support/email", {"customerToken"}),
        ("POST /api/v1/public/login", {""}),
        ("POST /api/v1/customers", {"", "userToken", "customerToken"}),
    ],
)
def test_a_call_names_the_credentials_that_it_takes(schema: Any, call: str, credentials: set[str]) -> None:
    security = dict(calls(schema))[call]["security"]
    assert {name for each in security for name in each or [""]} == credentials


def test_every_call_declares_its_errors_with_an_example_of_each_code(schema: Any) -> None:
    for name, call in calls(schema):
        answers = {status: answer for status, answer in call["responses"].items() if int(status) >= 400}
        needed = {"400", "500", "503"} | ({"413", "415"} if "requestBody" in call else set()) | ({"404"} if "{" in name else set())
        assert needed <= set(answers), name
        assert {} in call["security"] or {"401", "403"} <= set(answers), name
        assert all("$ref" in answer or list(answer["content"]) == ["application/problem+json"] for answer in answers.values()), name
    shown = {}
    for answer in schema["components"]["responses"].values():
        assert answer["description"]
        shown |= {code: example["value"] for code, example in answer["content"]["application/problem+json"]["examples"].items()}
    no_call = {"METHOD_NOT_ALLOWED", "NOT_ACCEPTABLE", "TIMEOUT", "HEAD_TOO_LARGE"}  # answered before it is known which call was meant
    assert set(shown) == set(KINDS) - no_call
    assert all(set(example) - {"errors"} == {"type", "title", "status", "detail", "code", "request_id"} for example in shown.values())


def test_the_description_is_the_same_for_everybody_and_in_both_forms(schema: Any) -> None:
    plain = Client().get("/api/schema", headers={"Accept-Language": "zh-CN"})
    assert plain["Content-Type"] == "application/json; charset=utf-8"
    assert plain.json() == schema
    written = Client().get("/api/schema/?format=yaml")
    assert (written["Content-Type"], yaml.safe_load(written.content)) == ("application/yaml; charset=utf-8", schema)
    again = Client().get("/api/schema", headers={"If-None-Match": plain["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_several_who_ask_for_the_description_first_all_get_it(schema: Any) -> None:
    api_docs._made.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda form: Client().get(f"/api/schema?format={form}"), ["json", "yaml"] * 2))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert answers[0].json() == schema
    assert yaml.safe_load(answers[1].content) == schema


def test_support_sessions_are_answered_as_described(schema: Any, api: Callable[..., APIClient], ann: User, bob: User, alice: User) -> None:
    session = asked(ann, agent=bob)
    say(ann, session)
    client = api(bob)
    handed_over = client.post(at(session, "transfer"), {"toUserId": alice.pk}).json()
    page, said = client.get(SESSIONS).json(), client.get(at(session, "messages")).json()
    for name, shown in {
        "SessionDetail": handed_over,
        "SessionPage": page,
        "Session": page["results"][0],
        "Preview": page["results"][0]["lastMessage"],
        "MessagePage": said,
        "Message": said["results"][0],
        "SupportPerson": handed_over["agent"],
        "Transfer": handed_over["transfers"][0],
        "Participant": handed_over["participants"][0],
        "Unread": client.post(at(session, "read"), {}).json(),
    }.items():
        assert set(shown) == set(schema["components"]["schemas"][name]["properties"]), name


def test_tasks_are_answered_as_described(schema: Any, api: Callable[..., APIClient], mia: User) -> None:
    begun = api(mia).post("/api/v1/tasks", {"title": "Import"}).json()
    page = api(mia).get("/api/v1/tasks").json()
    for name, shown in {"Task": begun, "TaskPage": page}.items():
        assert set(shown) == set(schema["components"]["schemas"][name]["properties"]), name
    assert page["results"] == [begun]
