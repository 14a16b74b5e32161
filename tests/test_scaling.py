"""docs/scaling.md says what the simulation says, and that what was measured; the simulation knows what clients and options do."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench import scaling_page, simulation
from bench.capacity import FILE, Load, Site, figures, walls
from bench.storm import host_lost, redis_lost
from config.options import Options
from tests.servers.workers import CHECKOUT

LOAD = Load(sockets=100_000, notifications=500)
SCRIPTS = CHECKOUT / "realtime/static/realtime"


def test_the_tables_of_the_page_are_up_to_date() -> None:
    page = scaling_page.PAGE.read_text()
    assert page == scaling_page.written(page), "run `python -m bench.scaling_page`"
    assert [name for name in scaling_page.TABLES if f"<!-- {name} -->" not in page] == []


def test_the_simulation_comes_back_as_our_client_does() -> None:
    known = figures()
    backoff, client = (SCRIPTS / "backoff.js").read_text(), (SCRIPTS / "client.js").read_text()
    said = [re.search(pattern, text) for pattern, text in ((r"first = ([\d_]+)", backoff), (r"longest = ([\d_]+)", backoff), (r"greeting: ([\d_]+)", client))]
    assert [int(found[1]) for found in said if found] == [known["backoff_first_ms"], known["backoff_longest_ms"], known["greeting_ms"]]


def test_the_simulation_knows_our_defaults() -> None:
    known, options = figures(), Options()
    ours = (options.ws_max_sockets, options.ws_heartbeat_interval, options.keeper_interval, options.database_pool)
    assert (known["sockets_per_worker"], known["heartbeat_s"], known["keeper_s"], known["database_pool"]) == ours


def test_what_the_bench_has_measured_is_taken_from_its_page() -> None:
    page, known = (CHECKOUT / "docs/benchmarks.md").read_text(), figures()
    rates = [float(found.replace(",", "")) for found in re.findall(r"\| Switchboard +\| +[\d,]+ \| +([\d,]{6,}) \|", page)[:2]]
    assert [1e6 / known["push_cpu_us"], 1e6 / known["group_push_cpu_us"]] == pytest.approx(rates, rel=0.25)
    tick, idle = re.search(r"\| Switchboard +\| +\d+ \| +(\d+) \| +\d+ \|", page), re.search(r"… with 1,000 +\| +([\d.]+) \|", page)
    assert tick
    assert idle
    assert [known["tick_redis_us"], known["worker_idle_ms"]] == pytest.approx([float(tick[1]), float(idle[1])], rel=0.25)


def test_twice_the_site_needs_twice_of_all_and_of_presence_four_times() -> None:
    one, two = Site(LOAD), Site(LOAD.times(2))
    for name in ("megabits", "layer_redis", "rows", "disk", "redis_memory"):
        assert getattr(two, name) == pytest.approx(2 * getattr(one, name), rel=0.01), name
    assert two.presence_told == pytest.approx(4 * one.presence_told, rel=0.1)


def test_at_a_wall_one_is_just_full() -> None:
    found = walls(LOAD)
    assert [sockets for sockets, _part in found] == sorted(sockets for sockets, _part in found)
    for sockets, part in found:
        there = next(each for each in Site(LOAD.times(sockets / LOAD.sockets)).parts() if each.name == part.name)
        assert there.full == pytest.approx(1, rel=0.1), part.name
    assert {part.name for _sockets, part in found} == simulation.ADVICE.keys()


def test_after_a_failure_all_come_back_and_the_sooner_the_more_workers_are_left() -> None:
    few, many = (host_lost(LOAD, lost=lost, workers=20) for lost in (8, 2))
    assert few.all > many.all > 0.4
    assert many.handshakes <= 18_000 / figures()["handshake_cpu_ms"]
    assert host_lost(LOAD, lost=2, workers=20) == many, "it is drawn by lot, and always by the same"
    assert host_lost(LOAD, lost=8, workers=20, tickets=False).all < few.all


def test_who_finds_no_place_waits_for_the_new_workers() -> None:
    assert host_lost(LOAD, lost=8, workers=10).all == math.inf, "two workers cannot hold what ten held"
    assert 5 < host_lost(LOAD, lost=8, workers=10, replaced_after=5).all < 600


def test_where_nothing_was_told_a_redis_that_was_away_leaves_nobody_behind() -> None:
    quiet = redis_lost(replace(LOAD, notifications=0.0), seconds=10)
    assert (quiet.lost, quiet.behind) == (0, 0)
    loud = redis_lost(LOAD, seconds=10)
    assert 0 < loud.behind <= loud.lost == 5000


def test_the_command_says_what_a_site_needs_and_its_first_wall(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["simulation", "--sockets", "20000", "--notifications", "100", "--lost", "1"])
    simulation.main()
    out = capsys.readouterr().out
    assert re.search(r"\| workers +\| +3 \|", out)
    assert "The first wall: " in out
    monkeypatch.setattr(sys, "argv", ["simulation", "--sockets", "0"])
    with pytest.raises(SystemExit):
        simulation.main()


def test_the_comparison_with_reality_says_how_far_it_was_off() -> None:
    found = json.loads(FILE.read_text())["reality"]
    assert found["files"] == pytest.approx(found["files_predicted"], rel=0.05), "the workers' own come and go"
    assert found["memory_mib"] == pytest.approx(found["memory_mib_predicted"], rel=0.25)
    assert found["all_back_s"] > 0


@pytest.mark.long_fault
@pytest.mark.timeout(400)
def test_two_real_workers_need_what_the_simulation_says_and_all_sockets_come_back_when_one_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    shutil.copy(FILE, file)
    ours = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")}
    command = [sys.executable, "-m", "bench.comeback", "--sockets", "300", "--write", str(file)]
    done = subprocess.run(command, cwd=CHECKOUT, env=ours, capture_output=True, text=True, timeout=390)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(file.read_text())["reality"]
    assert found["files"] == pytest.approx(found["files_predicted"], abs=30), "the workers' own come and go"
    assert found["memory_mib"] == pytest.approx(found["memory_mib_predicted"], rel=0.5)
    assert found["all_back_s"] > 0
