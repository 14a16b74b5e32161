"""A machine for the commands of docs/deploy.md: a folder in the place of `/`, with real servers that have other ports.

What root would do to the machine itself is left out or done by functions of the shell, in PREAMBLE. (nginx takes a variable
NGINX for sockets that it inherits.)
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.servers.nginx import _program
from tests.servers.postgres import _debian_programs
from tests.servers.private_postgres import PrivatePostgres
from tests.servers.redis_hosts import free_port
from tests.servers.workers import CHECKOUT

FOLDERS: Final = ("/etc/", "/opt/switchboard", "/usr/local/bin/", "/var/lib/", "/var/log/nginx/", "/run/")
LEFT_OUT: Final = shutil.ignore_patterns(".venv", ".git", "var", "node_modules", "__pycache__", ".*_cache", ".hypothesis", "tests", "bench")

PREAMBLE: Final = r"""
set -euo pipefail
apt-get() { echo "apt-get $*"; }
adduser() { echo "adduser $*"; }
git() { echo "git $*"; }
switchboard-manage() { bash "$ROOT/usr/local/bin/switchboard-manage" "$@"; }
curl() { command curl --noproxy '*' --max-time 60 "$@"; }
nginx() { "$NGINX_PROGRAM" -p "$ROOT/etc/nginx" -c "$ROOT/etc/nginx/nginx.conf" -e "$ROOT/var/log/nginx/error.log" "$@"; }
unit() { sed -n "s/^$1=//p" "$ROOT/etc/systemd/system/switchboard.service"; }
as_the_unit() {
    cd "$(unit WorkingDirectory)"
    while IFS= read -r line; do case $line in '' | '#'*) ;; *) export "$line" ;; esac; done < "$(unit EnvironmentFile)"
    exec $*
}
systemctl() {
    echo "systemctl $*"
    case "$*" in
        "enable --now switchboard.service switchboard-prune.timer")
            (as_the_unit $(unit ExecStartPre))
            as_the_unit $(unit ExecStart) > "$ROOT/serve.log" 2>&1 &
            MAINPID=$! ;;
        "restart nginx") nginx ;;
        "reload switchboard") unit ExecReload | while read -r line; do (as_the_unit ${line/\$MAINPID/$MAINPID}); done
            until grep -q Replacing "$ROOT/serve.log"; do sleep 0.1; done ;;
        "daemon-reload" | "restart redis-server") ;;
        *) echo "an unknown request"; return 1 ;;
    esac
}
end() {
    if [ -s "$ROOT/run/nginx.pid" ]; then nginx -s stop; fi
    if [ -n "${MAINPID:-}" ]; then kill -TERM "$MAINPID"; wait "$MAINPID"; fi
}
trap end EXIT
"""

# A program, for `switchboard-manage` ends as it.
RUNUSER: Final = """#!/bin/sh
while [ "$1" != "--" ]; do shift; done; shift
exec "$@"
"""


class Machine:
    """One in `folder`. `redis` is the address of a Redis that it may have."""

    def __init__(self, folder: Path, *, postgres: PrivatePostgres, redis: str) -> None:
        self.root = folder / "root"
        self.port, self.tls_port = free_port(), free_port()
        self._postgres, self._redis = postgres, redis
        for name in ("etc/nginx/conf.d", "etc/redis", "etc/systemd/system", "usr/local/bin", "var/lib/nginx", "var/lib/switchboard", "var/log/nginx", "run"):
            (self.root / name).mkdir(parents=True)
        (self.root / "stand-in").mkdir()
        (self.root / "stand-in/runuser").write_text(RUNUSER)
        (self.root / "stand-in/runuser").chmod(0o755)
        (self.root / "etc/nginx/nginx.conf").write_text("# Debian's")
        (self.root / "etc/redis/redis.conf").write_text("# Debian's\n")
        self.code = self.root / "opt/switchboard"
        shutil.copytree(CHECKOUT, self.code, ignore=LEFT_OUT)
        (self.code / ".venv").symlink_to(sys.prefix)
        for file in (self.code / "deploy").rglob("*"):
            if file.is_file():
                file.write_text(self._here(file.read_text()))

    @property
    def env(self) -> dict[str, str]:
        """What the shell of its root begins with."""
        programs = _debian_programs() or Path(sys.prefix) / "lib" / "none"
        plain = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TMPDIR"}}
        path = f"{self.root}/stand-in:{programs}:{os.environ['PATH']}:/usr/sbin"
        owner = {"DJANGO_SUPERUSER_PASSWORD": "a-long-passphrase-9", "PGHOST": str(self._postgres.folder), "PGUSER": "postgres"}
        return {**plain, **owner, "PATH": path, "ROOT": str(self.root), "NGINX_PROGRAM": _program()}

    def command(self, text: str) -> str:
        """A block of the document, for this machine."""
        text = text.replace("switchboard-manage createsuperuser", "switchboard-manage createsuperuser --noinput --username admin --email admin@shop.example")
        text = text.replace("127.0.0.1:443", f"127.0.0.1:{self.tls_port}").replace("localhost:8000", f"localhost:{self.port}")
        lines = (line for line in text.splitlines() if "-m venv" not in line and "/bin/pip install" not in line)
        return self._here("\n".join(lines) + "\n")

    def _here(self, text: str) -> str:
        for folder in FOLDERS:
            text = text.replace(folder, f"{self.root}{folder}")
        places = {
            "user www-data;": "user root;" if os.getuid() == 0 else "",
            "http {": "http { " + " ".join(f"{kind}_temp_path {self.root}/run/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen [::]:80;": "",
            "listen 443 ": f"listen 127.0.0.1:{self.tls_port} ",
            "listen [::]:443 ssl http2 default_server;": "",
            "listen [::]:443 ssl http2;": "",
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
            "--port 8000": f"--port {self.port}",
            "127.0.0.1:5432": quote(str(self._postgres.folder), safe=""),
            "redis://127.0.0.1:6379/0": self._redis,
        }
        for before, after in places.items():
            text = text.replace(before, after)
        return text
