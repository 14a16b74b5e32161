"""What has no number, or comes twice, or is unknown: how a state takes it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from realtime.tasks.models import Task
from realtime.tasks.reports import Report
from realtime.tasks.services import begin, report
from tests.realtime.state.conftest import NOW, Program, Step, Walk, frame
from tests.servers.workers import Site
from tests.sockets import connect

ANN, BOB = 1, 7
ID = "a3d8a52e-6d5e-4a5b-9f0e-3f4a4b1c2d3e"
SESSION = {"id": ID, "status": "open", "customer": {"userId": ANN, "name": "Ann"}, "agent": {"userId": BOB, "name": "Bob"}, "answeredAt": None}
SUPPORT = {"sessions": [{**SESSION, "unreadCount": 0, "lastMessage": None}], "me": ANN, "asOf": 10}
BELL = {"results": [], "unread_count": 0, "as_of": 10, "next": None}


def typing(user: int, types: bool, now: int, context: str = ID) -> Step:
    return frame({"type": "typing", "data": {"user_id": user, "is_typing": types, "context": context}}, now)


def message(seq: int, name: str, **fields: Any) -> Step:
    said = {"id": name, "sessionId": ID, "senderType": "AGENT", "senderId": BOB, "agentName": "Bob", "text": name, "isMine": False}
    at = f"2026-11-22T10:00:{seq:02}Z"
    return frame({"type": "message", "seq": seq, "message": {**said, "createdAt": at, "clientMessageId": "", **fields}})


def support(walk: Walk, *steps: Step, **start: Any) -> dict[str, Any]:
    return walk([Program("support", {**SUPPORT, **start}, list(steps))])[0]


def test_what_is_unknown_old_or_told_again_changes_nothing(walk: Walk) -> None:
    notification = {"id": 5, "type": "system", "title": "One", "message": "", "status": "unread"}
    old = [frame({"type": "hello"}), frame({"type": "hello", "seq": 99}), frame({"type": "heartbeat", "data": {"seq": 99}}), frame({"type": "error"})]
    bell = [frame({"type": "notification", "seq": 10, "data": notification}), frame({"type": "notification", "seq": 11, "data": notification})]
    programs = [
        Program("support", SUPPORT, [*old, message(10, "m"), message(11, "m"), message(11, "m"), typing(BOB, True, NOW, context="post_123")]),
        Program("notifications", BELL, [*old, *bell, bell[1]]),
        Program("tasks", [], [*old, frame({"type": "error", "error_code": "FORBIDDEN", "data": {}})]),
    ]
    told = [outcome["same"] for outcome in walk(programs)]
    assert told == [[True] * 5 + [False, True, True], [True] * 5 + [False, True], [True] * 5]


def test_a_message_that_is_told_under_another_number_is_there_once(walk: Walk) -> None:
    state = support(walk, message(11, "m1"), message(12, "m2"), message(13, "m1", createdAt="2026-11-22T10:00:11Z"))["state"]
    assert [each["id"] for each in state["messages"][ID]] == ["m1", "m2"]
    assert state["sessions"][ID]["unreadCount"] == 2
    assert state["sessions"][ID]["lastMessage"]["id"] == "m2"


def test_one_who_has_written_types_no_more(walk: Walk) -> None:
    assert support(walk, typing(BOB, True, 5000))["state"]["typing"] == {ID: {str(BOB): 5000}}
    assert support(walk, typing(BOB, True, 5000), typing(BOB, False, 6000))["state"]["typing"] == {ID: {}}
    assert support(walk, typing(BOB, True, 5000), message(11, "m"))["state"]["typing"] == {ID: {}}


def test_typing_is_forgotten_after_ten_seconds(walk: Walk) -> None:
    asked = [["typists", ID, now] for now in (5000, 14_999, 15_000)]
    assert support(walk, typing(BOB, True, 5000), *asked)["said"] == [[BOB], [BOB], []]


def test_who_comes_while_busy_stays_busy_and_who_goes_is_offline(walk: Walk) -> None:
    def status(*told: tuple[str, str]) -> str | None:
        steps = [frame({"type": kind, "data": {"user_id": BOB, "status": status}}) for kind, status in told]
        found: str | None = support(walk, *steps)["state"]["presence"].get(str(BOB))
        return found

    assert status(("user_status", "online")) == "online"
    assert status(("presence", "busy"), ("user_status", "online")) == "busy"
    assert status(("presence", "busy"), ("user_status", "offline")) == "offline"
    assert status(("presence", "busy"), ("user_status", "offline"), ("user_status", "online")) == "online"


def test_a_place_in_the_queue_is_forgotten_once_somebody_is_here(walk: Walk) -> None:
    queue = frame({"type": "queue", "data": {"sessionId": ID, "position": 2, "waiting": 5, "estimate_s": 90}})
    assert support(walk, queue)["state"]["queue"]["position"] == 2
    assert support(walk, queue, frame({"type": "session", "seq": 11, "session": {**SESSION, "reason": "assigned"}}))["state"]["queue"] is None


def test_what_frames_do_not_say_is_missing(walk: Walk) -> None:
    given = {**SESSION, "id": "another", "customer": {"userId": 3, "name": "Cara"}, "reason": "assigned"}
    state = support(walk, frame({"type": "session", "seq": 11, "session": given}), me=BOB)["state"]
    assert state["missing"] == ["another"], "who knows what was said before it was his"
    unknown = frame({"type": "read", "seq": 12, "data": {"sessionId": ID, "userId": ANN, "upTo": "somewhere"}})
    sessions = [{**SUPPORT["sessions"][0], "unreadCount": 5}]  # type: ignore[index]
    assert support(walk, unknown, sessions=sessions)["state"]["missing"] == [ID], "who knows how many come after that one"


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5], ids=str)
def test_of_a_task_the_newest_wins_in_whatever_order_they_come(walk: Walk, order: tuple[int, ...]) -> None:
    def task(version: int, status: str = "running") -> dict[str, Any]:
        return {"task_id": "t", "version": version, "status": status, "progress": version * 20.0, "timestamp": f"2026-11-22T10:00:0{version}Z"}

    ended = {"type": "error", "error_code": "TASK_FAILED", "message": "Why.", "data": task(3, "failed")}
    frames = [{"type": "progress", "data": task(1)}, {"type": "progress", "data": task(2)}, ended, ended]
    [outcome] = walk([Program("tasks", [], [frame(frames[number]) for number in order])])
    assert outcome["state"] == {"t": {**task(3, "failed"), "error": "Why."}}


def test_a_task_that_goes_on_after_it_counted_as_failed_is_running_with_the_same_version(walk: Walk) -> None:
    task = {"task_id": "t", "version": 3, "status": "failed", "timestamp": "2026-11-22T10:00:03Z"}
    failed = frame({"type": "error", "error_code": "TASK_FAILED", "message": "Silent.", "data": task})
    goes_on = frame({"type": "progress", "data": {**task, "status": "running", "timestamp": "2026-11-22T10:00:03.5Z"}})
    for steps in ([failed, goes_on], [goes_on, failed]):
        assert walk([Program("tasks", [], steps)])[0]["state"]["t"]["status"] == "running"


def test_tasks_that_were_followed_are_as_rest_shows_them(server: Site, walk: Walk, api: Any, mia: User, token: Any) -> None:
    client: APIClient = api(mia)
    tasks = {end: begin(owner=mia, title=end, source=Task.Source.CODE, total_steps=4).task for end in ("running", "completed", "failed", "cancelled")}
    with connect(f"{server.ws_url}/api/v1/ws/tasks/{mia.pk}", token=token(mia), new=True) as socket:
        socket.until("connected")
        for end, task in tasks.items():
            own = Task.objects.filter(pk=task.pk)
            report(tasks=own, report=Report(step=2, message="Half"))
            if end != "running":
                report(tasks=own, report=Report(status=end, **{"completed": {"result": {"rows": 3}}, "failed": {"error": "It broke."}}.get(end, {})))
        ends = socket.take(3, lambda told: told["type"] in ("completed", "error"))
        assert len(ends) == 3
        until_half = [each for each in socket.frames if each["type"] == "progress" and each["data"]["title"] == "running" and each["data"]["step"] == 2]
        if not until_half:
            socket.until(lambda told: told["type"] == "progress" and told["data"]["title"] == "running" and told["data"]["step"] == 2)
    shown = client.get("/api/v1/tasks").json()["results"]
    followed, loaded = walk([Program("tasks", [], [frame(each) for each in socket.frames]), Program("tasks", shown)])
    assert followed["state"] == loaded["state"]
    assert len(loaded["state"]) == 4
