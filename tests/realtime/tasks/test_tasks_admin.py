"""Tasks in the admin: what staff sees of them, and how it asks them to stop."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from realtime.tasks import admin as tasks_admin
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reports import Report
from tests import cast
from tests.notifications.desk import act, page, signed_in, staff
from tests.realtime.tasks.calls import a_name, begun, ended, ends

LIST = "/admin/tasks/task/"


@pytest.fixture
def desk(admin: User) -> Client:
    return signed_in(admin)


def page_of(task: Task) -> str:
    return f"{LIST}{task.pk}/change/"


def reported(task: Task, **report: Any) -> Task:
    return services.report(tasks=Task.objects.filter(pk=task.pk), report=Report(**report))


def listed(desk: Client, **query: Any) -> set[int]:
    """The numbers of the tasks that the list shows."""
    return {int(pk) for pk in re.findall(r'name="_selected_action" value="(\d+)"', page(desk.get(LIST, query)))}


def row(desk: Client, task: Task, **more: Any) -> dict[str, str]:
    """What the list says of a task, by column."""
    text = re.sub(r' class="task-[^"]*"', "", page(desk.get(LIST, {"q": task.public_id}, **more)))
    return {name: unescape(cell.strip()) for name, cell in re.findall(r'<t[dh] class="field-(\w+)[^"]*">(.*?)</t[dh]>', text, re.DOTALL)}


def is_asked(task: Task) -> bool:
    task.refresh_from_db()
    return task.cancel_requested


# The list


def test_the_list_says_how_far_a_task_is_as_a_bar_and_in_words(desk: Client, mia: User) -> None:
    task = reported(begun(mia, Task.Source.SERVICE, title="Import <b>all</b>"), step=1)
    shown = row(desk, task)
    assert shown["how_far"] == '<progress max="100" value="25.0" aria-label="25 %"></progress> 25 %'
    assert (shown["owner"], shown["state"], shown["source"]) == ("Mia", "running", "another program")
    assert "<b>all" not in page(desk.get(LIST, {"q": task.public_id}))
    unknown = reported(begun(mia, total_steps=0), step=7)
    assert row(desk, unknown)["how_far"] == '<progress aria-label="7 steps"></progress> 7 steps'
    assert "100 %" in row(desk, ended(mia, total_steps=0))["how_far"]
    assert "0 %" in row(desk, ended(mia, "failed", total_steps=0))["how_far"]


def test_the_list_says_when_a_task_began_and_was_last_heard_of(desk: Client, mia: User) -> None:
    task = begun(mia)
    Task.objects.filter(pk=task.pk).update(created_at="2020-02-02T12:00:00Z")
    shown = row(desk, task)
    assert shown["begun"] == '<time datetime="2020-02-02T12:00:00+00:00" title="2020-02-02 12:00:00 UTC">2020-02-02</time>'
    assert re.search(r">\d\d:\d\d:\d\d<", shown["last_report"])


def test_tasks_are_narrowed_by_status_who_reports_them_and_when_they_began(desk: Client, mia: User) -> None:
    word = a_name()
    running, done = begun(mia, Task.Source.SERVICE, title=word), ended(mia, title=word)
    Task.objects.filter(pk=done.pk).update(created_at="2020-02-02T12:00:00Z")
    assert listed(desk, q=word) == {running.pk, done.pk}
    assert listed(desk, q=word, status__exact="running") == {running.pk}
    assert listed(desk, q=word, source__exact="owner") == {done.pk}
    assert listed(desk, q=word, created_at__gte="2021-01-01 00:00:00+00:00") == {running.pk}
    assert listed(desk, q=word, created_at__lt="2021-01-01 00:00:00+00:00") == {done.pk}


def test_tasks_are_searched_by_id_title_and_owner(desk: Client, mia: User, eve: User) -> None:
    task, other = begun(mia, public_id=a_name(), title=a_name()), begun(eve)
    User.objects.filter(pk=mia.pk).update(display_name="Mia Needle-4711")
    for word in (task.public_id, task.title, mia.username):
        assert listed(desk, q=word) == {task.pk}
    assert task.pk in listed(desk, q="Needle-4711")
    assert other.pk not in listed(desk, q="Needle-4711")


def test_the_list_takes_as_many_queries_for_many_tasks_as_for_few(desk: Client) -> None:
    few, many = a_name(), a_name()
    for word, count in ((few, 2), (many, 12)):
        for _ in range(count):
            begun(cast.member("mo"), title=word)
    counts = []
    for word in (few, many):
        desk.get(LIST, {"q": word})
        with CaptureQueriesContext(connection) as captured:
            page(desk.get(LIST, {"q": word}))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 10


# A task's page


def test_the_page_of_a_task_shows_all_of_it_and_changes_nothing(desk: Client, mia: User) -> None:
    task = begun(mia, public_id=a_name(), title="Import <i>7</i>", link="/imports/7")
    reported(task, version=4, step=2, message="Reading", result={"数": 3})
    text = unescape(page(desk.get(page_of(task))))
    for words in (task.public_id, "/imports/7", "Reading", '{"数": 3}', 'value="50.0" aria-label="50 %"', "</progress> 50 %"):
        assert words in text
    assert "Import <i>7" not in page(desk.get(page_of(task)))
    assert 'name="title"' not in text
    assert 'name="_save"' not in text
    assert desk.post(page_of(task), {"title": "Changed"}).status_code == 403
    assert desk.get(f"{LIST}add/").status_code == 403
    with CaptureQueriesContext(connection) as captured:
        desk.get(page_of(task))
    assert len(captured) <= 6


def test_why_it_failed_is_read_in_ones_own_language(desk: Client, mia: User) -> None:
    task = ended(mia, "failed")
    assert "This could not be finished." in page(desk.get(page_of(task)))
    chinese = page(desk.get(page_of(task), headers={"accept-language": "zh-hans"}))
    assert "This could not" not in chinese
    assert "结束原因" in chinese
    assert row(desk, ended(mia), headers={"accept-language": "zh-hans"})["state"] == "已完成"


# Asking to stop


def test_staff_asks_running_tasks_to_stop_and_is_told_how_many(desk: Client, mia: User, eve: User) -> None:
    running, other, done, left = begun(mia, Task.Source.CODE), begun(eve), ended(mia), begun(mia)
    text = page(act(desk, "ask_to_stop", running, other, done, path=LIST))
    assert "2 tasks were asked to stop." in text
    assert "1 task has ended, or was asked before." in text
    assert [is_asked(task) for task in (running, other, done, left)] == [True, True, False, False]
    assert [LogEntry.objects.filter(object_id=str(task.pk), change_message="Asked to stop.").count() for task in (running, other, done)] == [1, 1, 0]
    assert running.status == "running"
    assert ends(eve) == 0
    again = page(act(desk, "ask_to_stop", running, path=LIST))
    assert "asked to stop." not in again
    assert "1 task has ended, or was asked before." in again


def test_the_button_on_a_tasks_page_asks_it_and_leads_back_to_it(desk: Client, mia: User) -> None:
    task, done = begun(mia), ended(mia)
    assert f'name="_stop" value="{task.pk}" formaction="{LIST}">Ask to stop<' in page(desk.get(page_of(task)))
    answer = desk.post(LIST, {"_stop": task.pk}, follow=True)
    assert answer.redirect_chain == [(page_of(task), 302)]
    assert "1 task was asked to stop." in page(answer)
    assert is_asked(task)
    for each in (task, done):
        assert "_stop" not in page(desk.get(page_of(each)))
    assert [row(desk, each)["state"] for each in (task, done)] == ["running<br>Was asked to stop", "finished"]


def test_a_button_that_names_no_task_asks_none(desk: Client, mia: User) -> None:
    task = begun(mia)
    for number in ("", "x", "0", "9" * 18, "9" * 40, f"{task.pk} ", "-1"):
        assert desk.post(LIST, {"_stop": number}, follow=True).status_code == 200
    assert not is_asked(task)


def test_too_many_at_once_are_refused(desk: Client, mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_admin, "MOST", 1)
    tasks = [begun(mia), begun(mia)]
    assert "Choose at most 1." in page(act(desk, "ask_to_stop", *tasks, path=LIST))
    assert [is_asked(task) for task in tasks] == [False, False]


# Who may, and what goes


def test_who_may_only_look_is_shown_no_button_and_asks_nobody(mia: User) -> None:
    task = begun(mia)
    looker = signed_in(staff("view_task"))
    assert "_stop" not in page(looker.get(page_of(task)))
    assert looker.post(LIST, {"_stop": task.pk}).status_code == 403
    act(looker, "ask_to_stop", task, path=LIST)
    assert not is_asked(task)


def test_others_are_shown_no_tasks(mia: User) -> None:
    task = begun(mia)
    for client in (signed_in(staff()), signed_in(mia), Client()):
        for answer in (client.get(LIST), client.get(page_of(task)), client.post(LIST, {"_stop": task.pk})):
            assert answer.status_code in (302, 403)
            assert task.public_id not in answer.content.decode()
    assert not is_asked(task)


def test_what_runs_is_not_deleted_and_what_has_ended_may_be(desk: Client, mia: User) -> None:
    running, done, other = begun(mia), ended(mia), ended(mia)
    assert desk.post(f"{LIST}{running.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [running.pk, done.pk], "post": "yes"}
    assert desk.post(LIST, chosen).status_code == 403
    assert Task.objects.filter(pk__in=(running.pk, done.pk)).count() == 2
    assert desk.post(LIST, {**chosen, "_selected_action": [done.pk]}).status_code == 302
    assert desk.post(f"{LIST}{other.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(Task.objects.filter(owner=mia)) == [running]


def test_a_deleted_user_takes_its_tasks_along_though_they_run(desk: Client, mia: User) -> None:
    task = begun(mia)
    assert desk.post(f"/admin/accounts/user/{mia.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Task.objects.filter(pk=task.pk).exists()
