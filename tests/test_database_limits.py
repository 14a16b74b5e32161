"""Nothing waits for PostgreSQL for ever except who has to, and nobody takes all its connections."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from django.conf import settings

from tests.servers.postgres import empty_database, running_postgres
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site, serving
from tests.sockets import connect


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a PostgreSQL."""
    with running_postgres() as url:
        yield url


@pytest.fixture
def postgres(cluster: str) -> Iterator[str]:
    with empty_database(cluster) as url:
        yield url


def surroundings(url: str) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": settings.SECRET_KEY, "DATABASE_URL": url}


@dataclass(frozen=True)
class Shop:
    """One worker that has three connections to its database, one of them for sockets; and mia."""

    site: Site
    database: str
    token: str

    def ask(self) -> int:
        """The status of one request."""
        return httpx.get(f"{self.site.url}/api/v1/notifications", headers={"Authorization": f"Bearer {self.token}"}, timeout=30).status_code

    def impatient(self, *, receive_buffer: int = 0) -> socket.socket:
        """A connection on which all notifications were asked for and nothing is read."""
        line = socket.socket()
        if receive_buffer:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        line.connect(("127.0.0.1", self.site.port))
        line.sendall(f"GET /api/v1/notifications?limit=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode())
        return line


@pytest.fixture(scope="module")
def shop(cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    narrow = {"DATABASE_POOL": "3", "EXECUTOR_THREADS": "1", "HTTP_REQUESTS": "2", "WS_HEARTBEAT_INTERVAL": "0.5", "VAR_DIR": str(folder)}
    with empty_database(cluster) as url:
        for command in (["migrate", "--verbosity", "0"], ["createdemo", "--force"]):
            assert python("manage.py", *command, url=url).wait(100) == 0
        with serving(workers=1, log=folder / "log", env={**surroundings(url), **narrow}) as site:
            login = httpx.post(f"{site.url}/api/v1/public/login", json={"username": "mia", "password": "password123"}, timeout=30)
            yield Shop(site, url, login.json()["token"])


def python(*command: str, url: str, **env: str) -> subprocess.Popen[str]:
    """A Python process of this checkout with that database."""
    return subprocess.Popen(
        [sys.executable, *command], cwd=CHECKOUT, env={**os.environ, **surroundings(url), **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def connecting(url: str) -> dict[str, Any]:
    """The options with which that database is connected to."""
    output, _ = python("-c", "import json; from config.settings import DATABASES; print(json.dumps(DATABASES['default']['OPTIONS']))", url=url).communicate(
        timeout=60
    )
    found: dict[str, Any] = json.loads(output)
    return found


def waiting(watcher: psycopg.Connection, *, seconds: float = 0) -> int:
    """How many statements have been waiting for a lock for longer than that."""
    found = watcher.execute(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND datname = current_database() AND now() - query_start > make_interval(secs => %s)
        """,
        [seconds],
    ).fetchone()
    assert found is not None
    return int(found[0])


def test_a_server_that_vanishes_is_given_up() -> None:
    options = connecting("postgres://app@db/shop")
    assert 2 <= options["connect_timeout"] <= 10
    assert 1_000 <= options["tcp_user_timeout"] <= 30_000, "which is in milliseconds"
    assert options["keepalives_idle"] + options["keepalives_interval"] <= 30
    assert options["options"] == "-c statement_timeout=30000"


def test_what_the_address_itself_says_goes_before_ours() -> None:
    options = connecting("postgres://app@db/shop?connect_timeout=3&sslmode=require&options=-c%20search_path%3Dours")
    assert (options["connect_timeout"], options["sslmode"]) == (3, "require")
    assert options["options"] == "-c statement_timeout=30000 -c search_path=ours"


def test_a_statement_that_takes_too_long_is_broken_off(postgres: str) -> None:
    asking = python(
        "manage.py", "shell", "-c", "from django.db import connection as c; c.cursor().execute('SELECT pg_sleep(600)')", url=postgres, DATABASE_TIMEOUT="0.3"
    )
    output, _ = asking.communicate(timeout=60)
    assert "canceling statement due to statement timeout" in output


def test_a_migration_takes_the_time_it_needs(postgres: str) -> None:
    with psycopg.connect(postgres) as holder, psycopg.connect(postgres, autocommit=True) as watcher:
        watcher.execute("CREATE TABLE django_migrations (id bigint GENERATED BY DEFAULT AS IDENTITY, app text, name text, applied timestamptz)")
        holder.execute("LOCK TABLE django_migrations")
        migrating = python("manage.py", "migrate", "--verbosity", "0", url=postgres, DATABASE_TIMEOUT="0.3")
        until(lambda: migrating.poll() is not None or waiting(watcher, seconds=1) == 1, what="it waits longer than a statement may take")
        holder.rollback()
        output, _ = migrating.communicate(timeout=100)
        assert (migrating.returncode, output) == (0, "")


def test_requests_that_hang_leave_the_sockets_their_connections(shop: Shop) -> None:
    with psycopg.connect(shop.database) as holder, psycopg.connect(shop.database, autocommit=True) as watcher, ThreadPoolExecutor(20) as pool:
        holder.execute("LOCK TABLE notifications_notification")
        for _ in range(5):
            shop.impatient().close()
        asked = [pool.submit(shop.ask) for _ in range(20)]
        until(lambda: waiting(watcher) >= 2, what="they hang")
        with connect(shop.site.ws_url + "/api/ws/notifications", token=shop.token) as bell:
            bell.until("connected", seconds=5)
            bell.take(2, "heartbeat", seconds=5)
        assert httpx.get(f"{shop.site.url}/health/live", timeout=5).status_code == 200
        assert waiting(watcher) == 2, "of those who hung up as of those who wait"
        holder.rollback()
        assert {each.result() for each in asked} == {200}


def test_who_reads_an_answer_slowly_keeps_no_connection_and_no_place(shop: Shop) -> None:
    with psycopg.connect(shop.database, autocommit=True) as writer, ExitStack() as lines:
        writer.execute(
            """
            INSERT INTO notifications_notification (user_id, type, title, message, link, data, source, status, created_at)
            SELECT id, 'mention', 'Long', repeat('x', 4000), '', '{}', '', 'unread', now() FROM accounts_user, generate_series(1, 1000) WHERE username = 'mia'
            """
        )
        for _ in range(5):
            line = lines.enter_context(shop.impatient(receive_buffer=4096))
            assert line.recv(12) == b"HTTP/1.1 200"
        assert shop.ask() == 200
