"""`manage.py serve` as a process: how it starts, what it survives, how it ends."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.servers.raw import RawSocket
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site, alive, runserver, serving

BARE = {"DJANGO_SETTINGS_MODULE": "tests.servers.bare", "DATABASE_URL": "", "DRAIN_SPREAD": "1"}
IMPATIENT = """
from realtime.supervisor import Supervisor, listen, worker_config
config = worker_config(application="tests.servers.echo.application", workers=1, heartbeat=30, drain_spread=0)
config.timeout_worker_healthcheck = 3
sock = listen("127.0.0.1", 0)
Supervisor(config=config, sock=sock, when_ready=lambda: print("answers at http://127.0.0.1:%d" % sock.getsockname()[1])).run()
"""
Start = Callable[..., Site]


@pytest.fixture
def site(tmp_path: Path) -> Start:
    """Makes a server in a VAR_DIR of its own."""

    def make(*, workers: int = 2, **env: str) -> Site:
        return serving(workers=workers, log=tmp_path / "log", env={**BARE, "VAR_DIR": str(tmp_path / "var"), **env})

    return make


def answering(site: Site) -> int:
    """The process that answers a request just now."""
    return int(httpx.get(site.url, timeout=30).text)


def sockets(stack: ExitStack, site: Site, count: int) -> list[ClientConnection]:
    clients = [stack.enter_context(connect(f"{site.ws_url}/{number}")) for number in range(count)]
    for client in clients:
        client.send("ready")
        assert client.recv() == "ready"
    return clients


def farewell(client: ClientConnection) -> tuple[list[dict[str, object]], int, float]:
    """What a client hears from now on, the close code, and when that came."""
    frames = []

    def listen() -> None:
        while True:
            frames.append(json.loads(client.recv(timeout=25)))

    with pytest.raises(ConnectionClosed) as closed:
        listen()
    assert closed.value.rcvd is not None, "the connection broke without a close frame"
    return frames, closed.value.rcvd.code, time.monotonic()


def test_sigterm_says_goodbye_to_every_socket_and_leaves_nothing_behind(site: Start) -> None:
    with site() as server, ExitStack() as stack:
        clients = sockets(stack, server, 20)
        family = server.family()
        assert any(process.name() == "redis-server" for process in family)
        server.process.terminate()
        with ThreadPoolExecutor(len(clients)) as pool:
            goodbyes = list(pool.map(farewell, clients))
        assert server.stop() == 0
        until(lambda: not alive(family), what="all processes end")
        assert "Traceback" not in server.log
    for frames, code, _ in goodbyes:
        assert code == 1012
        [frame] = frames
        assert frame["type"] == "error"
        assert (frame["error_code"], frame["close_code"], frame["reconnect"]) == ("OVERLOADED", 1012, True)
        assert isinstance(frame["retry_after_ms"], int)
    times = [when for _, _, when in goodbyes]
    assert max(times) - min(times) > 0.2, "all at once would bring all back at once"


def test_a_socket_may_choose_to_leave_without_a_frame(site: Start) -> None:
    with site(workers=1) as server, connect(f"{server.ws_url}/quiet") as client:
        client.send("ready")
        client.recv()
        server.process.terminate()
        frames, code, _ = farewell(client)
    assert (frames, code) == ([], 1012)


def test_a_peer_that_reads_nothing_does_not_hold_up_the_end(site: Start) -> None:
    with site(workers=1, DRAIN_SPREAD="0") as server, RawSocket(server.port, "/slow", receive_buffer=4096) as stalled:
        stalled.shake_hands()
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 6
        assert "Traceback" not in server.log


def test_a_worker_that_dies_is_replaced_and_the_others_serve_on(site: Start) -> None:
    with site() as server, ExitStack() as stack:
        victim, survivor = server.workers()
        clients = sockets(stack, server, 30)
        of_survivor = [client for client in clients if who(client) == survivor]
        os.kill(victim, signal.SIGKILL)
        until(lambda: replaced(server, [victim]), what="a new worker comes")
        for client in of_survivor:
            client.send("still there")
            assert client.recv() == "still there"
        newcomer = next(pid for pid in server.workers() if pid != survivor)
        os.kill(survivor, signal.SIGSTOP)
        try:
            assert until(lambda: answering(server), what="the new worker answers") == newcomer
        finally:
            os.kill(survivor, signal.SIGCONT)


def replaced(server: Site, gone: list[int]) -> bool:
    """Two workers again, and none of those."""
    now = server.workers()
    return len(now) == 2 and not set(now) & set(gone)


def who(client: ClientConnection) -> int:
    client.send("who")
    return int(client.recv())


def test_a_killed_parent_takes_its_workers_and_redis_along(site: Start) -> None:
    with site(DRAIN_SPREAD="0") as server, connect(server.ws_url) as client:
        family = server.family()
        assert len(server.workers()) == 2
        server.kill()
        until(lambda: not alive(family), what="all processes end")
        assert farewell(client)[1] == 1012


def test_sighup_replaces_every_worker_and_no_request_fails(site: Start) -> None:
    with site(DRAIN_SPREAD="0.5") as server:
        before, failures, asked, done = server.workers(), [], 0, threading.Event()

        def ask() -> None:
            nonlocal asked
            while not done.is_set():
                try:
                    httpx.get(server.url, timeout=10)
                except httpx.HTTPError as error:
                    failures.append(error)
                asked += 1

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            os.kill(server.pid, signal.SIGHUP)
            until(lambda: replaced(server, before), what="both are replaced")
        finally:
            done.set()
            asking.join()
        assert asked >= 5
        assert failures == []


def test_a_restart_that_cannot_succeed_leaves_the_old_workers_in_place(site: Start, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    with site(BROKEN=str(broken)) as server:
        before = server.workers()
        broken.touch()
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: "did not start: the others stay as they are" in server.log, what="it says so")
        assert server.workers() == before
        assert answering(server) in before


def test_workers_can_be_added_and_taken_away(site: Start) -> None:
    with site(workers=1) as server:
        os.kill(server.pid, signal.SIGTTIN)
        until(lambda: len(server.workers()) == 2, what="a second one comes")
        os.kill(server.pid, signal.SIGTTOU)
        until(lambda: len(server.workers()) == 1, what="it goes again")


def test_a_worker_that_answers_no_more_is_killed_and_replaced(tmp_path: Path) -> None:
    with Site("-c", IMPATIENT, log=tmp_path / "log", env=BARE) as server:
        [frozen] = server.workers()
        os.kill(frozen, signal.SIGSTOP)
        until(lambda: server.workers() and frozen not in server.workers(), what="it is replaced")
        assert answering(server) != frozen
        assert f"Worker {frozen} does not answer and is killed" in server.log


def test_a_closed_terminal_window_ends_it(site: Start, tmp_path: Path) -> None:
    described = site(workers=1, DRAIN_SPREAD="0")
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, *described.command], cwd=CHECKOUT, env=described.env, stdin=its_end, stdout=its_end, stderr=its_end
    )
    os.close(its_end)
    said = b""
    while b"answers at" not in said:
        said += os.read(terminal, 65536)
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    os.close(terminal)
    until(lambda: not alive(family), what="all processes end")
    process.wait()


def test_one_ctrl_c_drains_and_a_second_one_does_not_wait(site: Start) -> None:
    with site(DRAIN_SPREAD="15") as server, connect(server.ws_url) as client:
        client.send("ready")
        client.recv()
        family = server.family()
        # A terminal sends it to the whole group, and one worker here is too frozen to notice.
        os.kill(server.workers()[0], signal.SIGSTOP)
        os.killpg(server.pid, signal.SIGINT)
        until(lambda: "Received SIGINT" in server.log, what="the first is noticed")
        began = time.monotonic()
        os.killpg(server.pid, signal.SIGINT)
        server.process.wait(10)
        until(lambda: not alive(family), what="all processes end")
        assert time.monotonic() - began < 5
        assert "Traceback" not in server.log


def test_a_taken_port_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = manage("serve", "--port", str(port), env={**BARE, "VAR_DIR": str(tmp_path)})
    assert ended.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_an_address_of_another_machine_is_a_sentence(tmp_path: Path) -> None:
    ended = manage("serve", "--host", "192.0.2.1", "--port", "0", env={**BARE, "VAR_DIR": str(tmp_path)})
    assert ended.returncode == 1
    assert "Cannot listen on port 0 of 192.0.2.1" in ended.stdout


def test_missing_migrations_are_said(site: Start) -> None:
    with site(workers=1) as server:
        assert re.search(r"\d+ migrations are missing, from .+ on: run `python manage.py migrate`", server.log)


def test_an_application_that_cannot_be_loaded_ends_it(tmp_path: Path) -> None:
    ended = manage("serve", "--port", "0", env={"DJANGO_SETTINGS_MODULE": "tests.servers.unable", "DATABASE_URL": "", "VAR_DIR": str(tmp_path)})
    assert ended.returncode == 1
    assert "The workers could not start" in ended.stdout


def test_a_redis_that_was_given_is_used_and_left_running(site: Start) -> None:
    with site(REDIS_URL="unix:///nowhere/at/all.sock") as server:
        assert not any(process.name() == "redis-server" for process in server.family())


def test_the_parent_of_runserver_keeps_the_redis_over_a_reload(tmp_path: Path) -> None:
    with runserver(log=tmp_path / "log", env={**BARE, "VAR_DIR": str(tmp_path / "var")}) as server:
        [redis] = [process for process in server.family() if process.name() == "redis-server"]
        assert redis.ppid() == server.pid
        [serving_child] = [child for child in psutil.Process(server.pid).children() if "runserver" in child.cmdline()]
        assert answering(server) == serving_child.pid
        family = server.family()
    assert not alive(family)


def manage(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` to its end, which has to come by itself."""
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=CHECKOUT,
        env={name: value for name, value in {**os.environ, **env}.items() if value},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
