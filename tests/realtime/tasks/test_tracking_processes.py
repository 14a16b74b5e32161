"""Processes that work on tasks die, freeze, fork and end."""

import signal
import time

import pytest

from realtime.tasks import services
from realtime.tasks.models import Task
from tests.realtime.tasks.watching import only_task
from tests.servers.waiting import until

WORKING = """
    with tracking(user=user, title="Import", total_steps=1000, timeout={timeout}) as task:
        print("begun", flush=True)
        while task.step < {steps}:
            task.advance()
            time.sleep(0.01)
"""


def failed_of_silence(user):
    """Whether the user's task has failed because nobody heard of it, which a keeper looks at all the time.

    It may be the keeper of a server with another Redis, so the push of it is not waited for here.
    """
    services.fail_silent()
    return only_task(user).silent


def shown_to_run(watcher, *, since):
    """Whether somebody was told after that moment that it runs."""
    return any(frame.came >= since and frame.data["status"] == "running" for frame in watcher.frames)


def test_who_is_killed_has_failed_within_its_time(mia, producing):
    with producing(WORKING.format(timeout=3, steps=100_000)) as producer:
        until(lambda: Task.objects.filter(owner=mia, step__gt=10).exists(), what="it works")
        assert not failed_of_silence(mia)
        producer.send(signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: failed_of_silence(mia), what="it has failed")
        assert 2 < time.monotonic() - killed < 10
    assert only_task(mia).status == "failed"


def test_who_is_frozen_longer_than_its_time_completes_after_all(mia, watched, producing):
    with producing(WORKING.format(timeout=1.5, steps=400)) as producer:
        until(lambda: Task.objects.filter(owner=mia, step__gt=10).exists(), what="it works")
        producer.send(signal.SIGSTOP)
        until(lambda: failed_of_silence(mia), what="it has failed")
        thawed = time.time()
        producer.send(signal.SIGCONT)
        until(lambda: shown_to_run(watched, since=thawed), what="it is shown to go on")
        assert producer.ends() == 0
    assert (only_task(mia).status, only_task(mia).silent) == ("completed", False)
    assert "Traceback" not in producer.log


def test_who_pauses_and_is_thawed_is_shown_to_go_on_though_it_has_nothing_new_to_say(mia, watched, producing):
    script = """
    with tracking(user=user, title="Import", timeout=3) as task:
        time.sleep(60)
    """
    with producing(script) as producer:
        until(lambda: Task.objects.filter(owner=mia).exists(), what="it has begun")
        time.sleep(4)
        assert not failed_of_silence(mia)
        producer.send(signal.SIGSTOP)
        until(lambda: failed_of_silence(mia), what="it has failed")
        thawed = time.time()
        producer.send(signal.SIGCONT)
        until(lambda: shown_to_run(watched, since=thawed), what="it is shown to go on")


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        ("with tracking(user=user, title='Import'):\n    print('working', flush=True)\n    time.sleep(60)", "cancelled", ""),
        ("for _ in track(range(9), user=user, title='Import'):\n    print('working', flush=True)\n    time.sleep(60)", "failed", "Stopped at step 0 of 9."),
    ],
)
def test_ctrl_c_ends_the_task_at_once(mia, producing, script, status, error):
    with producing(script) as producer:
        producer.says("working")
        producer.send(signal.SIGINT)
        assert producer.ends() != 0
    assert (only_task(mia).status, only_task(mia).error) == (status, error)


def test_a_loop_that_an_exception_leaves_is_ended_when_the_interpreter_ends(mia, producing):
    with producing("for n in track(range(9), user=user, title='Import'):\n    if n == 4: raise ValueError") as producer:
        assert producer.ends() == 1
    assert (only_task(mia).status, only_task(mia).error) == ("failed", "Stopped at step 4 of 9.")


def test_what_a_daemon_thread_was_at_is_ended_with_its_interpreter(mia, producing):
    script = """
    def work():
        for step in track(range(9), user=user, title="Import"):
            if step == 3:
                begun.set()
                time.sleep(60)
    begun = threading.Event()
    threading.Thread(target=work, daemon=True).start()
    begun.wait()
    """
    with producing(script) as producer:
        assert producer.ends() == 0
    assert (only_task(mia).status, only_task(mia).error) == ("failed", "Stopped at step 3 of 9.")


FORKS = {
    "os.fork": """
    with tracking(user=user, title="Parent", total_steps=9) as task:
        task.advance()
        time.sleep(0.5)  # the reporter works
        from django.db import connections
        connections["default"].close()
        child = os.fork()
        if child == 0:
            own(user)
            sys.exit(0)  # through the parent's block
        assert os.waitpid(child, 0)[1] == 0
        task.advance()
    """,
    "multiprocessing": """
    import multiprocessing
    with tracking(user=user, title="Parent", total_steps=9) as task:
        task.advance()
        time.sleep(0.5)
        from django.db import connections
        connections["default"].close()
        child = multiprocessing.get_context("fork").Process(target=own, args=[user])
        child.start()
        child.join()
        assert child.exitcode == 0
        task.advance()
    """,
}
OWN = """
    def own(user):
        from django.db import connections
        if connections["default"].vendor == "postgresql":
            connections["default"].close_pool()
        for _ in track(range(5), user=user, title="Child"):
            time.sleep(0.1)
"""


@pytest.mark.parametrize("how", FORKS)
def test_a_fork_has_its_own_tasks_and_leaves_its_parents_alone(mia, producing, how):
    with producing(OWN + FORKS[how]) as producer:
        assert producer.ends() == 0, producer.log
    found = {task.title: task for task in Task.objects.filter(owner=mia)}
    assert (found["Parent"].status, found["Parent"].error, found["Child"].status, found["Child"].step) == ("completed", "", "completed", 5)
    assert found["Parent"].ended_at > found["Child"].ended_at
    assert "Traceback" not in producer.log
