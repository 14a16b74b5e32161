"""A server that is measured: started on its core, looked after, and put away with all its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from bench.machine import SERVER_CORE, on_core, spent

CHECKOUT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")  # nothing else of the caller's surroundings changes a row


class DidNotStart(Exception):
    """The text is its log."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process and its children, on the server's core, listening on `port` inside a `with` block."""

    def __init__(self, command: Sequence[str], *, port: int, log: Path, env: Mapping[str, str]) -> None:
        self.command = list(command)
        self.port = port
        self.log = log
        self.env = {**{name: os.environ[name] for name in KEPT if name in os.environ}, "PYTHONUNBUFFERED": "1", **env}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as output, on_core(SERVER_CORE):
            self._process = subprocess.Popen(
                self.command, cwd=CHECKOUT, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        try:
            self._wait_until_it_listens(self._process)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._kill()

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise DidNotStart(f"{' '.join(self.command)}\n{self.log.read_text(errors='replace')[-4000:]}")

    def _kill(self) -> None:
        # Without a drain: the sockets are the generator's, and it has what it wanted.
        if self._process is not None and self._process.poll() is None:
            family = self.family()
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for process in family:
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    pass
            deadline = time.monotonic() + 10
            while not all(map(_ended, family)) and time.monotonic() < deadline:
                time.sleep(0.01)

    def family(self) -> list[psutil.Process]:
        """The process and its children."""
        assert self._process is not None, "it was not started"
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.family()]

    def memory(self) -> int:
        """Bytes that would be free without it: its own pages, those that it shares with others not counted."""
        return sum(process.memory_full_info().uss for process in self.family())

    def settled_memory(self) -> int:
        """The same, once it has stopped changing."""
        last = self.memory()
        for _ in range(50):
            self.rest()
            now = self.memory()
            if abs(now - last) < 128 * 1024:
                break
            last = now
        return now

    def rest(self) -> None:
        """Wait until it has nothing more to do, a few seconds at most."""
        family = self.family()
        for _ in range(30):
            before = sum(map(spent, family))
            time.sleep(0.2)
            if sum(map(spent, family)) - before <= 0.01:
                return


def _ended(process: psutil.Process) -> bool:
    """Whether it runs no more; nobody may have asked yet how it ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
