"""Through nginx nothing is lost either: two telling faults of the list that `--through-nginx` goes through as a whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.faults.town import Town, town
from tests.faults.writing import HANDS
from tests.servers.fleet import Servers
from tests.servers.waiting import until

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def proxied_town(servers: Servers, tmp_path_factory: pytest.TempPathFactory, report: Callable[[str], None]) -> Iterator[Town]:
    with town(servers.serve, folder=tmp_path_factory.mktemp("proxied"), report=report, proxied=True) as built:
        yield built


def test_nothing_is_lost_when_nginx_is_reloaded_and_then_a_worker_is_killed(proxied_town: Town) -> None:
    with proxied_town.ordeal("nginx reloaded, then kill -9 a worker") as ordeal:
        assert proxied_town.nginx is not None
        proxied_town.nginx.reload()
        ordeal.write(100)
        assert ordeal.stayed == ordeal.crowd.clients, "sockets stay with the old processes"
        # An old process hangs up idle connections, each once; a call that goes out on one at that moment is not answered.
        refused = ordeal.refused()
        assert refused.pop("rest RemoteProtocolError", 0) <= HANDS
        assert refused == {}
        victim = ordeal.crowd.clients[0].worker
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        ordeal.write(200)
        until(lambda: all(client.worker not in (None, victim) for client in ordeal.crowd.clients), what="all are connected again")
        assert {code for client in ordeal.crowd.clients for code in client.codes} == {1006}
        assert len(ordeal.stayed) == len(proxied_town.people), "those of the other worker"
