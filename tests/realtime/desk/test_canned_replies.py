"""Replies that are written once: in the admin, and as an agent gets them."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from realtime.desk.models import CannedReply
from tests.realtime.desk.conftest import DESK, session_of

Api = Callable[..., APIClient]
REPLIES = f"{DESK}/canned-replies"


def reply(text: str, name: str = "hello") -> CannedReply:
    """Saved, as the admin would."""
    made = CannedReply(shortcut=f"{name}-{secrets.token_hex(5)}", text=text)
    made.full_clean()
    made.save()
    return made


def text_for(client: APIClient, made: CannedReply, **query: str) -> str:
    [found] = client.get(REPLIES, {"q": made.shortcut, **query}).json()["results"]
    assert found["shortcut"] == made.shortcut
    text: str = found["text"]
    return text


def test_an_agent_gets_it_as_it_was_written_and_for_a_session_with_the_names_in_it(api: Api, ann: User, bob: User) -> None:
    made = reply("Hello {customer}, I am {agent}. {customer}?")
    assert text_for(api(bob), made) == made.text
    assert text_for(api(bob), made, session=str(session_of(ann, bob).public_id)) == "Hello Ann, I am Bob. Ann?"


def test_one_who_may_claim_a_session_and_staff_get_it_filled_in_too(api: Api, ann: User, bob: User, admin: User) -> None:
    made, waiting = reply("Hello {customer}, I am {agent}."), str(session_of(ann).public_id)
    assert text_for(api(bob), made, session=waiting) == "Hello Ann, I am Bob."
    assert text_for(api(admin), made, session=waiting) == "Hello Ann, I am Admin."


def test_what_looks_like_a_placeholder_in_a_name_is_none(api: Api, ann: User, bob: User) -> None:
    User.objects.filter(pk=ann.pk).update(display_name="{agent} %s {0} \\1 {{customer}}")
    User.objects.filter(pk=bob.pk).update(display_name="")
    made, session = reply("{customer}|{agent}"), session_of(ann, bob)
    text = text_for(api(bob), made, session=str(session.public_id))
    assert text == "{agent} %s {0} \\1 {{customer}}|Support"
    assert bob.username not in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Hello {name}", "There is no placeholder {name}."),
        ("Hello {Customer}", "{Customer}"),
        ("Hello {}", "{}"),
        ("Hello {customer", "A brace stands alone."),
        ("Hello customer}", "A brace stands alone."),
        ("Hello {{customer}}", "A brace stands alone."),
        ("Hello {customer.user}", "{customer.user}"),
        ("x" * 4001, "4000"),
        ("{customer}" + "x" * 3901, "100 characters filled in"),
        ("a\x00b", "NUL"),
        ("", "blank"),
    ],
)
def test_a_text_that_could_not_be_filled_in_is_refused_and_the_field_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        CannedReply(shortcut="hello", text=text).clean_fields()
    assert list(refused.value.message_dict) == ["text"]
    assert complaint in " ".join(refused.value.message_dict["text"])


@pytest.mark.parametrize("text", ["x" * 4000, "{customer}" + "x" * 3900, "{agent}{customer}", "No braces."])
def test_a_text_that_can_be_sent_is_taken(text: str) -> None:
    CannedReply(shortcut="hello", text=text).clean_fields()


def test_they_are_found_by_shortcut_and_text_and_come_page_by_page(api: Api, bob: User) -> None:
    word = secrets.token_hex(6)
    made = sorted([reply(f"About {word}.", name) for name in ("refund", "parcel", "greeting")], key=lambda each: each.shortcut)
    client, found, address = api(bob), [], f"{REPLIES}?q={word.upper()}&limit=2"
    while address:
        answer = client.get(address).json()
        assert len(answer["results"]) <= 2
        found += [each["shortcut"] for each in answer["results"]]
        address = answer["next"]
    assert found == [each.shortcut for each in made]
    assert client.get(REPLIES, {"q": f"nothing-{word}"}).json() == {"results": [], "next": None}


@pytest.mark.parametrize(("name", "value"), [("session", "hello"), ("limit", "0"), ("limit", "1001"), ("cursor", "no slug!"), ("q", "x" * 101), ("q", "\x00")])
def test_a_question_that_makes_no_sense_is_named(api: Api, bob: User, name: str, value: str) -> None:
    answer = api(bob).get(REPLIES, {name: value})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {name})


def test_staff_makes_changes_and_deletes_them_in_the_admin(admin: User) -> None:
    browser, shortcut = Client(), f"hi-{secrets.token_hex(5)}"
    browser.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    address = "/admin/desk/cannedreply/"
    assert browser.post(f"{address}add/", {"shortcut": shortcut, "text": "Hello {customer}"}).status_code == 302
    made = CannedReply.objects.get(shortcut=shortcut)
    refused = browser.post(f"{address}{made.pk}/change/", {"shortcut": shortcut, "text": "Hello {name}"})
    assert "There is no placeholder {name}." in refused.content.decode()
    again = browser.post(f"{address}add/", {"shortcut": shortcut, "text": "Hello"})
    assert list(again.context["adminform"].form.errors) == ["shortcut"]
    assert browser.post(f"{address}{made.pk}/change/", {"shortcut": shortcut, "text": "Hi {customer}"}).status_code == 302
    made.refresh_from_db()
    assert made.text == "Hi {customer}"
    assert shortcut in browser.get(address, {"q": shortcut}).content.decode()
    assert browser.post(f"{address}{made.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not CannedReply.objects.filter(pk=made.pk).exists()
