"""The bench still runs: a moment of it, whose figures mean nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.crowd import Wrong, split
from tests.servers.workers import CHECKOUT

FIGURES = {"each", "each per core", "each server", "each generator", "p50", "p99", "group", "handshakes", "at once", "refused"}

PRESENCE = {"tick redis few", "tick redis many", "tick process many", "idle many", "count p99", "first p99", "told many", "turns", "true after"}

CHAT = {f"chat {name}" for name in ("few", "few per core", "many", "many per core", "many server", "many database", "p50", "p99")}

PAGES = {"free first", "free loader", "free chat", "free files", "throttled first", "throttled again", "console", "console files"}

TASKS = {f"empty {kind} {what}" for kind in ("bare", "tqdm", "track") for what in ("steps", "others", "ends")} | {"work frames", "work busiest"}


@pytest.mark.once
@pytest.mark.timeout(300)
def test_the_bench_measures_ours_beside_the_bare_application(tmp_path: Path) -> None:
    measured = smoke(tmp_path, rows="ours,bare,keys", measures="pushes,handshakes,whole-way,presence,chat,tasks")
    assert measured["bare"].keys() >= FIGURES
    assert {*FIGURES, "single", "single sql", "bulk", "bulk sql"} <= measured["ours"].keys()
    assert measured["ours"]["refused"] == [0]
    assert measured["ours"].keys() >= PRESENCE | CHAT | TASKS
    assert {"tick redis many", "count p99"} <= measured["keys"].keys()
    # One for all who watch, and one for the user's own sockets, which keep what was chosen.
    assert measured["ours"]["publishes few"] == measured["ours"]["publishes many"] == [2]


@pytest.mark.once
@pytest.mark.timeout(300)
def test_the_bench_measures_pages_in_a_browser(tmp_path: Path) -> None:
    [measured] = smoke(tmp_path, rows="seen", measures="pages").values()
    assert measured.keys() >= PAGES
    assert measured["free loader"][0] < measured["free chat"][0] < measured["console"][0]


def smoke(folder: Path, *, rows: str, measures: str) -> dict[str, dict[str, list[float]]]:
    """A moment of these; the figures by row."""
    figures, document = folder / "figures.json", folder / "benchmarks.md"
    ours = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")}
    command = ["-m", "bench", "--smoke", "--rows", rows, "--measures", measures, "--json", str(figures), "--write", str(document)]
    done = subprocess.run([sys.executable, *command], cwd=CHECKOUT, env=ours, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document.read_text().startswith("# How fast it is")
    measured: dict[str, dict[str, list[float]]] = json.loads(figures.read_text())
    return measured


def test_a_frame_is_counted_when_all_of_it_has_come() -> None:
    ping, frame, long = b"\x89\x00", b"\x81\x02{}", b"\x81\x7e\x00\x80" + b"x" * 128
    assert split(ping + frame + long) == ([b"{}", b"x" * 128], b"")
    assert split(frame + long[:-1]) == ([b"{}"], long[:-1])
    with pytest.raises(Wrong, match="4410"):
        split(b"\x88\x02" + (4410).to_bytes(2, "big"))
