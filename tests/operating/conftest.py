"""An installation as in production."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.production import Production, production


@pytest.fixture(scope="package")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    with production(tmp_path_factory.mktemp("production")) as running:
        yield running
