"""A database of a test's own, backed up and restored by the commands that docs/data.md has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.servers.postgres import programs
from tests.servers.workers import CHECKOUT, database_url

BACKUP: Final = {
    "postgresql": 'pg_dump --format=custom --file=switchboard.backup "$DATABASE_URL"',
    "sqlite": """python -c "import sqlite3; sqlite3.connect('var/switchboard.sqlite3').execute('VACUUM INTO ?', ['switchboard.backup'])\"""",
}
RESTORE: Final = {
    "postgresql": 'pg_restore --clean --if-exists --no-owner --single-transaction --dbname="$DATABASE_URL" switchboard.backup',
    "sqlite": """python -c "import sqlite3; sqlite3.connect('switchboard.backup').backup(sqlite3.connect('var/switchboard.sqlite3'))\"""",
}


class OwnDatabase:
    """A database with what the session's has when it is made; `url` is its DATABASE_URL."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self._folder = folder

    def back_up(self) -> None:
        """Keep what there is now."""
        (self._folder / "switchboard.backup").unlink(missing_ok=True)
        run(BACKUP[connection.vendor], self._folder, self.url)

    def restore(self) -> None:
        """Bring back what was kept, whoever uses it meanwhile."""
        run(RESTORE[connection.vendor], self._folder, self.url)


@contextmanager
def own_database(folder: Path) -> Iterator[OwnDatabase]:
    """One that is gone after the block."""
    (folder / "var").mkdir()
    with _made(connection, folder) as url:
        yield OwnDatabase(folder, url)


@contextmanager
def _made(session: BaseDatabaseWrapper, folder: Path) -> Iterator[str]:
    ours = database_url(session.settings_dict)
    if session.vendor == "sqlite":
        with session.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(folder / "var" / "switchboard.sqlite3")])
        yield f"sqlite:///{folder / 'var' / 'switchboard.sqlite3'}"
        return
    name = f"own_{os.getpid()}_{folder.name}".replace("-", "_").lower()
    url = f"{ours.rpartition('/')[0]}/{name}"
    with psycopg.connect(ours, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        try:
            run(BACKUP["postgresql"], folder, ours)
            run(RESTORE["postgresql"], folder, url)
            yield url
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


def run(command: str, folder: Path, url: str, env: Mapping[str, str] | None = None) -> str:
    """What a shell says to a command in that folder; AssertionError with what it says if it fails."""
    paths = [str(Path(sys.executable).parent), *([str(programs())] if connection.vendor == "postgresql" else []), os.environ["PATH"]]
    ours = {**os.environ, "PATH": os.pathsep.join(paths), "PYTHONPATH": str(CHECKOUT), **(env or {}), "DATABASE_URL": url}
    ended = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=ours, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout
