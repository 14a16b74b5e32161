"""A report that takes long, as everybody who watches it sees it; its program is killed, and begins again."""

import signal
import time

import pytest

from tests import cast
from tests.sockets import connect

TIMEOUT = 3
WORK = f"""
    with tracking(user=user, title="Report", total_steps=40, timeout={TIMEOUT}, notify=True, link="/reports/7") as task:
        print("begun as", task.id, flush=True)
        for step in range(40):
            time.sleep(float(os.environ["STEP"]))
            task.advance(message=f"Page {{step + 1}}")
        task.result = {{"pages": 40}}
"""


@pytest.mark.timeout(180)
def test_a_report_is_watched_its_program_is_killed_and_the_next_one_rings_the_bell(server, mia, token, producing):
    eve = cast.member("eve")
    with (
        connect(f"{server.ws_url}/api/v1/ws/tasks/{mia.pk}", token=token(mia)) as dashboard,
        connect(f"{server.ws_url}/api/ws/notifications", token=token(mia)) as bell,
        connect(f"{server.ws_url}/api/v1/ws", token=token(eve), new=True) as other,
    ):
        for socket in (dashboard, bell, other):
            socket.until("connected")
        first = producing(WORK, env={"STEP": "0.3"})
        begun = dashboard.until("progress")["data"]
        page = f"{server.ws_url}/api/ws/tasks/{begun['task_id']}"
        with connect(page, token=token(mia)) as old, connect(page, token=token(mia), new=True) as new:
            for socket in (old, new, dashboard):
                socket.until(lambda frame: frame["type"] == "progress" and frame["data"]["step"] >= 3)
            first.send(signal.SIGKILL)
            killed = time.monotonic()
            ends = [socket.until("error") for socket in (old, new, dashboard)]
            assert time.monotonic() - killed < TIMEOUT + 10
            assert {(end["error_code"], end["seq"], end["data"]["status"]) for end in ends} == {("TASK_FAILED", ends[0]["seq"], "failed")}
            assert ends[0]["data"]["progress"] < 100
            assert new.ended() == 1000
        assert bell.until("notification")["data"]["message"] == "The program that did this was not heard from any more."
        second = producing(WORK, env={"STEP": "0.02"})
        assert dashboard.until("completed")["data"]["result"] == {"pages": 40}
        rung = bell.until("notification")["data"]
        assert (rung["title"], rung["message"], rung["link"], rung["data"]["status"]) == ("Report", "Page 40", "/reports/7", "completed")
        assert second.ends() == 0
        assert [frame for frame in other.sync() if frame["type"] in ("progress", "completed", "error", "notification")] == []
