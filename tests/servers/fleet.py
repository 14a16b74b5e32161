"""Servers on the ground that a test session stands on, and what their logs must not hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.discretion import CREDENTIAL
from tests.servers.workers import Site, runserver, serving, surroundings

# What may stand in no server's log.
TRACEBACK = re.compile(r"Traceback \(most recent call last\)|Task exception was never retrieved|was never awaited")


class Servers:
    """Starts servers on this session's database and Redis, and looks through their logs when they have ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def serve(self, *, workers: int = 1, port: int = 0, env: Mapping[str, str] | None = None) -> Site:
        """A `manage.py serve` to be used in a `with` block, on that port or a free one; `env` are options that differ."""
        return serving(log=self._log("serve"), workers=workers, port=port, env=self._env(env))

    def runserver(self, *, env: Mapping[str, str] | None = None) -> Site:
        """A `manage.py runserver` (Daphne) without autoreload."""
        return runserver("--noreload", log=self._log("daphne"), env=self._env(env))

    def run(self, *command: str, env: Mapping[str, str]) -> Site:
        """Another server that says where it listens, such as a shop that has our apps: `command` is what follows `python`."""
        return Site(*command, log=self._log("other"), env=self._env(env))

    def _env(self, env: Mapping[str, str] | None) -> dict[str, str]:
        # All tests come from one address. What the browser's tests allow themselves is not for servers.
        return {**surroundings(), "RATE_HANDSHAKE": "0/m", "DJANGO_ALLOW_ASYNC_UNSAFE": "", **(env or {})}

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}-{len(list(self._folder.iterdir()))}.log"


def complaints(log: str) -> list[str]:
    """What a server's log must not hold, with some lines around it."""
    lines = log.splitlines()
    bad = [number for number, line in enumerate(lines) if TRACEBACK.search(line) or CREDENTIAL.search(line)]
    return ["\n".join(lines[max(0, number - 2) : number + 30]) for number in bad]
