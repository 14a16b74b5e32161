"""The description of the API for machines is whole, and says what is answered."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts.models import User
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
