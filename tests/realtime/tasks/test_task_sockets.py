"""The sockets of those who watch tasks: present state first, steps while they come, ends that nobody misses."""

import pytest

from notifications.services import notify
from realtime.tasks import services
from realtime.tasks.models import Task
from tests import cast
from tests.realtime.tasks.calls import silent
from tests.sockets import connect, ending


def one(server, task):
    return f"{server.ws_url}/api/ws/tasks/{task.public_id}"


def every(server, user):
    return f"{server.ws_url}/api/v1/ws/tasks/{user.pk}"


@pytest.fixture(params=[True, False], ids=["new", "old"])
def new(request):
    return request.param


def test_first_comes_the_present_state_then_what_changes_then_the_end(server, mia, token, begun, said, new):
    task = said(begun(), step=1, message="Reading")
    with connect(one(server, task), token=token(mia), new=new) as socket:
        first, second = (socket.until(lambda _frame: True) for _ in range(2))
        assert [first["type"], second["type"]] == ["connected", "progress"]
        expected = {"task_id": task.public_id, "title": "Import", "status": "running", "message": "Reading", "step": 1, "total_steps": 4, "progress": 25.0}
        assert expected.items() <= second["data"].items()
        said(task, step=2, message="Writing")
        assert socket.until("progress")["data"]["progress"] == 50.0
        said(task, status="completed", result={"rows": 3})
        end = socket.until("completed")
        assert (end["data"]["progress"], end["data"]["step"], end["data"]["result"]) == (100.0, 4, {"rows": 3})
        assert end["seq"] == Task.objects.get(pk=task.pk).end_seq
        if new:
            assert socket.ended() == 1000
        else:  # an old client comes back on every code, so it is not sent away
            assert socket.sync() == []


def test_a_task_that_ended_before_gets_its_last_frame(server, mia, token, begun, said, new):
    task = begun()
    said(task, step=1)
    said(task, status="failed", error="The file is empty.")
    with connect(one(server, task), token=token(mia), new=new) as socket:
        end = socket.until("error")
        assert (end["error_code"], end["message"], end["data"]["status"], end["data"]["progress"]) == ("TASK_FAILED", "The file is empty.", "failed", 25.0)
        assert [frame["type"] for frame in socket.frames] == ["connected", "error"]
        if new:
            assert socket.ended() == 1000
        else:
            assert socket.sync() == []


def test_who_was_away_at_the_end_is_told_it_once_by_its_number(server, mia, token, begun, said, new):
    task = begun()
    with connect(one(server, task), token=token(mia), new=new) as socket:
        since = socket.until("connected")["data"]["seq"]
    end = said(task, status="completed")
    for start in (since, end.end_seq):  # also one who has seen it is told how it stands
        with connect(one(server, task), token=token(mia), new=new, query={"since": start}) as socket:
            assert socket.until("connected")["data"]["resumed"]
            assert socket.until("completed")["seq"] == end.end_seq
            if new:
                socket.ended()
            else:
                socket.sync()
            assert [frame["type"] for frame in socket.frames].count("completed") == 1


def test_the_ends_of_other_tasks_and_all_else_stay_out(server, mia, token, begun, said):
    task, other = begun(), begun(title="Export")
    with connect(one(server, task), token=token(mia), new=True) as socket:
        socket.until("progress")
        said(other, step=1)
        said(other, status="completed")
        notify(users=mia, type="system", title="Hello", message="…")
        said(task, step=3)
        assert socket.until(lambda frame: frame["type"] not in ("heartbeat", "connected"))["data"]["task_id"] == task.public_id


def test_what_is_not_there_and_what_is_not_yours_are_the_same(server, mia, eve, admin, ann, token, begun, new):
    task = begun()
    nothing = [(mia, f"{server.ws_url}/api/ws/tasks/{name}") for name in ("nothing", "a%00b", "%F0%9F%98%80", "x" * 200)]
    for user, address in (*nothing, (eve, one(server, task)), (admin, one(server, task)), (ann, one(server, task))):
        refused = ending(address, token=token(user), new=new)
        if new:
            assert (refused.code, refused.frames[-1]["error_code"]) == (4404, "NOT_FOUND")
        else:
            assert (refused.status, refused.json["error_code"], refused.headers["X-WebSocket-Error-Code"]) == (404, "NOT_FOUND", "NOT_FOUND")


def test_an_old_client_gets_no_error_but_the_tasks_own(server, mia, token, begun, said):
    task = begun()
    with connect(one(server, task), token=token(mia)) as socket:
        socket.until("progress")
        socket.send("not JSON")
        socket.send({"type": "unheard"})
        assert socket.sync() == []
        said(task, status="failed", error="No.")
        assert socket.until("error")["error_code"] == "TASK_FAILED"
    with connect(one(server, task), token=token(mia), new=True) as socket:
        socket.until("error")


def test_it_has_heartbeats_and_takes_nobody_elses(servers, mia, eve, token, begun, new):
    with servers.serve(env={"WS_HEARTBEAT_INTERVAL": "1"}) as site, connect(one(site, begun()), token=token(mia), new=new) as socket:
        socket.until("progress")
        with connect(site.ws_url + "/api/ws/notifications", token=token(eve), new=True) as other:
            other.take(2, "heartbeat")
        assert socket.until("heartbeat")["data"]["seq"] == 0


def test_neither_is_it_told_why_its_socket_is_closed(server, mia, token, api, begun):
    task = begun()
    with connect(one(server, task), token=token(mia)) as old, connect(one(server, task), token=token(mia), new=True) as other:
        old.until("progress"), other.until("progress")
        assert api(mia).post("/api/v1/logout").status_code == 204
        assert (old.ended(), other.ended()) == (4410, 4410)
    assert [frame["type"] for frame in old.frames if frame["type"] != "heartbeat"] == ["connected", "progress"]
    assert other.frames[-1]["error_code"] == "SESSION_REVOKED"


def test_the_dashboard_sees_what_runs_then_what_changes(server, mia, token, begun, said, new):
    done, first = begun(), begun(title="Export")
    said(done, status="completed")
    with connect(every(server, mia), token=token(mia), new=new) as socket:
        assert socket.until(lambda frame: frame["type"] != "connected")["data"]["title"] == "Export"
        second = begun(title="Report")
        assert socket.until("progress")["data"]["task_id"] == second.public_id
        said(first, status="failed", error="No.")
        assert socket.until("error")["data"]["task_id"] == first.public_id
        said(second, status="completed")
        assert socket.until("completed")["data"]["task_id"] == second.public_id
        assert socket.sync() == []  # it stays open, for there may be more


def test_the_dashboard_is_told_what_it_missed_after_what_runs(server, mia, token, begun, said):
    ended, running = begun(), begun()
    with connect(every(server, mia), token=token(mia), new=True) as socket:
        since = socket.until("connected")["data"]
    said(ended, status="completed")
    with connect(every(server, mia), token=token(mia), new=True, query={"since": f"{since['epoch']}:{since['seq']}"}) as socket:
        kinds = [(socket.until(lambda _frame: True))["type"] for _ in range(3)]
        assert kinds == ["connected", "progress", "completed"]
        assert socket.frames[1]["data"]["task_id"] == running.public_id


def test_staff_watches_anybodys_tasks_by_their_stream(server, mia, admin, token, begun, said):
    task = begun()
    for number in range(3):
        notify(users=admin, type="system", title=str(number), message="…")
    with connect(every(server, mia), token=token(admin), new=True) as socket:
        start = socket.until("connected")["data"]
        assert (start["user_id"], start["seq"]) == (admin.pk, 0)
        socket.until("progress")
        notify(users=[admin, mia], type="system", title="not a task", message="…")
        said(task, step=1)
        socket.until("progress")
        said(task, status="completed")
        end = socket.until("completed")
        assert end["seq"] == Task.objects.get(pk=task.pk).end_seq
        assert socket.until("heartbeat")["data"]["seq"] >= end["seq"]
    with connect(every(server, mia), token=token(admin), new=True, query={"since": 0}) as socket:
        assert socket.until("connected")["data"]["resumed"]
        assert socket.until("completed")["seq"] == end["seq"]


def test_staff_that_watches_another_is_sent_away_for_itself_alone(server, mia, admin, token, api, begun, said):
    task = begun()
    with connect(every(server, mia), token=token(admin), new=True) as socket:
        socket.until("progress")
        assert api(mia).post("/api/v1/logout").status_code == 204
        said(task, step=1)
        socket.until("progress")
        assert api(admin).post("/api/v1/logout").status_code == 204
        assert socket.ended() == 4410


@pytest.mark.parametrize(
    ("who", "address", "code", "close"), [("eve", "mia", "FORBIDDEN", 4403), ("ann", "ann", "FORBIDDEN", 4403), ("mia", "soon", "INVALID_REQUEST", 4400)]
)
def test_the_dashboard_is_accepted_then_told_then_closed(server, request, token, new, who, address, code, close):
    user = request.getfixturevalue(who)
    number = address if address == "soon" else request.getfixturevalue(address).pk
    refused = ending(f"{server.ws_url}/api/v1/ws/tasks/{number}", token=token(user), new=new)
    assert (refused.status, [frame["error_code"] for frame in refused.frames], refused.code) == (101, [code], close)


def test_staff_finds_no_tasks_of_nobody(server, admin, token, new):
    refused = ending(f"{server.ws_url}/api/v1/ws/tasks/{2**50}", token=token(admin), new=new)
    assert (refused.frames[0]["error_code"], refused.code) == ("NOT_FOUND", 4404)


@pytest.mark.parametrize(("credential", "code", "close"), [({}, "MISSING_TOKEN", 4401), ({"token": "nonsense"}, "TOKEN_EXPIRED", 4001)])
def test_without_a_credential_nobody_watches(server, mia, begun, new, credential, code, close):
    refused = ending(every(server, mia), new=new, **credential)
    assert (refused.frames[0]["error_code"], refused.code) == (code, close)
    refused = ending(one(server, begun()), new=new, **credential)
    assert refused.code == close if new else (refused.status, refused.json["error_code"]) == (401, code)


def test_everything_that_concerns_a_member_includes_its_tasks(server, mia, eve, token, begun, said):
    with connect(server.ws_url + "/api/v1/ws", token=token(mia), new=True) as hers, connect(server.ws_url + "/api/v1/ws", token=token(eve), new=True) as other:
        hers.until("connected"), other.until("connected")
        task = begun()
        said(task, step=1)
        hers.until(lambda frame: frame["type"] == "progress" and frame["data"]["step"] == 1)
        said(task, status="completed")
        hers.until("completed")
        assert [frame for frame in other.sync() if frame["type"] in ("progress", "completed")] == []


def test_a_crowd_of_reports_is_five_frames_a_second_and_the_last_is_among_them(server, mia, token, begun, said):
    task = begun(total_steps=400)
    with connect(every(server, mia), token=token(mia), new=True) as socket:
        socket.until("progress")
        for step in range(1, 401):
            said(task, step=step)
        last = socket.until(lambda frame: frame["type"] == "progress" and frame["data"]["step"] == 400)
        steps = [frame["data"]["step"] for frame in socket.frames if frame["type"] == "progress"]
        assert steps == sorted(set(steps))
        begun_at, ended_at = Task.objects.values_list("created_at", "updated_at").get(pk=task.pk)
        assert len(steps) <= 2 + 5 * ((ended_at - begun_at).total_seconds() + 1)
        assert last["data"]["progress"] == 100.0


def test_no_step_is_sent_after_a_later_end(server, mia, token, begun, said):
    with connect(every(server, mia), token=token(mia), new=True) as socket:
        socket.until("connected")
        for _ in range(10):
            task = begun()
            for step in range(4):  # so close together that the last of them waits for its turn
                said(task, step=step)
            said(task, status="completed")
        for _ in range(10):
            socket.until("completed")
        begun(title="What waits is sent together with this")
        socket.until(lambda frame: frame["type"] == "progress" and frame["data"]["title"].startswith("What"))
        for number, frame in enumerate(socket.frames):
            if frame["type"] == "completed":
                later = [each for each in socket.frames[number + 1 :] if each["type"] == "progress" and each["data"]["task_id"] == frame["data"]["task_id"]]
                assert later == []


def test_who_is_not_heard_from_has_failed_for_everybody_who_watches(servers, token):
    mia = cast.member()
    task = services.begin(owner=mia, title="Import", source=Task.Source.SERVICE, timeout=1).task
    with servers.serve(env={"TASK_TIMEOUT": "1", "KEEPER_INTERVAL": "0.2"}) as site, connect(one(site, task), token=token(mia), new=True) as socket:
        end = socket.until("error")
        assert (end["error_code"], end["data"]["status"]) == ("TASK_FAILED", "failed")
        assert end["message"] == "The program that did this was not heard from any more."
        assert socket.ended() == 1000


def test_a_sign_of_life_of_who_had_failed_for_its_silence_is_shown(server, mia, token, begun, said):
    task = said(begun(), step=2)
    with connect(every(server, mia), token=token(mia), new=True) as socket:
        socket.until("progress")
        silent(task)
        failed = socket.until("error")["data"]
        said(task)
        again = socket.until("progress")["data"]
        assert (again["task_id"], again["step"], again["version"]) == (task.public_id, 2, failed["version"])
        assert again["timestamp"] > failed["timestamp"]
        said(task, step=3)
        assert socket.until("progress")["data"]["step"] == 3


@pytest.mark.parametrize("last", ["progress", "completed"])
def test_an_end_that_was_taken_back_is_not_the_last_frame_of_who_was_away(server, mia, token, begun, said, new, last):
    task = begun()
    with connect(one(server, task), token=token(mia), new=new) as socket:
        since = socket.until("connected")["data"]["seq"]
    silent(task)
    said(task)
    if last == "completed":
        said(task, status="completed")
    with connect(one(server, task), token=token(mia), new=new, query={"since": since}) as socket:
        assert [socket.until(lambda _frame: True)["type"] for _ in range(2)] == ["connected", last]
        if last == "progress":
            assert socket.sync() == []
            said(task, status="completed")
            socket.until("completed")
        assert socket.ended() == 1000 if new else socket.sync() == []


@pytest.mark.parametrize("who", ["mia", "admin"])
def test_an_end_whose_push_is_lost_comes_with_the_heartbeat(server, request, mia, token, begun, said, monkeypatch, who):
    task = begun()
    with connect(every(server, mia), token=token(request.getfixturevalue(who)), new=True) as socket:
        socket.until("progress")
        monkeypatch.setattr("accounts.groups._say", lambda _host, _commands: 0)
        said(task, status="completed")
        assert socket.until("completed")["data"]["task_id"] == task.public_id
