"""One person's data: all of it is written out, and all of it is deleted, and nobody else's."""

from __future__ import annotations

import io
import json
import secrets
import time
from collections.abc import Callable
from functools import cache

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Customer, User
from accounts.services import make_verified_customer
from notifications.announcements import announce
from notifications.models import Preference
from notifications.recipients import Audience
from notifications.services import notify
from realtime import persons
from realtime.chat import services
from realtime.chat.direct import send_direct
from realtime.chat.models import Block, Session
from realtime.desk.services import leave_email
from realtime.imports.models import Imported
from realtime.presence.models import LastSeen
from realtime.presence.services import note_seen
from realtime.tasks.models import Task
from tests import cast
from tests.realtime.chat.support import asked, at, say
from tests.servers.workers import Site
from tests.sockets import connect

Api = Callable[..., APIClient]
Token = Callable[[User], str]


BODIES = "notifications_body.text"


@pytest.fixture
def mark() -> str:
    """A word that is in all that is about the person whose data is deleted."""
    return f"mark{secrets.token_hex(6)}"


@cache
def columns() -> dict[str, list[str]]:
    """Every column of every table, ours or not."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        return {table: [column.name for column in connection.introspection.get_table_description(cursor, table)] for table in tables}


def places_of(word: str) -> dict[str, int]:
    """In how many rows of which columns of the whole database a word stands."""
    found = {}
    with connection.cursor() as cursor:
        for table, names in columns().items():
            sums = ", ".join(f"""coalesce(sum(CASE WHEN CAST("{name}" AS text) LIKE %s THEN 1 ELSE 0 END), 0)""" for name in names)
            cursor.execute(f'SELECT {sums} FROM "{table}"', [f"%{word}%"] * len(names))  # noqa: S608
            found |= {f"{table}.{name}": count for name, count in zip(names, cursor.fetchone(), strict=True) if count}
    return found


def run(command: str, user: User | str, *words: str) -> str:
    out = io.StringIO()
    call_command(command, str(user.pk) if isinstance(user, User) else user, *words, stdout=out)
    return out.getvalue()


def told(user: User, mark: str, staff: User) -> None:
    """What is there of anybody."""
    notify(users=user, type="system", title=f"For {mark}", message=mark, link=f"/{mark}", data={"name": mark})
    announce(to=Audience.USERS, users=[user], type="system", title=f"To {mark}", message=mark)
    Preference.objects.create(user=user, type=mark, mode=Preference.Mode.OFF)
    Task.objects.create(owner=user, source=Task.Source.CODE, title=mark, message=mark, result={"for": mark}, timeout=60, alive_until=timezone.now())
    LastSeen.objects.create(user=user, at=timezone.now())
    Imported.objects.create(kind="user", ref=f"old:{mark}", row=user.pk)
    AccessAttempt.objects.create(username=user.username, ip_address="10.0.0.1", user_agent=mark, failures_since_start=1)
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.create(user=staff, content_type=kind, object_id=str(user.pk), object_repr=mark, action_flag=CHANGE, change_message=mark)


def customer(mark: str, bob: User, alice: User, staff: User) -> tuple[User, Session]:
    """A customer who has left all that one can leave."""
    user = cast.customer(mark, metadata={"plan": mark}, external_id=f"shop-{mark}")
    told(user, mark, staff)
    leave_email(customer=user, email=f"{mark}@shop.example")
    closed = asked(user, f"First of {mark}", agent=bob, subject=f"About {mark}")
    say(bob, closed, f"Hello {mark}")
    services.close(by=bob, session_id=closed.public_id)
    services.rate(customer=user, session_id=closed.public_id, rating=4, comment=f"Thanks, says {mark}")
    session = asked(user, f"Second of {mark}", agent=bob)
    say(bob, session, f"A note on {mark}", note=True)
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk, note=f"{mark} is yours")
    Block.objects.create(customer=user, by=bob, reason=f"{mark} is rude")
    return user, session


@pytest.mark.timeout(300)  # it starts several processes, on a machine that may be busy
def test_a_customer_is_written_out_and_deleted_and_others_see_that(
    mark: str, bob: User, alice: User, admin: User, api: Api, token: Token, server: Site
) -> None:
    other = f"other{secrets.token_hex(6)}"
    customer(other, bob, alice, admin)
    user, session = customer(mark, bob, alice, admin)
    others, before = places_of(other), places_of(mark)
    assert len(before) > 20

    found = json.loads(run("export_person", user))
    assert {name for name, section in found.items() if mark not in json.dumps(section)} == {"format", "exported_at", "direct_messages", "last_seen"}
    assert found["format"] == "switchboard-person-1"
    assert [each["subject"] for each in found["support_sessions"]] == [f"About {mark}", ""]
    assert found["last_seen"] != []
    assert other not in json.dumps(found)

    assert "Would be gone" in run("delete_person", user, "--dry-run")
    left = places_of(mark)
    # Agents come and go meanwhile, and whoever waits for them is told.
    assert left.pop(BODIES) >= before.pop(BODIES)
    assert left == before

    with connect(server.ws_url + "/ws/chat", token=token(user), new=True) as hers, connect(server.ws_url + "/ws/chat", token=token(alice), new=True) as chat:
        hers.until("connected")
        seen = chat.until("connected")["data"]["seq"]
        bearer = token(user)
        assert "Gone, of user" in run("delete_person", user)
        assert hers.ended() == 4410
        again = chat.until("connected")["data"]
        assert (again["resumed"], again["seq"] > seen) == (False, True)
    assert places_of(mark) == {}
    left = places_of(other)
    assert left.pop(BODIES) >= others.pop(BODIES)
    assert left == others
    assert api(bearer).get("/api/v1/sessions").status_code == 401

    for language, name, text in (("en", "A deleted account", "This message was deleted."), ("zh-hans", "已删除的账号", "此消息已被删除。")):
        asking = {"HTTP_ACCEPT_LANGUAGE": language}
        shown = api(alice).get(at(session), **asking).json()
        assert (shown["customer"], shown["status"]) == ({"userId": user.pk, "name": name}, "closed")
        lines = api(alice).get(at(session, "messages"), **asking).json()["results"]
        assert {each["text"] for each in lines if each["senderType"] != "SYSTEM"} == {text}
    assert Session.objects.filter(customer=user).values_list("rating", flat=True).order_by("pk")[0] == 4


def test_a_member_s_texts_are_deleted_and_what_others_wrote_stays_theirs(mark: str, eve: User, admin: User, api: Api, token: Token, server: Site) -> None:
    mia, leo = cast.member(mark, email=f"{mark}@shop.example"), cast.member("leo")
    told(mia, mark, admin)
    send_direct(sender=mia, to_user_id=eve.pk, text=f"I am {mark}", client_message_id=mark)
    send_direct(sender=eve, to_user_id=mia.pk, text="I am somebody else")
    send_direct(sender=leo, to_user_id=eve.pk, text="So am I")
    found = json.loads(run("export_person", mia.username))
    assert [each["text"] for each in found["direct_messages"]] == [f"I am {mark}", "I am somebody else"]

    with connect(server.ws_url + "/api/v1/ws", token=token(mia), new=True) as hers:
        hers.until("connected")
        run("delete_person", mia)
        assert hers.ended() == 4410
    assert places_of(mark) == {}
    talk = api(eve).get(f"/api/v1/direct/{mia.pk}/messages").json()["results"]
    assert [(each["from_username"], each["message"]) for each in talk] == [("Eve", "I am somebody else"), ("A deleted account", "This message was deleted.")]
    assert [each["message"] for each in api(eve).get(f"/api/v1/direct/{leo.pk}/messages").json()["results"]] == ["So am I"]
    # Nobody is made with her number, and she is nobody to write to.
    refused = api(eve).post(f"/api/v1/direct/{mia.pk}/messages", {"message": "Hello?"})
    assert refused.status_code == 404
    with pytest.raises(CommandError, match="no user"):
        run("delete_person", mia.username)


def test_what_an_agent_wrote_to_customers_stays_without_its_name(mark: str, ann: User, alice: User, api: Api) -> None:
    bob = cast.agent(mark)
    session = asked(ann, agent=bob)
    say(bob, session, "It is on its way")
    services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    run("delete_person", bob)
    assert places_of(mark) == {}
    shown = api(ann).get(f"{at(session, 'messages')}?order=oldest").json()["results"]
    assert [(each["senderType"], each["agentName"], each["text"]) for each in shown] == [
        ("CUSTOMER", "", "Where is my parcel?"),
        ("AGENT", "Support", "It is on its way"),
        ("SYSTEM", "", f"Support has asked {alice.display_name} to help you."),
    ]


def test_nobody_is_seen_any_more_who_was_deleted_while_connected(eve: User, mia: User) -> None:
    persons.erase(eve.pk)
    now = int(1000 * time.time())
    note_seen({eve.pk: now, mia.pk: now, 2**51: now})
    assert list(LastSeen.objects.filter(user__in=[eve.pk, mia.pk, 2**51]).values_list("user", flat=True)) == [mia.pk]


def test_an_anonymous_customer_that_was_taken_over_leaves_no_name_behind(mark: str, api: Api) -> None:
    anonymous = cast.customer(mark, metadata={"plan": mark})
    make_verified_customer(external_id=secrets.token_hex(6), name="Ann", channel="WEB", metadata={})
    known = Customer.objects.order_by("-pk")[0]
    make_verified_customer(external_id=str(known.external_id), name="Ann", channel="WEB", metadata={}, anonymous=anonymous.customer)
    assert set(places_of(mark)) <= {"accounts_user.username"}
