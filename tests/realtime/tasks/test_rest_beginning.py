"""Tasks over REST, as producers in any language begin them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from accounts.models import User
from realtime.tasks.models import Task
from tests import cast
from tests.realtime.tasks.calls import TASKS, Api, Key, a_name, at, problem


def test_a_member_begins_a_task_of_its_own(api: Api, mia: User, options: Any) -> None:
    options(task_timeout=45.0)
    answer = api(mia).post(TASKS, {"title": " Import "})
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["user_id"], shown["title"], shown["status"], shown["timeout"], shown["total_steps"]) == (mia.pk, "Import", "running", 45.0, 0)
    assert (shown["notify"], shown["link"], shown["version"], shown["progress"]) == (False, "", 0, 0.0)
    assert Task.objects.get(public_id=shown["id"]).source == "owner"
    assert api(mia).get(at(shown["id"])).json() == shown
    assert api(mia).post(f"{TASKS}/", {"title": "Import", "user_id": mia.pk}).status_code == 201


def test_an_agent_does_too(api: Api, bob: User) -> None:
    assert api(bob).post(TASKS, {"title": "Export"}).json()["user_id"] == bob.pk


def test_a_service_begins_anybodys_under_an_id_of_its_own(api: Api, mia: User, bob: User, service_key: Key) -> None:
    client = api(service_key("tasks"))
    for owner in (mia, bob):
        name = a_name()
        body = {"id": name, "user_id": owner.pk, "title": "Import", "total_steps": 9, "notify": True, "link": "/imports/7", "timeout": 300}
        answer = client.post(TASKS, body)
        assert answer.status_code == 201
        assert {each: answer.json()[each] for each in body} == body
        assert Task.objects.get(public_id=name).source == "service"


@pytest.mark.parametrize("by_service", [False, True])
def test_the_same_id_again_is_the_same_task(api: Api, mia: User, service_key: Key, by_service: bool) -> None:
    client = api(service_key("tasks")) if by_service else api(mia)
    body = {"id": str(uuid4()), "user_id": mia.pk, "title": "Import", "total_steps": 4}
    first = client.post(TASKS, body)
    client.patch(at(body["id"]), {"step": 2})
    again = client.post(TASKS, {**body, "title": "Import "})
    assert [first.status_code, again.status_code] == [201, 200]
    assert (again.json()["step"], again.json()["created_at"]) == (2, first.json()["created_at"])
    assert problem(client.post(TASKS, {**body, "title": "Export"})) == (409, "CONFLICT", ["id"])
    assert Task.objects.filter(owner=mia).count() == 1


def test_an_id_is_one_owners_and_one_kind_of_producers(api: Api, mia: User, bob: User, service_key: Key) -> None:
    service, body = api(service_key("tasks")), {"id": str(uuid4()), "title": "Import"}
    assert service.post(TASKS, {**body, "user_id": mia.pk}).status_code == 201
    for answer in (service.post(TASKS, {**body, "user_id": bob.pk}), api(mia).post(TASKS, body), api(bob).post(TASKS, body)):
        assert problem(answer) == (409, "CONFLICT", ["id"])
        assert "Import" not in answer.content.decode()
    assert not Task.objects.filter(owner=bob).exists()


def test_people_take_no_id_that_a_service_might_count(api: Api, mia: User) -> None:
    for name in ("import-7", "7", uuid4().hex, f"{uuid4()}-1", f"{{{uuid4()}}}", "urn:uuid:" + str(uuid4())):
        assert problem(api(mia).post(TASKS, {"id": name, "title": "Import"})) == (400, "INVALID_REQUEST", ["id"])
    loud = str(uuid4()).upper()
    assert api(mia).post(TASKS, {"id": loud, "title": "Import"}).json()["id"] == loud
    assert api(mia).get(at(loud)).status_code == 200


def test_people_begin_nobody_elses(api: Api, mia: User, bob: User, admin: User) -> None:
    for who in (mia, admin):
        assert problem(api(who).post(TASKS, {"user_id": bob.pk, "title": "Import"})) == (403, "FORBIDDEN", ["user_id"])
        assert problem(api(who).post(TASKS, {"user_id": 2**52, "title": "Import"})) == (403, "FORBIDDEN", ["user_id"])
    assert not Task.objects.filter(owner__in=(bob, mia, admin)).exists()


def test_a_service_says_whose_and_that_is_somebody_who_has_tasks(api: Api, ann: User, service_key: Key) -> None:
    client, gone = api(service_key("tasks")), cast.member("gus", is_active=False)
    for whose in ({}, {"user_id": ann.pk}, {"user_id": gone.pk}, {"user_id": 2**52}, {"user_id": 0}, {"user_id": 2**80}, {"user_id": "1"}, {"user_id": None}):
        assert problem(client.post(TASKS, {"title": "Import", **whose})) == (400, "INVALID_REQUEST", ["user_id"])
    assert not Task.objects.filter(owner__in=(ann, gone)).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": " \n "},
        {"title": "x" * 201},
        {"title": "a\0b"},
        {"title": 5},
        {"title": None},
        {"id": "a b"},
        {"id": "-x"},
        {"id": "x" * 65},
        {"id": "é"},
        {"id": "a/b"},
        {"id": 7},
        {"id": None},
        {"total_steps": -1},
        {"total_steps": 2**53},
        {"total_steps": 10**400},
        {"total_steps": 1.5},
        {"total_steps": "4"},
        {"total_steps": True},
        {"notify": "yes"},
        {"notify": 1},
        {"notify": None},
        {"link": "javascript:alert(1)"},
        {"link": "//evil.example"},
        {"link": "/" + "x" * 500},
        {"timeout": 0.4},
        {"timeout": -1},
        {"timeout": 86401},
        {"timeout": 10**400},
        {"timeout": "60"},
        {"timeout": True},
        {"timeout": None},
    ],
)
def test_a_beginning_that_makes_no_sense_names_its_field(api: Api, mia: User, service_key: Key, wrong: dict[str, Any]) -> None:
    answer = api(service_key("tasks")).post(TASKS, {"title": "Import", "user_id": mia.pk, **wrong})
    assert problem(answer) == (400, "INVALID_REQUEST", list(wrong))
    assert not Task.objects.filter(owner=mia).exists()


def test_all_that_is_wrong_is_named_at_once(api: Api, mia: User) -> None:
    answer = api(mia).post(TASKS, {"total_steps": -1, "timeout": 0}, headers={"accept-language": "zh-hans"})
    assert problem(answer) == (400, "INVALID_REQUEST", ["title", "total_steps", "timeout"])
    assert answer.json()["detail"] == "请改正以下字段：title, total_steps, timeout。"


@pytest.mark.parametrize(
    ("body", "code"), [('{"title": "Import", "timeout": 1e999}', "INVALID_REQUEST"), ('{"timeout": NaN}', "INVALID_JSON"), ("[]", "INVALID_REQUEST")]
)
def test_what_json_has_and_we_have_not_is_refused(api: Api, mia: User, body: str, code: str) -> None:
    assert problem(api(mia).post(TASKS, body, content_type="application/json"))[:2] == (400, code)
    assert not Task.objects.filter(owner=mia).exists()


def test_who_has_many_tasks_running_ends_one_first(api: Api, mia: User, eve: User, service_key: Key, options: Any) -> None:
    options(task_max_own=2)
    first, second = (api(mia).post(TASKS, {"id": str(uuid4()), "title": "Import"}).json() for _ in range(2))
    refused = api(mia).post(TASKS, {"title": "Import"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "2 of your tasks are running. End one before you begin another.")
    assert api(mia).post(TASKS, {"id": second["id"], "title": "Import"}).status_code == 200
    assert api(eve).post(TASKS, {"title": "Import"}).status_code == 201
    assert api(service_key("tasks")).post(TASKS, {"user_id": mia.pk, "title": "Import"}).status_code == 201
    assert api(mia).patch(at(first["id"]), {"status": "completed"}).status_code == 200
    assert api(mia).post(TASKS, {"title": "Import"}).status_code == 201
