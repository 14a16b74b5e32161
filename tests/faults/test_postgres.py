"""PostgreSQL comes back, and what it had confirmed is there and told."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.faults.town import Town, town
from tests.servers.fleet import Servers
from tests.servers.private_postgres import PrivatePostgres
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site, serving

pytestmark = [pytest.mark.fault, pytest.mark.long_fault, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    with PrivatePostgres() as running:
        yield running


@pytest.fixture(scope="module")
def postgres_town(
    postgres: PrivatePostgres, servers: Servers, tmp_path_factory: pytest.TempPathFactory, report: Callable[[str], None], proxied: bool
) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("postgres-town")
    env = {"DATABASE_URL": postgres.url, "WS_HEARTBEAT_INTERVAL": "3"}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=CHECKOUT, env=servers.serve(env=env).env, check=True, timeout=100)

    def serve(workers: int, env: Mapping[str, str]) -> Site:
        return serving(workers=workers, log=folder / "log", env=servers.serve(env=env).env)

    with town(serve, folder=folder, report=report, proxied=proxied, env=env) as built:
        yield built
    assert strange_failures((folder / "log").read_text()) == []


def strange_failures(log: str) -> list[str]:
    """The lines of a log whose traceback is not that of a request which met a database that was away."""
    found, last = [], ""
    for line in log.splitlines():
        if re.match(r"\d{4}-\d\d-\d\dT", line):
            last = line
        elif line.startswith("Traceback") and "request_failed" not in last and last not in found:
            found.append(last)
    return found


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_nothing_is_lost_when_postgresql_is(how: str, postgres_town: Town, postgres: PrivatePostgres) -> None:
    with postgres_town.ordeal(f"PostgreSQL {how}") as ordeal:
        ordeal.gone()
        if how == "killed":
            postgres.kill()
        else:
            postgres.stop()
        until(lambda: postgres_town.failing() == ["database"], what="it is degraded")
        postgres.start()
        ordeal.returned()
        until(lambda: postgres_town.failing() == [], what="it is ready again")
        ordeal.write(600)
        assert ordeal.stayed == ordeal.crowd.clients
