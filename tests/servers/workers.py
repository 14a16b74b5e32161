"""Our own servers as real processes: `manage.py serve` and `manage.py runserver`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from django.conf import settings
from django.db import connection

from tests import discretion
from tests.servers.waiting import until

CHECKOUT = Path(__file__).resolve().parents[2]
DRAIN_LIMIT = 25.0
# A test session that is killed takes its servers along, where the system can do that.
BOUND = ["setpriv", "--pdeathsig=TERM"] if shutil.which("setpriv") else []


class Site:
    """A server process and its children, listening on a free port inside a `with` block.

    `command` is what follows `python`; `env` comes on top of this process's own environment, an
    empty value removing the variable. The log of all its processes is the file `log`.
    """

    def __init__(self, *command: str, log: Path, env: Mapping[str, str] | None = None) -> None:
        self.command = command
        self.log_file = log
        merged = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self.env = {name: value for name, value in merged.items() if value}
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything its processes have written so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        """Start it, and wait until it accepts connections on `port`."""
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                [*BOUND, sys.executable, *self.command],
                cwd=CHECKOUT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: self._process is not None and (self._listening() or self._process.poll() is not None), what=f"{self.command[:2]} starts", seconds=60)
        if self._process.poll() is not None:
            raise AssertionError(f"{self.command} ended with {self._process.returncode}:\n{self.log}")

    def _listening(self) -> bool:
        found = re.search(r"(?:answers at http://|Listening on TCP address |running on http://)[\d.]+:(\d+)", self.log)
        self.port = int(found[1]) if found else 0
        return self.port > 0

    def workers(self) -> list[int]:
        """The process ids of its workers, oldest first."""
        children = psutil.Process(self.pid).children(recursive=True)
        serving = [child for child in children if any("spawn_main" in word or "runserver" in word for word in _words(child))]
        return [child.pid for child in sorted(serving, key=lambda child: child.create_time())]

    def stop(self) -> int:
        """SIGTERM, and wait for the drain; its exit code. Nothing happens if it has ended."""
        if self.process.poll() is None:
            family = self.family()
            self.process.terminate()
            self.process.wait(DRAIN_LIMIT)
            until(lambda: not alive(family), what="its processes end")
        return self.process.returncode

    def kill(self) -> None:
        """Kill the parent as a crash would, and wait until nothing of it is left."""
        family = self.family()
        self.process.kill()
        self.process.wait()
        until(lambda: not alive(family), what="its processes end after it", seconds=DRAIN_LIMIT)

    def family(self) -> list[psutil.Process]:
        """The process and all that it has started."""
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is None:
            return
        family = self.family()
        try:
            self.stop()
        finally:
            for process in alive(family):
                process.send_signal(signal.SIGKILL)
            discretion.everywhere.overhear(f"the log of {' '.join(self.command[:2])}", self.log.splitlines())


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that waits to be reaped does not."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def serving(*, log: Path, workers: int = 2, port: int = 0, env: Mapping[str, str] | None = None) -> Site:
    """`manage.py serve` with that many workers, on that port or a free one."""
    return Site("manage.py", "serve", "--port", str(port), "--workers", str(workers), log=log, env=env)


def runserver(*arguments: str, log: Path, env: Mapping[str, str] | None = None) -> Site:
    """`manage.py runserver` (Daphne) on a free port."""
    # Daphne resets a handshake that takes five seconds, which on a machine that runs all tests at once may happen to any.
    return Site("manage.py", "runserver", "127.0.0.1:0", "--websocket_handshake_timeout", "60", *arguments, log=log, env=env)


def surroundings() -> dict[str, str]:
    """The environment in which a server shares this test session's database, Redis and secret."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url(connection.settings_dict),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "VAR_DIR": settings.SWITCHBOARD.var_dir,
    }


def database_url(database: Mapping[str, Any]) -> str:
    """Django's settings of one database as the DATABASE_URL that makes them."""
    if database["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{database['NAME']}"
    person = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    host = database["HOST"].replace("/", "%2F") + (f":{database['PORT']}" if database["PORT"] else "")
    return f"postgresql://{person}@{host}/{database['NAME']}"


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
