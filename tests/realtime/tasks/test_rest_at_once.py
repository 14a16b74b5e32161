"""Reports that arrive in any order, and producers that begin the same task at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from accounts.models import User
from realtime.tasks.models import Task
from tests.realtime.tasks.calls import TASKS, Api, Key, at, begun, ends, problem


def at_once(hands: int, work: Callable[[Any], Any], jobs: Iterable[Any]) -> list[Any]:
    """Do all jobs, so many at a time; the first ones begin together."""
    jobs = list(jobs)
    together = Barrier(hands, timeout=30)

    def run(numbered: tuple[int, Any]) -> Any:
        number, job = numbered
        if number < hands:
            together.wait()
        try:
            return work(job)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(hands) as pool:
        return list(pool.map(run, enumerate(jobs)))


@pytest.mark.parametrize("seed", range(3))
def test_reports_in_random_order_end_as_the_highest_version_says(api: Api, mia: User, service_key: Key, seed: int) -> None:
    last, client = 60, api(service_key("tasks"))
    task = begun(mia, Task.Source.SERVICE, total_steps=last)
    versions = list(range(1, last + 1))
    random.Random(seed).shuffle(versions)

    def patch(version: int) -> tuple[int, int, dict[str, Any]]:
        answer = client.patch(at(task), {"version": version, "step": version, "message": f"step {version}"})
        return version, answer.status_code, answer.json()

    def read(_job: None) -> tuple[int, int, str]:
        shown = client.get(at(task)).json()
        return shown["version"], shown["step"], shown["message"]

    with ThreadPoolExecutor(1) as looking:
        seen = looking.submit(lambda: at_once(1, read, [None] * 30))
        answers = at_once(20, patch, versions)
    taken = [(version, body) for version, status, body in answers if status == 200]
    assert {status for _, status, _ in answers} <= {200, 409}
    assert [body["errors"].keys() for _, status, body in answers if status == 409] == [{"version"}] * (last - len(taken))
    assert all((body["version"], body["step"], body["message"]) == (version, version, f"step {version}") for version, body in taken)
    assert last in dict(taken)
    task.refresh_from_db()
    assert (task.version, task.step, task.message, task.status) == (last, last, f"step {last}", "running")
    # Who looked on saw whole reports, and none undone.
    looks = seen.result()
    assert looks == sorted(looks)
    assert all((step, message) == (version, f"step {version}" if version else "") for version, step, message in looks)


def test_an_end_among_late_reports_is_told_once_and_stays(api: Api, mia: User, service_key: Key) -> None:
    client = api(service_key("tasks"))
    task = begun(mia, Task.Source.SERVICE, notify=True)
    reports = [{"version": version, "step": 1} for version in range(1, 40)] + [{"version": 40, "status": "completed", "result": 7}] * 5
    random.Random(4).shuffle(reports)
    answers = at_once(20, lambda report: client.patch(at(task), report).status_code, reports)
    assert [status for report, status in zip(reports, answers, strict=True) if report["version"] == 40] == [200] * 5
    assert set(answers) <= {200, 409}
    task.refresh_from_db()
    assert (task.status, task.version, task.result, ends(mia)) == ("completed", 40, 7, 1)


def test_of_many_who_begin_the_same_task_one_began_it(api: Api, mia: User, service_key: Key) -> None:
    client = api(service_key("tasks"))
    for _ in range(3):
        body = {"id": str(uuid4()), "user_id": mia.pk, "title": "Import"}
        answers = at_once(10, lambda body: client.post(TASKS, body), [body] * 10)
        assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
        assert len({answer.content for answer in answers}) == 1
        assert Task.objects.filter(public_id=body["id"]).count() == 1


def test_of_two_people_who_take_the_same_id_at_once_one_has_it(api: Api, mia: User, eve: User) -> None:
    for _ in range(3):
        body = {"id": str(uuid4()), "title": "Import"}
        answers = at_once(2, lambda client, body=body: client.post(TASKS, body), [api(mia), api(eve)])
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        [lost] = [answer for answer in answers if answer.status_code == 409]
        assert problem(lost) == (409, "CONFLICT", ["id"])
