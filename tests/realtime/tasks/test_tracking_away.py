"""The database goes away while a task is worked on, and comes back. Each has one of its own."""

import re
import sqlite3

import pytest

from tests.servers.private_postgres import PrivatePostgres

WORK = """
    from django.core.management import call_command
    from accounts.models import User
    from realtime.tasks.models import Task
    call_command("migrate", verbosity=0)
    user = User.objects.create(username="mia-at-work").pk
    with tracking(user=user, title="Import", timeout=30) as task:
        print("begun", flush=True)
        while not os.path.exists({end!r}):
            task.advance()
            time.sleep(0.01)
        at = time.monotonic()
        print("all done", flush=True)
    print(f"gone on after {{time.monotonic() - at:.1f}} s", flush=True)
    while True:
        try:
            stored = Task.objects.get(public_id=task.id)
        except Exception:
            stored = task
        from django.db import connection
        connection.close()
        if getattr(stored, "status", "running") != "running":
            break
        time.sleep(0.1)
    print(stored.status, "at", stored.step, "of", task.step, flush=True)
"""


@pytest.fixture
def at_work(producing, tmp_path):
    """`at_work(url)`: who works on that database until the file `end` is there."""

    def start(url):
        start.end = tmp_path / "end"
        return producing(WORK.format(end=str(start.end)), env={"DATABASE_URL": url})

    return start


def went_on_after(log):
    return float(re.search(r"gone on after ([\d.]+) s", log)[1])


def came_in_whole(log):
    _, stored, done = re.search(r"(completed) at (\d+) of (\d+)", log).groups()
    return stored == done


def test_a_postgresql_that_crashes_does_not_disturb_the_work_and_gets_the_end_when_it_is_back(at_work):
    with PrivatePostgres() as postgres, at_work(postgres.url) as producer:
        producer.says("begun")
        postgres.kill()
        producer.says("cannot be stored now")
        at_work.end.touch()
        producer.says("gone on after")
        assert went_on_after(producer.log) < 7
        postgres.start()
        assert producer.ends() == 0, producer.log
        log = producer.log
    assert came_in_whole(log)
    assert log.count("cannot be stored now") == 1
    assert "is stored again" in log
    assert "Traceback" not in log


def test_a_postgresql_that_comes_back_meanwhile_is_gone_on_with(at_work):
    with PrivatePostgres() as postgres, at_work(postgres.url) as producer:
        producer.says("begun")
        postgres.stop()
        producer.says("cannot be stored now")
        postgres.start()
        producer.says("is stored again")
        at_work.end.touch()
        assert producer.ends() == 0, producer.log
        log = producer.log
    assert came_in_whole(log)
    assert went_on_after(log) < 1
    assert "Traceback" not in log


def test_a_sqlite_that_somebody_else_writes_to_for_long_gets_the_end_later(at_work, tmp_path):
    file = tmp_path / "own.sqlite3"
    with at_work(f"sqlite:///{file}") as producer:
        producer.says("begun")
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        at_work.end.touch()
        producer.says("gone on after")
        assert 4 < went_on_after(producer.log) < 7
        other.execute("COMMIT")
        other.close()
        assert producer.ends() == 0, producer.log
        log = producer.log
    assert came_in_whole(log)
    assert "Traceback" not in log


@pytest.mark.parametrize("back", [True, False])
def test_an_interpreter_that_ends_waits_a_while_for_the_database(producing, tmp_path, back):
    file = tmp_path / "own.sqlite3"
    script = """
    from django.core.management import call_command
    from django.db import connection
    from accounts.models import User
    call_command("migrate", verbosity=0)
    user = User.objects.create(username="mia-at-work").pk
    with tracking(user=user, title="Import"):
        connection.cursor().execute("ALTER TABLE tasks_task RENAME TO gone")
    print("gone on", flush=True)
    """
    with producing(script, env={"DATABASE_URL": f"sqlite:///{file}"}) as producer:
        producer.says("gone on")
        with sqlite3.connect(file, isolation_level=None) as other:
            if back:
                other.execute("ALTER TABLE gone RENAME TO tasks_task")
            assert producer.ends() == 0
            if not back:
                other.execute("ALTER TABLE gone RENAME TO tasks_task")
            [(status,)] = other.execute("SELECT status FROM tasks_task").fetchall()
        other.close()
    assert status == ("completed" if back else "running")
    assert "Traceback" not in producer.log
