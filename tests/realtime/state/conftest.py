"""state.js in Node: what a page's state is after these steps."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

NODE = Path(__file__).resolve().parents[2] / "node"
NOW = 1_000_000
"""When frames come, if nothing else is said (ms)."""

Step = list[Any]
Walk = Callable[[Sequence["Program"]], list[dict[str, Any]]]


@dataclass
class Program:
    """What a page does: it starts with a snapshot, and takes one step after the other. `server` and `token` are for the steps that ask REST."""

    kind: str
    start: Any
    steps: list[Step] = field(default_factory=list)
    server: str = ""
    token: str = ""


def frame(told: dict[str, Any], now: int = NOW) -> Step:
    return ["frame", told, now]


@pytest.fixture(scope="session")
def walk() -> Walk:
    """`walk(programs)`: what came of each, `state` and `same`."""
    node = shutil.which("node")
    assert node, "These tests need Node 18 or newer: Debian: apt install nodejs npm"

    def walk(programs: Sequence[Program]) -> list[dict[str, Any]]:
        given = json.dumps([asdict(each) for each in programs])
        ended = subprocess.run([node, "state.mjs"], cwd=NODE, input=given, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        outcomes: list[dict[str, Any]] = json.loads(ended.stdout)
        return outcomes

    return walk
