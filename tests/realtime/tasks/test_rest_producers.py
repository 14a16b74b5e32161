"""Tasks over REST, as producers in any language report them."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from notifications.models import Notification
from realtime.tasks.models import Task
from realtime.tasks.reports import RESULT_BYTES
from tests.notifications.stream import head
from tests.realtime.tasks.calls import TASKS, Api, Key, a_name, at, begun, ended, ends, problem, silent

# How far it is


def test_a_task_is_reported_to_its_end(api: Api, mia: User, service_key: Key) -> None:
    client, name = api(service_key("tasks")), a_name()
    client.post(TASKS, {"id": name, "user_id": mia.pk, "title": "Import", "total_steps": 4, "notify": True})
    shown = client.patch(at(name), {"version": 1, "step": 1, "message": " Reading "}).json()
    assert (shown["step"], shown["progress"], shown["message"], shown["version"]) == (1, 25.0, "Reading", 1)
    shown = client.patch(at(name), {"version": 2, "progress": 80.25}).json()
    assert (shown["step"], shown["progress"]) == (1, 80.2)
    shown = client.patch(at(name), {"version": 3, "message": ""}).json()
    assert (shown["message"], shown["progress"], ends(mia)) == ("", 80.2, 0)
    shown = client.patch(at(name), {"version": 4, "status": "completed", "result": {"rows": 3}}).json()
    assert (shown["status"], shown["progress"], shown["step"], shown["result"]) == ("completed", 100.0, 4, {"rows": 3})
    assert shown["ended_at"] == shown["updated_at"]
    assert ends(mia) == 1
    assert Notification.objects.filter(user=mia, type="task").count() == 1


def test_a_failure_says_why(api: Api, mia: User) -> None:
    task = begun(mia)
    shown = api(mia).patch(at(task), {"status": "failed", "error": "没有这个文件。"}).json()
    assert (shown["status"], shown["error"], shown["progress"]) == ("failed", "没有这个文件。", 0.0)


def test_a_late_report_undoes_no_later_one(api: Api, mia: User) -> None:
    task, client = begun(mia), api(mia)
    assert client.patch(at(task), {"version": 7, "step": 3}).status_code == 200
    assert problem(client.patch(at(task), {"version": 6, "step": 2})) == (409, "CONFLICT", ["version"])
    assert client.patch(at(task), {"version": 7, "step": 3}).status_code == 200
    assert problem(client.patch(at(task), {"version": 7, "step": 2})) == (409, "CONFLICT", ["version"])
    assert client.get(at(task)).json()["step"] == 3
    assert client.patch(at(task), {"step": 4}).json()["version"] == 8


def test_what_comes_after_the_end_changes_nothing(api: Api, mia: User) -> None:
    task, client = begun(mia), api(mia)
    last = {"version": 9, "status": "completed", "message": "3 rows"}
    shown = client.patch(at(task), last).json()
    for late, field in (({"version": 8, "step": 2}, "version"), ({"version": 10, "step": 2}, "status"), ({"status": "failed"}, "status")):
        assert problem(client.patch(at(task), late)) == (409, "CONFLICT", [field])
    assert client.patch(at(task), last).json() == client.get(at(task)).json() == shown
    assert ends(mia) == head(mia) == 1


def test_what_is_declined_is_said_in_the_producers_language(api: Api, mia: User) -> None:
    task, client = ended(mia), api(mia)
    for call in (lambda **more: client.patch(at(task), {"step": 2}, **more), lambda **more: client.post(at(task, "cancel"), **more)):
        assert call().json()["detail"] == "This task has ended: finished."
        assert call(headers={"accept-language": "zh-hans"}).json()["detail"] == "此任务已结束：已完成。"


def test_a_sign_of_life_keeps_a_task_going_and_tells_nobody_anything(api: Api, mia: User) -> None:
    task, client = begun(mia), api(mia)
    known = client.get(at(task)).json()
    for answer in (client.patch(at(task), {}), client.patch(at(task)), client.patch(at(task), {"stage": "unheard of"})):
        assert (answer.status_code, answer.json()) == (200, known)
    alive_until = task.alive_until
    task.refresh_from_db()
    assert task.alive_until > alive_until


def test_who_was_given_up_and_is_heard_again_goes_on(api: Api, mia: User) -> None:
    task, client = begun(mia), api(mia)
    silent(task)
    assert client.get(at(task)).json()["status"] == "failed"
    shown = client.patch(at(task), {"version": 1, "step": 2}).json()
    assert (shown["status"], shown["ended_at"], shown["error"]) == ("running", None, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 0},
        {"version": -1},
        {"version": 2**53},
        {"version": "2"},
        {"version": 1.0},
        {"version": True},
        {"version": None},
        {"step": -1},
        {"step": 2**63},
        {"step": 10**400},
        {"step": 0.5},
        {"step": None},
        {"total_steps": -1},
        {"total_steps": 2**53},
        {"progress": -0.1},
        {"progress": 100.1},
        {"progress": 10**400},
        {"progress": "50"},
        {"progress": True},
        {"progress": None},
        {"message": "x" * 1001},
        {"message": "a\0"},
        {"message": 5},
        {"message": None},
        {"error": "x" * 1001},
        {"error": None},
        {"status": "done"},
        {"status": ""},
        {"status": None},
        {"status": ["failed"]},
        {"result": "x" * (RESULT_BYTES - 1)},
        {"result": {"a": "\0"}},
        {"result": 2**53},
        {"result": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]},
    ],
)
def test_a_report_that_makes_no_sense_names_its_field(api: Api, mia: User, wrong: dict[str, Any]) -> None:
    task = begun(mia)
    assert problem(api(mia).patch(at(task), wrong)) == (400, "INVALID_REQUEST", list(wrong))
    task.refresh_from_db()
    assert (task.version, task.status) == (0, "running")


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ('{"progress": NaN}', "INVALID_JSON", []),
        ('{"result": Infinity}', "INVALID_JSON", []),
        ('{"progress": 1e999}', "INVALID_REQUEST", ["progress"]),
        ('{"progress": -1e999}', "INVALID_REQUEST", ["progress"]),
        ('{"result": [1e999]}', "INVALID_REQUEST", ["result"]),
        ('{"step": ' + "9" * 5000 + "}", "INVALID_JSON", []),
        ('{"message": "\\ud800"}', "INVALID_REQUEST", ["message"]),
        ('{"result": "\\ud800"}', "INVALID_REQUEST", ["result"]),
        ("[]", "INVALID_REQUEST", []),
        ("7", "INVALID_REQUEST", []),
        ("{", "INVALID_JSON", []),
    ],
)
def test_numbers_and_texts_that_json_has_and_we_have_not_are_refused(api: Api, mia: User, body: str, code: str, fields: list[str]) -> None:
    task = begun(mia)
    assert problem(api(mia).patch(at(task), body, content_type="application/json")) == (400, code, fields)
    task.refresh_from_db()
    assert task.version == 0


# Who may report what


def test_people_report_their_own_tasks_and_not_what_a_program_says_of_them(api: Api, mia: User, eve: User, admin: User) -> None:
    for source in (Task.Source.SERVICE, Task.Source.CODE):
        task = begun(mia, source)
        answer = api(mia).patch(at(task), {"step": 2})
        assert problem(answer) == (403, "FORBIDDEN", [])
        assert answer.json()["detail"] == "Only the program that began this task can say how far it is."
        assert problem(api(admin).patch(at(task), {"step": 2})) == (403, "FORBIDDEN", [])
        assert problem(api(eve).patch(at(task), {"step": 2})) == (404, "NOT_FOUND", [])
        task.refresh_from_db()
        assert (task.step, task.version) == (0, 0)


def test_a_service_reports_every_task(api: Api, mia: User, service_key: Key) -> None:
    client = api(service_key("tasks"))
    for source in Task.Source:
        assert client.patch(at(begun(mia, source)), {"step": 1}).json()["step"] == 1
    assert problem(client.patch(at(a_name()), {"step": 1})) == (404, "NOT_FOUND", [])


# How often


def test_beginning_reporting_and_stopping_are_limited_together_for_each_caller(api: Api, mia: User, bob: User, service_key: Key, options: Any) -> None:
    options(rate_tasks=(3, 60.0))
    client = api(mia)
    task = client.post(TASKS, {"title": "Import"}).json()["id"]
    assert [client.patch(at(task), {}).status_code, client.post(at(task, "cancel")).status_code] == [200, 200]
    for answer in (client.post(TASKS, {"title": "Import"}), client.patch(at(task), {}), client.post(at(task, "cancel"))):
        assert problem(answer) == (429, "RATE_LIMITED", [])
        assert int(answer["Retry-After"]) > 0
    assert [client.get(TASKS).status_code, client.get(at(task)).status_code] == [200, 200]
    assert api(bob).post(TASKS, {"title": "Import"}).status_code == 201
    assert api(service_key("tasks")).patch(at(task), {}).status_code == 200
