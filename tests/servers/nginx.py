"""A real nginx with the files of `deploy/nginx`, in front of a server of ours."""

from __future__ import annotations

import atexit
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from tests.servers.certificates import make_certificate
from tests.servers.redis_hosts import HOST, free_port
from tests.servers.waiting import until
from tests.servers.workers import BOUND, CHECKOUT

FILES: Final = CHECKOUT / "deploy" / "nginx"
NAME: Final = "localhost"


class Nginx:
    """Answers at `url`, in a `with` block, for what listens on the port `upstream` of this machine.

    `changes` are what an operator changes, by the text that stands in the files. Inside `trusted()` this
    process, and those that it starts, believe its certificate.
    """

    def __init__(self, folder: Path, *, upstream: int, changes: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.port = self.plain_port = 0
        self.access_log, self.error_log = folder / "access.log", folder / "error.log"
        self._upstream, self._changes = upstream, dict(changes or {})
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)
        (folder / "tls").mkdir()
        self.certificate, key = _certificate()
        shutil.copy(self.certificate, folder / "tls/fullchain.pem")
        shutil.copy(key, folder / "tls/privkey.pem")

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"wss://{NAME}:{self.port}"

    @property
    def logs(self) -> str:
        """All that it has written so far."""
        return self.access_log.read_text() + self.error_log.read_text()

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """Its certificate is believed inside the block."""
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(self.certificate)
        try:
            yield
        finally:
            os.environ.pop("SSL_CERT_FILE")
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        for _ in range(5):  # a port that was free may be taken by now
            self.port, self.plain_port = free_port(), free_port()
            self._write()
            command = [*BOUND, _program(), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", str(self.error_log), "-g", "daemon off;"]
            with (self.folder / "said").open("wb") as said:
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
            until(lambda: self._accepts() or not self._runs(), what="nginx starts")
            if self._runs():
                return
        raise AssertionError(f"nginx does not start:\n{(self.folder / 'said').read_text()}{self.error_log.read_text()}")

    def reload(self) -> None:
        """Have it read its files anew; its old processes take no more connections when this returns."""
        before = self._serving()
        self.process.send_signal(signal.SIGHUP)
        until(lambda: (now := self._serving()) and not before & now, what="other processes of nginx serve")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def _serving(self) -> set[int]:
        def serves(child: psutil.Process) -> bool:
            try:
                return any("worker process" in word and "shutting down" not in word for word in child.cmdline())
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                return False

        return {child.pid for child in psutil.Process(self.process.pid).children() if serves(child)}

    def _runs(self) -> bool:
        return self.process.poll() is None

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def _write(self) -> None:
        """The files as an operator has them, but for what belongs to the machine: ports, folders and the account."""
        places = {
            "user www-data;": f"user {getpass.getuser()};",
            "pid /run/nginx.pid;": f"pid {self.folder}/nginx.pid;",
            "worker_processes auto;": "worker_processes 2;",
            "/var/log/nginx/": f"{self.folder}/",
            "/var/lib/nginx/": f"{self.folder}/cache-",
            "/etc/nginx/tls/": f"{self.folder}/tls/",
            "http {": "http { " + " ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
            "listen 80;": f"listen {HOST}:{self.plain_port};",
            "listen 443 ": f"listen {HOST}:{self.port} ",
            "switchboard.example": NAME,
            # What the files say is to be done on another port.
            "proxy_set_header Host $host;": "proxy_set_header Host $host:$server_port;",
            "127.0.0.1:8000": f"{HOST}:{self._upstream}",
            **self._changes,
        }
        texts = {file.relative_to(FILES): re.sub(r"listen \[::\]:.*;", "", file.read_text()) for file in FILES.rglob("*.conf")}
        for before, after in places.items():
            assert any(before in text for text in texts.values()), f"no file of deploy/nginx says {before!r}"
            texts = {name: text.replace(before, after) for name, text in texts.items()}
        for name, text in texts.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is None or not self._runs():
            return
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children()]
        self.process.terminate()
        _, left = psutil.wait_procs(family, timeout=10)
        for process in left:
            process.kill()
        self.process.wait()


@cache
def _certificate() -> tuple[Path, Path]:
    """One for all: who trusts several at once, of one name, would not know which is meant."""
    folder = Path(tempfile.mkdtemp(prefix="switchboard-tls-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make_certificate(folder)


def _program() -> str:
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "The tests need nginx. Debian: apt install nginx."
    return found
