"""The Dockerfile and the compose file, as far as one can tell without an engine: their linters read them, and what they name is there."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site

DOCKER = CHECKOUT / "deploy" / "docker"
PROGRAMS = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())


def lint(*command: str | Path) -> None:
    said = subprocess.run([PROGRAMS / command[0], *command[1:]], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    lint("hadolint", "--no-color", DOCKER / "Dockerfile")


def test_the_compose_file_is_one() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml")


def test_what_the_image_is_made_of_is_there_and_is_not_left_out() -> None:
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE) for word in line.split()]
    let_in = [line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    assert set(copied) == set(let_in)
    assert [path for path in copied if not (CHECKOUT / path).exists()] == []
    assert "tests" not in copied


def test_the_image_runs_as_nobody_of_importance_from_fixed_versions() -> None:
    said = (DOCKER / "Dockerfile").read_text()
    assert re.findall(r"^USER (\d+)$", said, re.MULTILINE) == ["10001"]
    images = [*re.findall(r"^FROM (\S+)", said, re.MULTILINE), *(service["image"] for service in COMPOSE["services"].values() if "build" not in service)]
    assert [image for image in images if not re.search(r":\d+\.\d+(\.\d+)?-", image)] == []


def test_only_nginx_can_be_reached_from_outside() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["nginx"]


def test_the_files_that_are_mounted_are_there_and_those_with_secrets_are_not_in_git() -> None:
    mounted = [volume.partition(":")[0] for service in COMPOSE["services"].values() for volume in service.get("volumes", []) if volume.startswith(".")]
    assert mounted
    secret = {"./tls", *(service["env_file"] for service in COMPOSE["services"].values() if "env_file" in service)}
    assert [path for path in mounted if path not in secret and not (DOCKER / path).is_file()] == []
    assert [path for path in secret if path.endswith(".env") and not (DOCKER / f"{path}.example").is_file()] == []
    ignored = (CHECKOUT / ".gitignore").read_text().splitlines()
    hidden = ["deploy/docker/" + path.removeprefix("./") for path in secret]
    assert [path for path in hidden if not any(fnmatch.fnmatch(path, line.rstrip("/")) for line in ignored)] == []


def test_nginx_differs_from_that_of_one_machine_only_in_where_the_workers_are() -> None:
    alone, together = ((CHECKOUT / "deploy" / path).read_text() for path in ("nginx/conf.d/upstream.conf", "docker/upstream.conf"))
    assert lines(together) == lines(alone.replace("127.0.0.1:8000", "switchboard:8000"))


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_the_health_check_tells_a_server_from_none(site: Site) -> None:
    def check(**env: str) -> int:
        said = subprocess.run([sys.executable, DOCKER / "healthcheck.py"], env={**os.environ, **env}, capture_output=True, timeout=60)
        return said.returncode

    until(lambda: check(PORT=str(site.port), ALLOWED_HOSTS=".localhost, elsewhere.example") == 0, what="it is well")
    assert check(PORT="1", ALLOWED_HOSTS="localhost") != 0
