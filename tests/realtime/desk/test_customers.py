"""A customer as an agent sees it; blocking it; and the address that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import Customer, User
from realtime.chat.models import Block, Participant, Session
from realtime.chat.posting import Post, post
from realtime.declined import Declined
from realtime.desk.models import Contact
from realtime.desk.services import leave_email
from tests import cast
from tests.realtime.desk.conftest import DESK, session_of
from tests.servers.redis import PrivateRedis

Api = Callable[..., APIClient]
EMAIL = f"{DESK}/email"


def card(customer: User) -> str:
    return f"{DESK}/customers/{customer.pk}"


def write(customer: User) -> None:
    post(Post(sender_id=customer.pk, role=customer.role, session_id=None, text="Hello?"))


# The card


def test_an_agent_sees_who_her_customer_is_and_what_he_asked_before(api: Api, bob: User, alice: User) -> None:
    carl = cast.customer("carl", channel="APP", metadata={"plan": "gold"})
    User.objects.filter(pk=carl.pk).update(language="zh-hans")
    earlier = session_of(carl, alice, subject="Invoice", closed_at=timezone.now(), rating=4)
    session = session_of(carl, bob)
    said = api(bob).get(card(carl)).json()
    assert {key: said[key] for key in said if key not in ("createdAt", "sessions")} == {
        "userId": carl.pk,
        "name": "Carl",
        "channel": "APP",
        "language": "zh-hans",
        "metadata": {"plan": "gold"},
        "email": None,
        "blocked": False,
    }
    assert said["createdAt"].endswith("Z")
    newest, oldest = said["sessions"]
    assert (newest["id"], newest["status"], newest["agent"], newest["closedAt"]) == (str(session.public_id), "open", {"userId": bob.pk, "name": "Bob"}, None)
    assert (oldest["id"], oldest["status"], oldest["subject"], oldest["rating"]) == (str(earlier.public_id), "closed", "Invoice", 4)
    assert set(oldest) == {"id", "status", "subject", "channel", "openedAt", "closedAt", "agent", "rating"}


def test_nothing_that_is_a_customers_secret_and_no_agents_username_is_in_it(api: Api, bob: User, alice: User, admin: User, ann: User) -> None:
    User.objects.filter(pk=alice.pk).update(display_name="")
    session_of(ann, alice, closed_at=timezone.now())
    session_of(ann, bob)
    for user in (bob, admin):
        text = api(user).get(card(ann)).content.decode()
        assert str(ann.customer.public_id) not in text
        assert ann.username not in text
        assert alice.username not in text


def test_who_had_a_session_and_who_may_take_it_from_the_queue_see_it_and_staff_always_does(api: Api, ann: User, bob: User, alice: User, admin: User) -> None:
    assert [api(each).get(card(ann)).status_code for each in (bob, alice, admin)] == [404, 404, 200]
    session = session_of(ann)
    assert [api(each).get(card(ann)).status_code for each in (bob, alice, admin)] == [200, 200, 200]
    Session.objects.filter(pk=session.pk).update(status="closed", agent=alice, closed_at=timezone.now())
    Participant.objects.create(session=session, user=bob)
    assert [api(each).get(card(ann)).status_code for each in (bob, alice, cast.agent("zed"))] == [200, 200, 404]


def test_only_the_newest_twenty_sessions_are_in_it(api: Api, ann: User, bob: User) -> None:
    made = [session_of(ann, bob, closed_at=timezone.now() - timedelta(hours=1)) for _ in range(23)]
    said = api(bob).get(card(ann)).json()["sessions"]
    assert [each["id"] for each in said] == [str(each.public_id) for each in reversed(made)][:20]


# Blocking


def test_a_blocked_customer_writes_no_more_until_she_is_let_again(api: Api, ann: User, bob: User) -> None:
    session = session_of(ann, bob)
    assert api(bob).post(f"{card(ann)}/block", {"reason": "Insults"}).status_code == 204
    assert api(bob).get(card(ann)).json()["blocked"] is True
    block = Block.objects.get(customer=ann)
    assert (block.by, block.reason) == (bob, "Insults")
    session.refresh_from_db()
    assert session.status == "closed"
    with pytest.raises(Declined, match="You cannot write here any more"):
        write(ann)
    assert [api(bob).delete(f"{card(ann)}/block").status_code for _ in range(2)] == [204, 204]
    assert api(bob).get(card(ann)).json()["blocked"] is False
    write(ann)


def test_a_reason_that_is_too_long_is_named_and_none_is_needed(api: Api, ann: User, bob: User) -> None:
    session_of(ann, bob)
    refused = api(bob).post(f"{card(ann)}/block", {"reason": "x" * 501})
    assert (refused.status_code, set(refused.json()["errors"])) == (400, {"reason"})
    assert [api(bob).post(f"{card(ann)}/block").status_code for _ in range(2)] == [204, 204]


# The address


def test_a_customer_leaves_an_address_that_her_agents_see_and_takes_it_back(api: Api, ann: User, bob: User) -> None:
    session_of(ann, bob)
    assert api(ann).put(EMAIL, {"email": " ann@shop.example "}).json() == {"email": "ann@shop.example"}
    assert api(bob).get(card(ann)).json()["email"] == "ann@shop.example"
    api(ann).put(EMAIL, {"email": "ann@other.example"})
    assert api(bob).get(card(ann)).json()["email"] == "ann@other.example"
    assert [api(ann).delete(EMAIL).status_code for _ in range(2)] == [204, 204]
    assert api(bob).get(card(ann)).json()["email"] is None


def test_who_changes_it_too_often_is_asked_to_wait(api: Api, ann: User, options: Callable[..., None], redis: PrivateRedis) -> None:
    options(rate_support=(2, 3600.0))
    answers = [api(ann).put(EMAIL, {"email": f"{number}@shop.example"}) for number in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 60


@pytest.mark.parametrize("email", ["ann", "ann@", "a@b.example\nBcc: eve@shop.example", "", 7, None, "x" * 250 + "@shop.example", ["a@b.example"]])
def test_what_is_no_address_is_refused(api: Api, ann: User, email: object) -> None:
    answer = api(ann).put(EMAIL, {"email": email})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"email"})
    assert not Contact.objects.filter(customer=ann).exists()


def test_a_verified_customer_takes_over_the_address_unless_she_has_left_one(ann: User) -> None:
    zoe, ida = cast.customer("zoe"), cast.customer("ida")
    leave_email(customer=ann, email="ann@shop.example")
    accounts.take_over(anonymous=ann.customer, verified=zoe.customer)
    assert Contact.objects.get(customer=zoe).email == "ann@shop.example"
    leave_email(customer=ida, email="ida@shop.example")
    accounts.take_over(anonymous=ida.customer, verified=zoe.customer)
    assert Contact.objects.get(customer=zoe).email == "ann@shop.example"
    assert not Contact.objects.filter(customer__in=[ann, ida]).exists()


def test_members_and_agents_leave_none(api: Api, mia: User, bob: User, admin: User) -> None:
    assert [api(each).put(EMAIL, {"email": "a@b.example"}).status_code for each in (mia, bob, admin)] == [403, 403, 403]


def test_staff_sees_addresses_in_the_admin_and_may_delete_them(ann: User, admin: User) -> None:
    Contact.objects.create(customer=ann, email="ann@shop.example")
    browser, address = Client(), "/admin/desk/contact/"
    browser.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    assert "ann@shop.example" in browser.get(address, {"q": "Ann"}).content.decode()
    assert browser.get(f"{address}{ann.pk}/change/").status_code == 200
    assert browser.get(f"{address}add/").status_code == 403
    assert browser.post(f"{address}{ann.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Customer.objects.filter(pk=ann.pk).exists()
    assert not Contact.objects.filter(pk=ann.pk).exists()
