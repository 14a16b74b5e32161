"""`make run`, as somebody finds it who has just cloned the project."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.markdown import Document
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, alive
from tests.sockets import connect

pytestmark = pytest.mark.timeout(300)  # on a machine that may be busy, each starts several processes, one after the other
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "var", "node_modules", "__pycache__", ".*_cache", ".hypothesis")
# What `make` and a shell need, and nothing that the test session has set for itself.
ENV = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"} or name.startswith(("PIP_", "SSL_"))}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout of its own, whose virtual environment is there already: installing takes half a minute."""
    return copy(tmp_path / "clone")


def copy(target: Path) -> Path:
    shutil.copytree(CHECKOUT, target, ignore=LEFT_OUT)
    (target / ".venv").symlink_to(sys.prefix)
    return target


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


class Run:
    """A `make run` at a terminal of its own."""

    def __init__(self, checkout: Path, port: int) -> None:
        self.checkout = checkout
        self.url = f"http://127.0.0.1:{port}"
        self.output = checkout / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "run", f"PORT={port}"], cwd=checkout, env=ENV, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_until_it_answers(self) -> None:
        until(lambda: "Switchboard answers" in self.text or self.process.poll() is not None, what="make run answers", seconds=150)
        assert self.process.poll() is None, self.text

    def family(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def ctrl_c(self) -> None:
        """What a terminal does: the signal goes to everything in the foreground."""
        family = self.family()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(30)
        until(lambda: not alive(family), what="every process of make run ends")


@contextmanager
def running(checkout: Path) -> Iterator[Run]:
    run = Run(checkout, free_port())
    try:
        run.wait_until_it_answers()
        yield run
    finally:
        if run.process.poll() is None:
            run.ctrl_c()


def mia_in(checkout: Path) -> tuple[int, str]:
    with sqlite3.connect(checkout / "var" / "switchboard.sqlite3") as database:
        found: tuple[int, str] = database.execute("SELECT id, date_joined FROM accounts_user WHERE username = 'mia'").fetchone()
    return found


def test_it_says_where_to_look_and_ctrl_c_leaves_nothing(clone: Path) -> None:
    with running(clone) as run:
        for path in ("/", "/console/", "/admin/", "/api/docs"):
            assert f"{run.url}{path}" in run.text
        for path in ("/", "/member/", "/admin/", "/api/docs"):
            assert httpx.get(f"{run.url}{path}", follow_redirects=True, timeout=30).status_code == 200
        login = httpx.post(f"{run.url}/api/v1/public/login", json={"username": "mia", "password": "password123"}, timeout=30)
        assert login.status_code == 200, login.text
        shown = {"Authorization": f"Bearer {login.json()['token']}"}
        assert httpx.get(f"{run.url}/api/v1/notifications", headers=shown, timeout=30).json()["unread_count"] == 2
        agent = httpx.post(f"{run.url}/api/v1/public/login", json={"username": "agent001", "password": "password123"}, timeout=30).json()["token"]
        sessions = httpx.get(f"{run.url}/api/v1/sessions", headers={"Authorization": f"Bearer {agent}"}, timeout=30).json()["results"]
        assert [each["status"] for each in sessions] == ["waiting", "open", "closed"]
        first_minutes(run, login.json()["token"])
        names = [process.name() for process in run.family()]
        assert "redis-server" in names
        family = run.family()
        run.ctrl_c()
    assert not alive(family)
    assert "Traceback" not in run.text
    assert not list((clone / "var").glob("*.sock"))


def first_minutes(run: Run, mias: str) -> None:
    """What README.md tells a newcomer to do in a second terminal, while Mia's bell is open."""
    blocks = [block.text for block in Document(CHECKOUT, "README.md").blocks]
    assert (blocks[0], blocks[-1]) == ("make run\n", "make test\n")
    with connect(run.url.replace("http", "ws") + "/api/ws/notifications", token=mias) as bell:
        for block, title in zip(blocks[1:-1], ["New comment", "Another one"], strict=True):
            script = block.replace("http://localhost:8000", run.url)
            ended = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=run.checkout, env=ENV, capture_output=True, text=True, timeout=60)
            assert ended.returncode == 0, ended.stderr
            assert bell.until("notification")["data"]["title"] == title


def test_a_second_time_it_keeps_the_data_and_two_checkouts_do_not_meet(clone: Path, tmp_path: Path) -> None:
    with running(clone):
        first = mia_in(clone)
    with running(clone) as again, running(copy(tmp_path / "neighbour")) as neighbour:
        assert mia_in(clone) == first
        assert httpx.get(f"{again.url}/health", timeout=30).status_code == httpx.get(f"{neighbour.url}/health", timeout=30).status_code == 200
        assert mia_in(neighbour.checkout) != first
        assert len([process for process in [*again.family(), *neighbour.family()] if process.name() == "redis-server"]) == 2


def test_a_taken_port_is_said_in_a_sentence(clone: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = make("run", f"PORT={port}", cwd=clone)
    assert ended.returncode != 0
    assert f"Port {port} on 127.0.0.1 is taken" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_a_python_that_is_too_old_is_said_in_a_sentence(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "Makefile", tmp_path)
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    ended = make("run", f"PYTHON={old}", cwd=tmp_path)
    assert ended.returncode != 0
    assert f"Switchboard needs Python 3.11 or newer; {old} is Python 3.9.2" in ended.stdout
    assert not (tmp_path / ".venv").exists()


def test_the_last_step_of_make_test_is_the_suite_on_postgresql() -> None:
    steps = make("--dry-run", "test", cwd=CHECKOUT).stdout.splitlines()
    suites = [step for step in steps if re.search(r"-m pytest\b", step)]
    assert len(suites) == 2
    assert suites[-1] == steps[-1]
    assert "tests.servers.postgres" in steps[-1]
    assert "exec make test" in (CHECKOUT / ".ci" / "run").read_text()


def make(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `make` to its end, which has to come by itself."""
    return subprocess.run(["make", *arguments], cwd=cwd, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
