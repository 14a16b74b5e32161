"""A PostgreSQL that lets only a few in, under many sockets and requests at once: nobody is turned away."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from config.options import Options
from realtime.shares import KNOBS, smaller
from tests.servers.postgres import running_postgres
from tests.servers.raw import REQUEST, frame
from tests.servers.workers import CHECKOUT, serving

CROWD = 120  # each needs its turn within the ten seconds that a request waits, on a machine that is busy
PEOPLE = """
import json
from accounts.models import Role, User
from accounts.tokens import issue
people = User.objects.bulk_create([User(username=f"member-{n}", display_name=f"Member {n}", role=Role.MEMBER) for n in range(%d)])
print(json.dumps([issue(user)[0] for user in people]))
"""
ASKING = "GET /api/v1/notifications HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
TURNED_AWAY = "too many clients", "remaining connection slots"


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that has 20 connections, of which 3 are the superuser's, and a database of a user without privileges."""

    admin: str
    url: str

    @property
    def log(self) -> str:
        return (Path(unquote(urlsplit(self.admin).netloc.rpartition("@")[2])) / "log").read_text(errors="replace")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_postgres("max_connections=20", "superuser_reserved_connections=3") as admin:
        with psycopg.connect(admin, autocommit=True) as server:
            server.execute("CREATE ROLE shop LOGIN")
            server.execute("CREATE DATABASE shop OWNER shop")
        yield Cluster(admin, f"postgresql://shop@{urlsplit(admin).netloc.rpartition('@')[2]}/shop")


@pytest.fixture(scope="module")
def env(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": settings.SECRET_KEY,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": cluster.url,
        "REDIS_URL": "",
        "VAR_DIR": str(tmp_path_factory.mktemp("few")),
        "WS_HEARTBEAT_INTERVAL": "60",  # the crowd's sockets do not answer pings
    }


@pytest.fixture(scope="module")
def tokens(env: dict[str, str]) -> list[str]:
    """One for each of the crowd."""
    manage(env, "migrate", "--verbosity", "0")
    found: list[str] = json.loads(shell(env, PEOPLE % CROWD))
    return found


def manage(env: dict[str, str], *command: str) -> str:
    ours = {**os.environ, **env}
    return subprocess.run([sys.executable, "manage.py", *command], cwd=CHECKOUT, env=ours, check=True, stdout=subprocess.PIPE, text=True).stdout


def shell(env: dict[str, str], program: str) -> str:
    """The last line that a program prints."""
    return manage(env, "shell", "--verbosity", "0", "-c", program).splitlines()[-1]


class Client:
    """One of the crowd, with a socket."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token

    async def connect(self) -> str:
        """Open the socket; what its first frame is."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(REQUEST.format(path=f"/api/v1/ws?token={self.token}", more="").encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        return (await self.hear())["type"] if b" 101 " in head else head.decode()

    async def ping(self) -> str:
        """Whether the socket lives on."""
        self.writer.write(frame(1, b'{"type":"ping"}'))
        while (kind := (await self.hear())["type"]) in ("heartbeat", "user_status"):
            pass
        return str(kind)

    async def hear(self) -> Any:
        while True:
            opcode, size = await self.reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            payload = await self.reader.readexactly(size)
            if opcode & 15 == 1:
                return json.loads(payload)

    async def ask(self) -> str:
        """One request by HTTP; the status line of its answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(ASKING.format(token=self.token).encode())
        answer = await reader.read()
        writer.close()
        return answer.partition(b"\r\n")[0].decode()


async def count(answers: Iterable[Coroutine[Any, Any, str]]) -> Counter[str]:
    return Counter(await asyncio.gather(*answers))


async def test_a_crowd_of_sockets_and_requests_is_served_whole(cluster: Cluster, env: dict[str, str], tokens: list[str], tmp_path: Path) -> None:
    with serving(workers=2, log=tmp_path / "log", env=env) as site:
        crowd = [Client(site.port, token) for token in tokens]
        async with asyncio.timeout(100):
            opened, answered = await asyncio.gather(count(each.connect() for each in crowd), count(each.ask() for each in crowd))
            assert opened == {"connected": CROWD}
            assert answered == {"HTTP/1.1 200 OK": CROWD}
            # And again, beside sockets that are open.
            answered, pinged = await asyncio.gather(count(each.ask() for each in crowd), count(each.ping() for each in crowd))
            assert answered == {"HTTP/1.1 200 OK": CROWD}
            assert pinged == {"pong": CROWD}
        for text in TURNED_AWAY:
            assert text not in cluster.log
            assert text not in site.log
        assert "PostgreSQL allows 17 connections, so each of 2 workers has DATABASE_POOL=5 EXECUTOR_THREADS=2 HTTP_REQUESTS=3." in site.log
        with psycopg.connect(cluster.admin) as server:
            held = server.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop'").fetchone()
            assert held is not None
            assert 4 < held[0] <= 10


def test_more_than_is_allowed_is_left_to_the_operator_who_wants_it(cluster: Cluster, env: dict[str, str], tmp_path: Path) -> None:
    with serving(workers=2, log=tmp_path / "log", env={**env, "DATABASE_POOL": "18"}) as site:
        assert "2 workers with DATABASE_POOL=18 may take 36 connections, but PostgreSQL allows 17." in site.log


def test_what_is_allowed_is_the_least_of_what_the_server_the_database_and_the_user_allow(cluster: Cluster, env: dict[str, str]) -> None:
    asked = "from realtime.shares import allowed; print(allowed())"
    with psycopg.connect(cluster.admin, autocommit=True) as server:
        assert shell(env, asked) == "17"
        server.execute("ALTER ROLE shop CONNECTION LIMIT 9")
        assert shell(env, asked) == "9"
        server.execute("ALTER DATABASE shop CONNECTION LIMIT 8")
        assert shell(env, asked) == "8"
        server.execute("ALTER ROLE shop CONNECTION LIMIT -1")
        server.execute("ALTER DATABASE shop CONNECTION LIMIT -1")
    assert shell({**env, "DATABASE_URL": ""}, asked) == "None"


# How a worker's share is counted


@pytest.mark.parametrize(
    ("workers", "allowed", "pool", "threads", "requests"),
    [
        (2, 97, None, None, None),
        (1, 40, None, None, None),
        (4, 97, 19, 8, 10),
        (2, 17, 5, 2, 3),
        (8, 97, 10, 4, 6),
        (1, 17, 8, 3, 5),
        (16, 20, 2, 1, 1),
    ],
)
def test_workers_share_what_is_allowed_and_leave_a_share(workers: int, allowed: int, pool: int | None, threads: int, requests: int) -> None:
    wanted = {} if pool is None else {"DATABASE_POOL": str(pool), "EXECUTOR_THREADS": str(threads), "HTTP_REQUESTS": str(requests)}
    assert smaller(Options(), workers=workers, allowed=allowed) == wanted


@given(st.integers(1, 64), st.integers(1, 2000), st.integers(1, 100), st.integers(1, 500), st.integers(0, 400))
def test_a_share_is_one_with_which_a_worker_starts(workers: int, allowed: int, threads: int, requests: int, more: int) -> None:
    ours = Options(database_pool=threads + requests + more, executor_threads=threads, http_requests=requests)
    theirs = {name.lower(): int(value) for name, value in smaller(ours, workers=workers, allowed=allowed).items()}
    fitted = replace(ours, **theirs)
    Options.from_env({"DEBUG": "1", "DATABASE_URL": "postgres://db/shop", **{name: str(getattr(fitted, name.lower())) for name in KNOBS}})
    assert fitted.database_pool * (workers + 1) <= max(allowed, 2 * (workers + 1))
    assert fitted.executor_threads <= threads
    assert fitted.http_requests <= requests
