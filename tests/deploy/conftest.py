"""A server behind nginx with the files of `deploy/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.servers.fleet import Servers
from tests.servers.nginx import Nginx
from tests.servers.workers import Site

BEHIND_A_PROXY = {"TRUSTED_PROXIES": "127.0.0.1", "WS_HEARTBEAT_INTERVAL": "1", "DRAIN_SPREAD": "1"}


@pytest.fixture(scope="package")
def site(servers: Servers) -> Iterator[Site]:
    """Two workers that believe what the proxy says."""
    with servers.serve(workers=2, env=BEHIND_A_PROXY) as running:
        yield running


@pytest.fixture(scope="package")
def nginx(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """nginx before them, whose certificate is believed."""
    with Nginx(tmp_path_factory.mktemp("nginx") / "etc", upstream=site.port) as running, running.trusted():
        yield running


@pytest.fixture
def in_front(tmp_path: Path) -> Iterator[Callable[..., AbstractContextManager[Nginx]]]:
    """`in_front(port, changes)`: an nginx of this test's own before that port; to be used in a `with` block."""
    return lambda port, changes=None: Nginx(tmp_path / "etc", upstream=port, changes=changes)
