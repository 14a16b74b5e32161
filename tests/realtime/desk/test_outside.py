"""Every address of the desk, asked by those whom it is not for. What they may not see is not there."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from realtime.chat.models import Block, Session
from realtime.desk.models import Contact
from tests import cast
from tests.realtime.desk.conftest import DESK, said, session_of

Api = Callable[..., APIClient]

CALLS = [
    ("get", "canned-replies"),
    ("get", "canned-replies?session={session}"),
    ("get", "customers/{ann}"),
    ("post", "customers/{ann}/block"),
    ("delete", "customers/{ann}/block"),
    ("get", "search?q=parcel"),
    ("get", "agents"),
    ("patch", "me"),
    ("put", "email"),
    ("delete", "email"),
    ("get", "figures?from=2026-11-01&to=2026-11-21"),
]
every_call = pytest.mark.parametrize(("method", "path"), CALLS, ids=str)


@pytest.fixture
def session(ann: User, bob: User) -> Session:
    """Bob's session with ann."""
    session = session_of(ann, bob)
    said(session, ann, "Where is my parcel?")
    return session


def ask(client: APIClient, method: str, path: str, session: Session) -> Any:
    address = f"{DESK}/{path}".format(session=session.public_id, ann=session.customer_id)
    return getattr(client, method)(address, {"email": "eve@shop.example", "reason": "no"} if method in ("put", "post") else None)


@every_call
def test_only_people_with_a_good_token_may_ask(
    api: Api, session: Session, bob: User, expired: Callable[[User], str], service_key: Callable[..., str], method: str, path: str
) -> None:
    answers = [ask(api(who), method, path, session) for who in (None, "nonsense", expired(bob), service_key("users", "notifications", "tasks"))]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (401, "MISSING_TOKEN"),
        (401, "TOKEN_EXPIRED"),
        (401, "TOKEN_EXPIRED"),
        (403, "FORBIDDEN"),
    ]


@every_call
def test_a_member_is_told_nothing(api: Api, session: Session, eve: User, method: str, path: str) -> None:
    answer = ask(api(eve), method, path, session)
    assert answer.status_code == (404 if "customers" in path else 403)
    untouched(session)


@every_call
def test_another_customer_and_the_customer_herself_are_told_nothing(api: Api, session: Session, ann: User, method: str, path: str) -> None:
    if path in ("email", "me"):
        return  # which are theirs to call
    zoe = cast.customer("zoe")
    assert [ask(api(each), method, path, session).status_code for each in (zoe, ann)] == [404 if "customers" in path else 403] * 2
    untouched(session)


@every_call
def test_another_agent_finds_nothing_of_a_session_that_is_not_hers(api: Api, session: Session, alice: User, method: str, path: str) -> None:
    answer = ask(api(alice), method, path, session)
    if path in ("email", "me"):
        assert answer.status_code == 403
    elif "customers" in path or "session" in path:
        assert answer.status_code == 404
        assert answer.json() | {"request_id": ""} == ask(api(alice), method, path, Session(customer_id=2**52, public_id=uuid.uuid4())).json() | {
            "request_id": ""
        }
    else:
        assert answer.status_code == 200
        assert str(session.public_id) not in answer.content.decode()
    untouched(session)


def untouched(session: Session) -> None:
    assert not Block.objects.filter(customer=session.customer_id).exists()
    assert not Contact.objects.filter(customer=session.customer_id).exists()


@pytest.mark.parametrize("user_id", ["0", str(2**53), str(2**80), "ann", "-1"])
def test_a_number_that_is_nobodys_is_not_found(api: Api, admin: User, user_id: str) -> None:
    client = api(admin)
    assert client.get(f"{DESK}/customers/{user_id}").status_code == 404
    assert client.post(f"{DESK}/customers/{user_id}/block", {}).status_code == 404


def test_an_agent_or_a_member_is_no_customer(api: Api, admin: User, bob: User, mia: User) -> None:
    assert [api(admin).get(f"{DESK}/customers/{each.pk}").status_code for each in (bob, mia, admin)] == [404, 404, 404]
