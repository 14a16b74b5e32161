"""nginx with its nchan module, from Debian's packages: fetched and unpacked here, not installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

from bench.crowd import Wrong
from bench.load import FIRST, Publisher, frame

HERE = Path(__file__).resolve().parent
UNPACKED = HERE / "node_modules" / ".nginx"  # beside what else is fetched and not kept
BODIES = Path("/var/lib/nginx")  # the module wants its server's default folder to be there, whatever is configured
PACKAGES = ("nginx", "libnginx-mod-nchan")

CONFIGURATION = """
load_module {module};
daemon off;
master_process off;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    {paths}
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    nchan_max_reserved_memory 256M;
    nchan_message_buffer_length 0;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        nchan_channel_id $arg_user;
        location = /listen {{ nchan_subscriber websocket; nchan_websocket_ping_interval 600; nchan_subscriber_first_message newest; }}
        location = /tell {{ nchan_publisher http; }}
        location = / {{ return 200; }}
    }}
}}
"""


def missing() -> str:
    """What this machine lacks, or an empty text. Fetches the packages the first time."""
    if _program() is None:
        return "Debian's package of nginx with nchan is not here and could not be fetched"
    try:
        BODIES.mkdir(exist_ok=True)
    except OSError:
        return f"nchan needs the folder {BODIES}, which can't be made"
    return ""


def command(folder: Path, port: int) -> list[str]:
    """How to start it with one process, below `folder`."""
    program = _program()
    assert program is not None, missing()
    paths = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    written = folder / "nginx.conf"
    written.write_text(CONFIGURATION.format(module=program[1], folder=folder, port=port, paths=paths))
    return [str(program[0]), "-c", str(written), "-e", f"{folder}/nginx-error.log", "-p", str(folder)]


def version() -> str:
    """Of nginx, or an empty text."""
    program = _program()
    if program is None:
        return ""
    said = subprocess.run([str(program[0]), "-v"], capture_output=True, text=True, check=False).stderr
    return said.partition("/")[2].strip()


def template(user: int) -> bytes:
    """The push of number FIRST, as it is published."""
    body = frame(FIRST).encode()
    return b"POST /tell?user=%d HTTP/1.1\r\nHost: x\r\nAccept: text/json\r\nContent-Length: %d\r\n\r\n%b" % (user, len(body), body)


class HttpPublisher(Publisher):
    """The same over one HTTP connection, pipelined; nchan says 201 when somebody listens."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._due = 0
        self._rest = b""

    def read(self) -> None:
        try:
            data = self.sock.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        data = self._rest + data
        answers = data.count(b"HTTP/1.1 ")
        if answers != data.count(b"HTTP/1.1 201 Created\r\n") and not data.endswith(b"HTTP/1.1 201 Created"[: len(data) - data.rfind(b"HTTP/1.1 ")]):
            raise Wrong(f"nchan answers {data[:300]!r}")
        # What may be the beginning of an answer is looked at again with what follows.
        self._rest = b""
        self._due -= answers


def _program() -> tuple[Path, Path] | None:
    """nginx and the module: those installed, else those unpacked here."""
    for root in (Path("/"), UNPACKED):
        found = (root / "usr/sbin/nginx", root / "usr/lib/nginx/modules/ngx_nchan_module.so")
        if all(each.exists() for each in found):
            return found
    if UNPACKED.exists() or not shutil.which("apt-get") or not shutil.which("dpkg"):
        return None
    UNPACKED.mkdir(parents=True)
    fetched = subprocess.run(["apt-get", "download", "-qq", *PACKAGES], cwd=UNPACKED, capture_output=True, check=False, env={**os.environ, "LANG": "C"})
    if fetched.returncode:
        UNPACKED.rmdir()
        return None
    for package in UNPACKED.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, UNPACKED], check=True)
    return _program()
