"""A customer without a name, and one who says later who she is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Customer, User
from tests import cast
from tests.realtime.chat.floor import stream
from tests.realtime.desk.conftest import DESK, said, session_of

Api = Callable[..., APIClient]
ME = f"{DESK}/me"


def made(client: APIClient, **fields: Any) -> User:
    """A new customer, as the widget makes one."""
    answer = client.post("/api/v1/customers", {"channel": "WEB", **fields})
    assert answer.status_code == 201, answer.content
    return User.objects.get(pk=answer.json()["userId"])


def named(client: APIClient, session: Any, **headers: str) -> str:
    name: str = client.get(f"/api/v1/sessions/{session.public_id}", headers=headers).json()["customer"]["name"]
    return name


@pytest.mark.parametrize("fields", [{}, {"name": ""}, {"name": "  "}])
def test_who_gives_no_name_is_a_visitor_to_agents_each_in_its_own_language(api: Api, bob: User, fields: dict[str, str]) -> None:
    visitor = made(api(), **fields)
    assert visitor.customer.name == ""
    session = session_of(visitor, bob)
    assert named(api(bob), session) == f"Visitor {visitor.pk}"
    assert named(api(bob), session, **{"Accept-Language": "zh-CN"}) == f"访客 {visitor.pk}"
    card = api(bob).get(f"{DESK}/customers/{visitor.pk}").json()
    assert card["name"] == f"Visitor {visitor.pk}"
    assert visitor.username not in str(card)


def test_a_name_given_later_is_seen_at_once_by_whom_she_writes_with_and_by_nobody_else(api: Api, bob: User, alice: User) -> None:
    visitor = made(api(), metadata={"page": "/cart"})
    before = session_of(visitor, alice, closed_at="2026-11-01T10:00:00Z")
    session = session_of(visitor, bob)
    said(session, visitor, "Where is my parcel?")
    answer = api(visitor).patch(ME, {"name": " Zoë "})
    assert answer.json() == {"userId": visitor.pk, "name": "Zoë", "channel": "WEB", "metadata": {"page": "/cart"}}
    for who in (bob, visitor):
        [frame] = stream(who)
        assert frame["session"]["reason"] == "renamed"
        assert frame["session"]["customer"] == {"userId": visitor.pk, "name": "Zoë"}
    assert stream(alice) == []
    assert named(api(bob), session) == "Zoë"
    assert named(api(alice), before) == "Zoë"


def test_what_does_not_change_the_name_is_told_to_nobody(api: Api, ann: User, bob: User) -> None:
    session_of(ann, bob)
    assert api(ann).patch(ME, {"name": "Ann"}).status_code == 200
    assert api(ann).patch(ME, {"metadata": {"plan": "gold"}}).json()["metadata"] == {"plan": "gold"}
    assert api(ann).patch(ME, {}).json() == {"userId": ann.pk, "name": "Ann", "channel": "WEB", "metadata": {"plan": "gold"}}
    assert (stream(ann), stream(bob)) == ([], [])


def test_a_name_can_be_taken_back_and_tokens_stay_good(api: Api, ann: User) -> None:
    client = api(ann)
    assert client.patch(ME, {"name": ""}).json()["name"] == ""
    ann.refresh_from_db()
    assert ann.shown_name == f"Visitor {ann.pk}"
    assert client.patch(ME, {"name": "Ann"}, headers={"Accept-Language": "zh"}).status_code == 200
    ann.refresh_from_db()
    assert (ann.shown_name, ann.language) == ("Ann", "zh-hans")


@pytest.mark.parametrize(
    ("body", "field"), [({"name": "x" * 101}, "name"), ({"name": None}, "name"), ({"metadata": []}, "metadata"), ({"metadata": None}, "metadata")]
)
def test_what_makes_no_sense_is_named_and_changes_nothing(api: Api, ann: User, body: dict[str, Any], field: str) -> None:
    answer = api(ann).patch(ME, body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert Customer.objects.get(pk=ann.pk).name == "Ann"


def test_nobody_changes_somebody_elses(api: Api, ann: User) -> None:
    zoe = cast.customer("zoe")
    assert api(zoe).patch(ME, {"name": "Eve", "userId": ann.pk}).json()["userId"] == zoe.pk
    assert Customer.objects.get(pk=ann.pk).name == "Ann"
