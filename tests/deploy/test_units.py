"""The systemd units, as far as one can tell without a systemd that runs: its own linters read them, and their commands are run by hand."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.core.management import get_commands

from config.options import Options
from realtime.supervisor import DRAIN_LIMIT
from tests.servers.workers import CHECKOUT

UNITS = CHECKOUT / "deploy" / "systemd"
SERVICES = ["switchboard.service", "switchboard-prune.service"]
EXPOSED = 20
"""The most that `systemd-analyze security` may find, in tenths; a unit that says nothing has 96."""


def commands(unit: Path) -> Iterator[tuple[str, list[str]]]:
    """Each line of a service that starts something: its name, and the words."""
    for line in unit.read_text().splitlines():
        if found := re.match(r"(Exec\w+)=(.*)", line):
            yield found[1], found[2].split()


def environment(file: Path) -> Mapping[str, str]:
    """What an EnvironmentFile sets."""
    pairs = (line.partition("=") for line in file.read_text().splitlines() if line.strip() and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


@pytest.fixture
def installed(tmp_path: Path) -> list[Path]:
    """The units as on a machine on which the project lies here: the linter wants to find what they start."""
    assert shutil.which("systemd-analyze"), "The tests need systemd-analyze. Debian: apt install systemd."
    made = []
    for unit in sorted(UNITS.glob("switchboard*.[st]*")):
        made.append(tmp_path / unit.name)
        made[-1].write_text(unit.read_text().replace("/opt/switchboard", str(CHECKOUT)))
    assert len(made) == 3
    return made


def test_systemd_understands_every_line(installed: list[Path]) -> None:
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", *installed], capture_output=True, text=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_do_little_beside_what_it_is_for(service: str) -> None:
    judge = ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={EXPOSED}", str(UNITS / service)]
    said = subprocess.run(judge, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout[-200:] + said.stderr


def test_the_services_start_what_is_there() -> None:
    for service in SERVICES:
        for name, words in commands(UNITS / service):
            if words[0] == "/bin/kill":
                continue
            assert words[:2] == ["/opt/switchboard/.venv/bin/python", "manage.py"], (service, name)
            assert words[2] in get_commands(), (service, name)


def test_it_is_stopped_as_its_drain_wants_it() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / "switchboard.service")
    service = unit["Service"]
    assert (service["KillMode"], service["KillSignal"]) == ("mixed", "SIGTERM"), "to the parent alone"
    assert int(service["TimeoutStopSec"]) > DRAIN_LIMIT


@pytest.mark.parametrize("file", ["systemd/switchboard.env", "docker/switchboard.env.example"])
def test_the_example_of_an_environment_lacks_nothing_but_a_secret(file: str) -> None:
    env = dict(environment(CHECKOUT / "deploy" / file))
    assert set(env) <= {name.upper() for name in Options.__dataclass_fields__}
    assert env["SECRET_KEY"] == "", "a secret that everybody knows is worse than none"
    Options.from_env({**env, "SECRET_KEY": "x" * 48})
