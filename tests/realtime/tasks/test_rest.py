"""Tasks over REST, as their owners read them and ask them to stop; and what nobody else sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import tokens
from accounts.models import Revocation, Role, User
from notifications import inbox
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reports import RESULT_BYTES, Report
from tests.notifications.stream import head
from tests.realtime.tasks.calls import MEMBERS, TASKS, Api, Key, a_name, at, begun, ended, ends, problem, silent


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["id"] for each in answer.json()["results"]]


# The list


def test_ones_own_tasks_are_listed_newest_first_and_nobody_elses(api: Api, mia: User, bob: User, admin: User) -> None:
    mine = [begun(mia), ended(mia), begun(mia, Task.Source.SERVICE)]
    his = begun(bob)
    answer = api(mia).get(TASKS)
    assert ids(answer) == [task.public_id for task in reversed(mine)]
    assert (answer.json()["next"], answer.json()["as_of"]) == (None, head(mia))
    assert all(set(each) == MEMBERS for each in answer.json()["results"])
    assert ids(api(bob).get(TASKS)) == [his.public_id]
    assert api(admin).get(TASKS).json() == {"results": [], "next": None, "as_of": 0}


def test_the_list_is_narrowed_by_status(api: Api, mia: User) -> None:
    tasks = {"running": begun(mia), **{status: ended(mia, status) for status in ("completed", "failed", "cancelled")}}
    for status, task in tasks.items():
        assert ids(api(mia).get(TASKS, {"status": status})) == [task.public_id]
    tasks["running"].refresh_from_db()
    silent(tasks["running"])
    assert len(ids(api(mia).get(TASKS, {"status": "failed"}))) == 2


def test_following_next_reaches_each_once_though_new_ones_begin_meanwhile(api: Api, mia: User) -> None:
    wanted = [begun(mia).public_id for _ in range(5)]
    ended(mia)
    client = api(mia)
    answer = client.get(TASKS, {"limit": 2, "status": "running"})
    seen = ids(answer)
    begun(mia)
    while answer.json()["next"]:
        answer = client.get(answer.json()["next"])
        assert 0 < len(ids(answer)) <= 2
        seen += ids(answer)
    assert seen == wanted[::-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "101"), ("limit", "many"), ("cursor", "0"), ("cursor", "x"), ("cursor", "9" * 30), ("status", "done")],
)
def test_a_query_that_makes_no_sense_is_refused_by_name(api: Api, mia: User, name: str, value: str) -> None:
    assert problem(api(mia).get(TASKS, {name: value})) == (400, "INVALID_REQUEST", [name])


def test_the_number_is_read_before_the_page(api: Api, mia: User) -> None:
    ended(mia)
    client = api(mia)
    with CaptureQueriesContext(connection) as captured:
        client.get(TASKS)
    tables = [name for query in captured for name in ("notifications_inbox", "tasks_task") if f'FROM "{name}"' in query["sql"]]
    assert tables == ["notifications_inbox", "tasks_task"]


def test_a_long_list_takes_as_many_queries_as_a_short_one(api: Api, mia: User, bob: User) -> None:
    for owner, count in ((mia, 1), (bob, 30)):
        for number in range(count):
            (ended if number % 2 else begun)(owner)
    counts = []
    for owner in (mia, bob):
        client = api(owner)
        client.get(TASKS)
        with CaptureQueriesContext(connection) as captured:
            assert len(ids(client.get(TASKS))) == (1 if owner == mia else 30)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 4


# One task


def test_a_task_is_shown_as_it_is(api: Api, mia: User) -> None:
    task = begun(mia, notify=True, link="/imports/7", timeout=90.5, public_id=a_name())
    services.report(tasks=Task.objects.filter(pk=task.pk), report=Report(version=3, step=1, total_steps=3, message="Reading"))
    shown = api(mia).get(at(task)).json()
    assert {name: value for name, value in shown.items() if not name.endswith("_at")} == {
        "id": task.public_id,
        "user_id": mia.pk,
        "title": "Import",
        "status": "running",
        "step": 1,
        "total_steps": 3,
        "progress": 33.3,
        "message": "Reading",
        "result": None,
        "error": "",
        "notify": True,
        "link": "/imports/7",
        "version": 3,
        "cancel_requested": False,
        "timeout": 90.5,
    }
    assert shown["ended_at"] is None
    assert shown["created_at"] <= shown["updated_at"]
    assert api(mia).get(f"{at(task)}/").json() == shown


def test_why_it_ended_is_said_in_the_readers_language(api: Api, mia: User) -> None:
    failed, cancelled, fell_silent, done = ended(mia, "failed"), ended(mia, "cancelled"), begun(mia), ended(mia)
    silent(fell_silent)
    own = begun(mia)
    services.report(tasks=Task.objects.filter(pk=own.pk), report=Report(status="failed", error="No such file."))
    client = api(mia)
    english = ["This could not be finished.", "It was cancelled.", "The program that did this was not heard from any more.", "No such file.", ""]
    tasks = (failed, cancelled, fell_silent, own, done)
    assert [client.get(at(task)).json()["error"] for task in tasks] == english
    chinese = [client.get(at(task), headers={"accept-language": "zh-hans"}).json()["error"] for task in tasks]
    assert chinese[3:] == english[3:]
    assert not set(chinese[:3]) & set(english)


def test_staff_reads_any_task_and_another_member_none(api: Api, mia: User, bob: User, admin: User) -> None:
    task = begun(mia)
    assert api(admin).get(at(task)).json() == api(mia).get(at(task)).json()
    foreign, missing = api(bob).get(at(task)), api(bob).get(at(str(uuid4())))
    assert problem(foreign) == problem(missing) == (404, "NOT_FOUND", [])
    assert foreign.json()["detail"] == missing.json()["detail"]


@pytest.mark.parametrize("name", ["%00", "a%00b", "x" * 3000, "..", "%F0%9F%92%A9", "%ED%A0%80", "a b", "'; --"])
def test_an_id_that_nobody_can_have_is_not_there(api: Api, mia: User, service_key: Key, name: str) -> None:
    for who in (mia, service_key("tasks")):
        for answer in (api(who).get(f"{TASKS}/{name}"), api(who).patch(f"{TASKS}/{name}", {"step": 1})):
            assert answer.status_code == 404
    assert api(mia).post(f"{TASKS}/{name}/cancel").status_code == 404


def test_a_result_is_read_as_it_was_given(api: Api, mia: User) -> None:
    for result in ({"rows": 3, "名": ["x", None, True, 1.5]}, [], False, 0, "", "x" * (RESULT_BYTES - 2)):
        task = begun(mia)
        assert api(mia).patch(at(task), {"status": "completed", "result": result}).json()["result"] == result
        assert api(mia).get(at(task)).json()["result"] == result


# Asking to stop


def test_its_owner_asks_a_task_to_stop_and_who_does_the_work_reads_it(api: Api, mia: User, service_key: Key) -> None:
    task = begun(mia, Task.Source.SERVICE)
    first, again = api(mia).post(at(task, "cancel")), api(mia).post(at(task, "cancel"))
    assert [first.status_code, again.status_code] == [200, 200]
    assert first.json() == again.json()
    assert (first.json()["cancel_requested"], first.json()["status"]) == (True, "running")
    service = api(service_key("tasks"))
    assert service.patch(at(task), {"step": 1}).json()["cancel_requested"]
    assert service.patch(at(task), {"status": "cancelled"}).json()["status"] == "cancelled"
    assert ends(mia) == 1


def test_staff_asks_any_task_to_stop_and_another_member_none(api: Api, mia: User, bob: User, admin: User) -> None:
    task = begun(mia)
    assert problem(api(bob).post(at(task, "cancel"))) == (404, "NOT_FOUND", [])
    assert not api(mia).get(at(task)).json()["cancel_requested"]
    assert api(admin).post(at(task, "cancel")).json()["cancel_requested"]


@pytest.mark.parametrize("status", [status for status in Task.Status if status != Task.Status.RUNNING])
def test_what_has_ended_cannot_be_asked_to_stop(api: Api, mia: User, status: Task.Status) -> None:
    task = ended(mia, status)
    answer = api(mia).post(at(task, "cancel"))
    assert problem(answer) == (409, "CONFLICT", [])
    assert str(status.label) in answer.json()["detail"]
    task.refresh_from_db()
    assert not task.cancel_requested


# From outside


def calls(api: Api, who: User | str | None, task: Task) -> dict[str, Any]:
    """Every call there is, made by somebody, with the answers."""
    client = api(who)
    return {
        "list": client.get(TASKS),
        "begin": client.post(TASKS, {"title": "Import", "user_id": task.owner_id}),
        "read": client.get(at(task)),
        "report": client.patch(at(task), {"step": 2}),
        "cancel": client.post(at(task, "cancel")),
    }


def test_nothing_opens_without_a_good_token(api: Api, mia: User, expired: Callable[[User], str]) -> None:
    task = begun(mia)
    revoked = tokens.issue(mia)[0]
    Revocation.objects.revoke([mia.pk])
    mia.refresh_from_db()
    for bearer in (None, revoked, expired(mia), "nonsense", "sk_0123456789"):
        answers = calls(api, bearer, task)
        assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    unchanged(task)


def test_customers_have_no_tasks_though_they_once_had_some(api: Api, ann: User, mia: User) -> None:
    task, hers = begun(mia), begun(mia)
    mia.role = Role.CUSTOMER
    mia.save()
    for who, which in ((ann, task), (mia, hers)):
        answers = calls(api, who, which)
        assert {name: problem(answer) for name, answer in answers.items()} == dict.fromkeys(answers, (403, "FORBIDDEN", []))
        unchanged(which)


def test_a_key_without_the_scope_does_nothing(api: Api, mia: User, service_key: Key) -> None:
    task = begun(mia, Task.Source.SERVICE)
    answers = calls(api, service_key("notifications", "users"), task)
    assert {name: problem(answer) for name, answer in answers.items()} == dict.fromkeys(answers, (403, "FORBIDDEN", []))
    unchanged(task)


def test_a_key_with_the_scope_is_nobody_and_so_has_no_list_and_asks_nobody_to_stop(api: Api, mia: User, service_key: Key) -> None:
    answers = calls(api, service_key("tasks"), begun(mia, Task.Source.SERVICE))
    assert {name: answer.status_code for name, answer in answers.items()} == {"list": 403, "begin": 201, "read": 200, "report": 200, "cancel": 403}


def test_a_stranger_finds_nothing_and_changes_nothing(api: Api, mia: User, eve: User) -> None:
    task = begun(mia)
    answers = calls(api, eve, task)
    assert {name: answer.status_code for name, answer in answers.items()} == {"list": 200, "begin": 403, "read": 404, "report": 404, "cancel": 404}
    assert ids(answers["list"]) == []
    unchanged(task)
    assert head(eve) == 0


def unchanged(task: Task) -> None:
    """It is the only one of its title that its owner has not been asked about, and nobody has said anything of it."""
    known = (task.version, task.step, task.status, task.cancel_requested)
    task.refresh_from_db()
    assert (task.version, task.step, task.status, task.cancel_requested) == known
    assert not Task.objects.filter(owner=task.owner_id, pk__gt=task.pk, total_steps=0).exists()
    assert inbox.Inbox.objects.filter(user=task.owner_id, head__gt=0).count() == 0
