"""A hundred notifications a second for hours, while people come and go: nothing is lost, and nothing becomes more."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.models import User
from tests import cast
from tests.faults.ordeal import HEAD, Ordeal
from tests.faults.town import town
from tests.servers.fleet import Servers
from tests.soak.churn import Churn
from tests.soak.gauges import Gauges

RATE = 100
LOOKS = 120
"""Samples that are taken, evenly."""
SHORT = 16.0
"""Seconds of the short form: it shows that the instruments work, and a leak of one thing for each push or visit."""


@pytest.mark.timeout(0)
def test_nothing_is_lost_and_nothing_grows_while_people_come_and_go(
    servers: Servers, token: Callable[[User], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    minutes = request.config.getoption("--soak-minutes")
    seconds = 60 * minutes if minutes else SHORT
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    env = {"PYTHONPATH": str(Path(__file__).with_name("inside")), "TASKS_FOLDER": str(tasks)}
    members, customers = [[token(each) for each in (make(f"visitor{number}") for number in range(30))] for make in (cast.member, cast.customer)]
    lines: list[str] = []
    with town(servers.serve, folder=tmp_path, report=lines.append, env=env, rate=RATE) as built:
        gauges = Gauges(built, tasks=tasks)
        with built.ordeal(f"{seconds / 60:.1f} minutes") as ordeal:
            churn = Churn(built.site, ordeal.crowd, members=members, customers=customers)
            with ordeal.crowd.background(churn.run()):
                _watch(gauges, ordeal, seconds)
    summary = f"{churn.cut} lines cut, {churn.visits} visits\n{HEAD}\n{lines[0]}\n{gauges.table()}"
    print(f"\n{summary}")
    if minutes:
        Path(request.config.getoption("--soak-report")).write_text(summary + "\n")
    assert churn.cut
    assert churn.visits
    # Two hours of a leak of one object of 100 bytes for each push would be 70 MiB for each worker.
    assert not gauges.grown(memory=4 if minutes > 30 else 12, count=6 if minutes > 30 else 150), gauges.table()


def _watch(gauges: Gauges, ordeal: Ordeal, seconds: float) -> None:
    began = time.monotonic()
    for look in range(1, LOOKS + 1):
        ordeal.last(max(0.0, began + look * seconds / LOOKS - time.monotonic()))
        gauges.look()
        assert not ordeal.crowd.failures()
