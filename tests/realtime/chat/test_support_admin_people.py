"""What staff sees of agents and of blocked customers, and who may look at support in the admin at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Agent, User
from realtime.chat import services
from realtime.chat.models import Attendance, Block, Session
from realtime.declined import Declined
from tests import cast
from tests.notifications.desk import act, page, signed_in, staff
from tests.realtime.chat.conftest import Open
from tests.realtime.chat.office import AGENTS, BLOCKS, SESSIONS, answered, asked, kept, page_of, token
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until

CHAT = "/ws/chat"
ICONS = {"icon-yes.svg": True, "icon-no.svg": False, "icon-unknown.svg": None}


@pytest.fixture
def desk(admin: User) -> Client:
    return signed_in(admin)


def row(desk: Client, agent: User) -> dict[str, str]:
    """What the list says of an agent, by column."""
    text = page(desk.get(AGENTS, {"q": agent.username}))
    return {name: cell.strip() for name, cell in re.findall(r'<td class="field-(\w+)[^"]*">(.*?)</td>', text, re.DOTALL)}


def available(desk: Client, agent: User) -> bool | None:
    icon = re.search(r"icon-\w+\.svg", row(desk, agent)["available"])
    assert icon is not None
    return ICONS[icon[0]]


def blocked_customer(by: User) -> User:
    """A customer who may not write any more."""
    customer = cast.customer("carl")
    asked(customer)
    services.block(by=by, customer_id=customer.pk)
    return customer


# Agents


def test_an_agent_is_available_while_it_is_connected_and_online_and_has_room(desk: Client, ann: User, bob: User, opened: Open) -> None:
    with opened(bob, CHAT, new=True) as socket:
        until(lambda: available(desk, bob), what="Bob is available")
        assert (row(desk, bob)["status"], row(desk, bob)["sessions"]) == ("online", "0 of 5")
        socket.send({"type": "presence", "status": "away"})
        until(lambda: row(desk, bob)["status"] == "away", what="Bob is away")
        assert available(desk, bob) is False
        socket.send({"type": "presence", "status": "online"})
        until(lambda: available(desk, bob), what="Bob is back")
        assert asked(ann).agent == bob
        Agent.objects.filter(pk=bob.pk).update(max_sessions=1)
        assert (row(desk, bob)["status"], row(desk, bob)["sessions"], available(desk, bob)) == ("online", "1 of 1", False)
    until(lambda: row(desk, bob)["status"] == "offline", what="Bob has gone")


def test_without_redis_nobody_is_said_to_be_gone(desk: Client, ann: User, bob: User, redis: PrivateRedis) -> None:
    redis.kill()
    try:
        assert row(desk, bob)["status"] == "unknown"
        assert available(desk, bob) is None
        assert "unknown" in page(desk.get(f"{AGENTS}{bob.pk}/change/"))
        session = kept(ann, status="waiting", waiting_since=timezone.now())
        assert "0 of 5, unknown" in page(act(desk, "assign", session, path=SESSIONS))
    finally:
        redis.start()
    # It has come back empty, and its workers have yet to make their connections known.
    assert row(desk, bob)["status"] in ("unknown", "offline")


def test_the_list_says_since_when_an_agent_is_gone_and_idle(desk: Client, bob: User, alice: User) -> None:
    now = timezone.now()
    Attendance.objects.create(agent=bob, gone_since=now - timedelta(days=400), idle_since=now - timedelta(days=800))
    shown = row(desk, bob)
    assert str((now - timedelta(days=400)).year) in shown["gone_since"]
    assert str((now - timedelta(days=800)).year) in shown["idle_since"]
    assert (row(desk, alice)["gone_since"], row(desk, alice)["idle_since"]) == ("-", "-")


def test_how_many_sessions_an_agent_may_have_is_changed_in_the_list_and_on_its_page(desk: Client, bob: User) -> None:
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-user": bob.pk, "_save": "Save"}
    assert desk.post(f"{AGENTS}?q={bob.username}", {**form, "form-0-max_sessions": 7}).status_code == 302
    assert Agent.objects.get(pk=bob.pk).max_sessions == 7
    assert desk.post(f"{AGENTS}{bob.pk}/change/", {"max_sessions": 8}).status_code == 302
    assert Agent.objects.get(pk=bob.pk).max_sessions == 8
    assert desk.post(f"{AGENTS}?q={bob.username}", {**form, "form-0-max_sessions": -1}).status_code == 200
    assert Agent.objects.get(pk=bob.pk).max_sessions == 8
    assert desk.get(f"{AGENTS}add/").status_code == 403


def test_the_list_of_agents_takes_as_many_queries_for_many_as_for_few(desk: Client, ann: User) -> None:
    counts = []
    for count in (2, 12):
        name = token()
        for _ in range(count):
            agent = cast.agent(name)
            Attendance.objects.create(agent=agent)
            kept(cast.customer("carl"), status="open", agent=agent)
        desk.get(AGENTS, {"q": name})
        with CaptureQueriesContext(connection) as captured:
            assert page(desk.get(AGENTS, {"q": name})).count("1 of 5") == count
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


# Blocks


def test_a_blocked_customer_is_listed_and_may_write_again(desk: Client, ann: User, admin: User) -> None:
    asked(ann)
    why = token()
    block = services.block(by=admin, customer_id=ann.pk, reason=f"<b>{why}</b>")
    shown = page(desk.get(BLOCKS, {"q": why}))
    assert f"&lt;b&gt;{why}&lt;/b&gt;" in shown
    assert ">Ann<" in shown
    with pytest.raises(Declined):
        asked(ann)
    assert "1 customer may write again." in page(act(desk, "unblock", block, path=BLOCKS))
    assert asked(ann).status == "waiting"
    assert not Block.objects.filter(pk=ann.pk).exists()


def test_a_block_is_neither_made_nor_changed_nor_deleted_there(desk: Client, ann: User, admin: User) -> None:
    asked(ann)
    services.block(by=admin, customer_id=ann.pk)
    assert desk.get(f"{BLOCKS}add/").status_code == 403
    assert desk.post(f"{BLOCKS}{ann.pk}/change/", {"reason": "Changed"}).status_code == 403
    assert desk.post(f"{BLOCKS}{ann.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Block.objects.get(pk=ann.pk).reason == ""


# From outside

PAGES = (SESSIONS, BLOCKS, AGENTS)


def test_who_is_not_of_the_staff_sees_nothing(ann: User, bob: User, alice: User, mia: User, eve: User) -> None:
    """Nor does the agent whose session it is: the console is its place."""
    session = answered(bob, ann)
    for client in (Client(), *map(signed_in, (ann, bob, alice, mia, eve))):
        for address in (*PAGES, page_of(session), f"{AGENTS}{bob.pk}/change/"):
            answer = client.get(address)
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")
        for action in ("assign", "close", "export", "export_for_customer"):
            answer = client.post(SESSIONS, {"action": action, "_selected_action": session.pk, "_assign": "Assign", "to": alice.pk})
            assert (answer.status_code, b"A moment" in answer.content) == (302, False)
    session.refresh_from_db()
    assert (session.status, session.agent) == ("open", bob)


def test_a_bearer_opens_no_page_of_the_admin(ann: User, admin: User, api: Callable[..., Client]) -> None:
    assert api(admin).get(page_of(asked(ann))).status_code == 302


def test_staff_without_the_permission_sees_and_does_nothing(ann: User, bob: User, admin: User) -> None:
    session = asked(ann)
    blocked = blocked_customer(admin)
    client = signed_in(staff("view_notification", "view_user"))
    for address in (*PAGES, page_of(session), f"{AGENTS}{bob.pk}/change/"):
        assert client.get(address).status_code == 403
    for action in ("assign", "close", "export", "export_for_customer"):
        assert client.post(SESSIONS, {"action": action, "_selected_action": session.pk, "_assign": "Assign", "to": bob.pk}).status_code == 403
    assert client.post(BLOCKS, {"action": "unblock", "_selected_action": blocked.pk}).status_code == 403
    assert Session.objects.get(pk=session.pk).status == "waiting"
    assert Block.objects.filter(pk=blocked.pk).exists()


def test_staff_that_may_only_look_reads_and_exports_but_changes_nothing(ann: User, bob: User, admin: User) -> None:
    session, blocked = asked(ann), blocked_customer(admin)
    client = signed_in(staff("view_session", "view_block", "view_agent"))
    shown = page(client.get(page_of(session)))
    assert "Where is my parcel?" in shown
    assert ['value="assign"' in shown, 'value="close"' in shown, 'value="export"' in shown] == [False, False, True]
    assert "Where is my parcel?" in act(client, "export", session, path=SESSIONS).content.decode()
    for path, action, what in ((SESSIONS, "assign", session), (SESSIONS, "close", session), (BLOCKS, "unblock", blocked)):
        form = {"action": action, "_selected_action": what.pk, "_assign": "Assign", "to": bob.pk}
        assert "No action selected." in page(client.post(path, form, follow=True)) or path == BLOCKS
    assert 'name="form-0-max_sessions"' not in page(client.get(AGENTS))
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-user": bob.pk, "form-0-max_sessions": 9, "_save": "Save"}
    client.post(f"{AGENTS}?q={bob.username}", form)
    assert client.post(f"{AGENTS}{bob.pk}/change/", {"max_sessions": 9}).status_code == 403
    assert Session.objects.get(pk=session.pk).status == "waiting"
    assert Block.objects.filter(pk=blocked.pk).exists()
    assert Agent.objects.get(pk=bob.pk).max_sessions == 5


def test_staff_that_may_change_sessions_assigns_and_closes(ann: User, bob: User) -> None:
    session = asked(ann)
    client = signed_in(staff("view_session", "change_session"))
    form = {"action": "assign", "_selected_action": session.pk, "_assign": "Assign", "to": bob.pk}
    assert "1 session was given to Bob." in page(client.post(SESSIONS, form, follow=True))
    assert client.post(page_of(session), {"subject": "Changed"}).status_code == 403
    assert "1 session is closed." in page(act(client, "close", session, path=SESSIONS))
