"""What producers say of a task, in whatever order it comes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications.models import Entry, Notification
from realtime.declined import Declined
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reports import RESULT_BYTES, Report
from tests.realtime.tasks.calls import silent


def ends(task):
    return list(Entry.objects.filter(user=task.owner, topic="task").values_list("seq", flat=True))


def test_progress_is_reckoned_from_the_steps(begun, said):
    task = said(begun(), step=1, message="Reading")
    assert (task.progress, task.step, task.message, task.status, task.version) == (25.0, 1, "Reading", "running", 1)
    assert ends(task) == []


def test_progress_that_is_given_stands_though_steps_say_otherwise(begun, said):
    assert said(begun(), step=1, progress=90).progress == 90


def test_more_steps_than_there_should_be_are_a_hundred_percent(begun, said):
    assert said(begun(), step=9).progress == 100


def test_an_end_is_numbered_in_its_owners_stream_and_whole(begun, said):
    task = said(begun(), status="completed", result={"rows": 3})
    assert (task.progress, task.step, task.status) == (100.0, 4, "completed")
    assert ends(task) == [task.end_seq]


def test_a_late_report_undoes_no_later_one(begun, said):
    task = begun()
    said(task, version=7, step=3)
    with pytest.raises(Declined) as declined:
        said(task, version=6, step=2)
    assert (declined.value.code, declined.value.field) == ("CONFLICT", "version")
    task.refresh_from_db()
    assert (task.step, task.version) == (3, 7)


def test_the_same_report_again_is_none_and_no_conflict_either(begun, said):
    task = begun()
    said(task, version=7, step=3)
    assert said(task, version=7, step=3).version == 7
    with pytest.raises(Declined):
        said(task, version=7, step=2)


def test_an_end_is_an_end(begun, said):
    task = begun()
    said(task, status="failed", error="No such file.")
    with pytest.raises(Declined) as declined:
        said(task, step=3)
    assert declined.value.code == "CONFLICT"
    assert said(task, status="failed", error="No such file.").status == "failed"
    assert len(ends(task)) == 1


def test_the_same_id_again_is_the_same_task(begun, mia, eve):
    first = services.begin(owner=mia, title="Import", source=Task.Source.CODE, public_id="import-1-" + str(mia.pk))
    again = services.begin(owner=mia, title="Import", source=Task.Source.CODE, public_id=first.task.public_id)
    assert (first.new, again.new, again.task.pk) == (True, False, first.task.pk)
    for owner, title in ((eve, "Import"), (mia, "Export")):
        with pytest.raises(Declined) as declined:
            services.begin(owner=owner, title=title, source=Task.Source.CODE, public_id=first.task.public_id)
        assert (declined.value.code, declined.value.field) == ("CONFLICT", "id")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"total_steps": -1}, "total_steps"),
        ({"public_id": "a b"}, "id"),
        ({"public_id": "x" * 65}, "id"),
        ({"timeout": 0.1}, "timeout"),
        ({"timeout": 1e9}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"link": "javascript:alert(1)"}, "link"),
    ],
)
def test_a_beginning_that_makes_no_sense_names_its_field(begun, fields, field):
    with pytest.raises(Declined) as declined:
        begun(**fields)
    assert (declined.value.code, declined.value.field) == ("INVALID", field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"step": -1}, "step"),
        ({"step": 2**60}, "step"),
        ({"total_steps": True}, "total_steps"),
        ({"progress": 100.1}, "progress"),
        ({"progress": float("nan")}, "progress"),
        ({"message": "x" * 1001}, "message"),
        ({"message": "\0"}, "message"),
        ({"error": "x" * 1001}, "error"),
        ({"status": "done"}, "status"),
        ({"result": {1, 2}}, "result"),
        ({"result": "x" * RESULT_BYTES}, "result"),
        ({"version": -1}, "version"),
    ],
)
def test_a_report_that_makes_no_sense_names_its_field(fields, field):
    with pytest.raises(Declined) as declined:
        Report(**fields)
    assert (declined.value.code, declined.value.field) == ("INVALID", field)


def test_customers_have_no_tasks(begun, ann):
    with pytest.raises(Declined) as declined:
        begun(owner=ann)
    assert declined.value.field == "user_id"


def test_who_is_not_heard_from_in_its_time_has_failed_and_a_report_takes_that_back(begun, said):
    task, well = begun(), begun()
    silent(task)
    well.refresh_from_db()
    assert (task.status, task.silent, well.status) == ("failed", True, "running")
    first = ends(task)
    assert len(first) == 1
    assert said(task, version=1, step=2).status == "running"
    task = said(task, version=2, status="completed")
    assert (task.status, len(ends(task))) == ("completed", 2)


def test_one_that_cannot_be_failed_keeps_no_other_from_it(begun, monkeypatch, caplog):
    broken, task = begun(), begun()
    tried = []

    def fail(pk):
        tried.append(pk)
        if pk == broken.pk:
            raise ValueError("meant to happen")
        return 1

    # Here alone: the keepers of servers that are up beside this test look for the same.
    monkeypatch.setattr(services, "_overdue", lambda limit: [broken.pk, task.pk])
    monkeypatch.setattr(services, "_fail_silent", fail)
    assert (services.fail_silent(), tried) == (1, [broken.pk, task.pk])
    assert f"Task {broken.pk} fell silent" in caplog.text


def test_a_sign_of_life_changes_nothing_but_how_long_it_is_waited_for(begun, said):
    task = begun(timeout=600)
    Task.objects.filter(pk=task.pk).update(alive_until=timezone.now() + timedelta(seconds=1))
    after = said(task)
    assert after.alive_until > timezone.now() + timedelta(seconds=500)
    assert (after.version, after.updated_at) == (task.version, task.updated_at)


def test_a_repeated_report_is_a_sign_of_life(begun, said):
    task = said(begun(timeout=600), version=3, step=2)
    for end in (timezone.now() + timedelta(seconds=1), timezone.now() - timedelta(seconds=1)):
        Task.objects.filter(pk=task.pk).update(alive_until=end)
        if end < timezone.now():
            silent(task)
        after = said(task, version=3, step=2)
        assert after.alive_until > timezone.now() + timedelta(seconds=500)
        assert (after.status, after.silent, after.version, after.step) == ("running", False, 3, 2)
    assert len(ends(task)) == 1


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_what_says_nothing_keeps_no_task_from_its_end(begun, said, status):
    task = said(begun(notify=True), message=" ", error="\u3000")
    task = said(task, status=status)
    assert (task.status, task.message, task.error) == (status, "", "")
    assert Notification.objects.get(user=task.owner).message


@pytest.mark.parametrize(
    ("report", "words"), [({"status": "completed", "message": "3 rows"}, "3 rows"), ({"status": "failed", "error": "No file."}, "No file.")]
)
def test_an_end_rings_the_bell_where_that_was_asked_for(begun, said, report, words):
    task = said(begun(notify=True, link="/imports/7"), **report)
    [found] = Notification.objects.filter(user=task.owner)
    assert (found.type, found.title, found.message, found.link, found.source) == ("task", "Import", words, "/imports/7", "tasks")
    assert found.data == {"task_id": task.public_id, "status": report["status"]}
    # The end first: who sees the bell finds the task ended.
    assert list(Entry.objects.filter(user=task.owner).order_by("seq").values_list("topic", flat=True)) == ["task", "notification"]


def test_without_being_asked_the_bell_does_not_ring(begun, said):
    assert not Notification.objects.filter(user=said(begun(), status="completed").owner).exists()


def test_who_is_asked_to_stop_finds_out_and_may_still_end_as_it_likes(begun, said):
    task = begun()
    mine = Task.objects.filter(pk=task.pk)
    assert services.request_cancel(tasks=mine) == 1
    assert services.request_cancel(tasks=mine) == 0
    assert said(task, step=1).cancel_requested
    assert said(task, status="cancelled").status == "cancelled"
