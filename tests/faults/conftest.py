"""The towns. They end with the tests of this folder: their keepers see the same database and another Redis, where nobody else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.ordeal import HEAD
from tests.faults.town import REPLAY_LIMIT, Town, town
from tests.servers.fleet import Servers


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a line of the table of ordeals, and append it to the file that `--fault-report` names."""
    file = request.config.getoption("--fault-report")

    def report(line: str) -> None:
        print(f"\n{HEAD}\n{line}")
        if file:
            path = Path(file)
            begin = "" if path.exists() else f"{HEAD}\n{'|---' * (HEAD.count('|') - 1)}|\n"
            with path.open("a") as output:
                output.write(f"{begin}{line}\n")

    return report


@pytest.fixture(scope="session")
def proxied(request: pytest.FixtureRequest) -> bool:
    """Whether `--through-nginx` puts nginx before all towns."""
    return bool(request.config.getoption("--through-nginx"))


@pytest.fixture(scope="package")
def plain_town(servers: Servers, tmp_path_factory: pytest.TempPathFactory, report: Callable[[str], None], proxied: bool) -> Iterator[Town]:
    """A town on this session's database, with heartbeats as rare as in production: they hide nothing."""
    with town(servers.serve, folder=tmp_path_factory.mktemp("town"), report=report, proxied=proxied) as built:
        yield built


@pytest.fixture(scope="package")
def leaky_town(servers: Servers, tmp_path_factory: pytest.TempPathFactory, report: Callable[[str], None], proxied: bool) -> Iterator[Town]:
    """One whose Redis is behind a proxy that loses messages, and where what takes time takes little: the last message lost waits for a heartbeat."""
    # TLS makes it longer until all are connected, for which time one worker stands still: its people must not count as silent.
    env = {
        "WS_HEARTBEAT_INTERVAL": "8" if proxied else "2",
        "WS_REPLAY_LIMIT": str(REPLAY_LIMIT),
        "KEEPER_INTERVAL": "0.1",
        "TOKEN_WARNING": "1",
        "RATE_NOTIFY": "0/m",
    }
    with town(servers.serve, folder=tmp_path_factory.mktemp("leaky"), report=report, leaky=True, proxied=proxied, env=env) as built:
        yield built
