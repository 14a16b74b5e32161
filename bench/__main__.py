"""Runs the bench; see `python -m bench --help`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, nchan
from bench.chat import chat
from bench.contestants import CONTESTANTS, ROWS
from bench.crowd import Wrong
from bench.grounds import Grounds, prepared
from bench.measures import QUICK, SMOKE, Figures, Scale, handshakes, memory, pushes
from bench.pages import pages
from bench.presence import presence
from bench.report import Report, document
from bench.results import Results
from bench.servers import CHECKOUT, DidNotStart
from bench.tasks import tasks
from bench.whole_way import whole_way

ALL = tuple(CONTESTANTS)
# Which rows a measure has. Those that matter for an aim come in every round, others take long and come once.
PUSHES = tuple(each.key for each in ROWS)
HANDSHAKES = ("ours", "ours-pg", "bare", "daphne")
MEMORY = ("ours", "bare", "socketio", "fastapi", "pubsub", "daphne")
WHOLE_WAY = ("ours", "ours-pg")
PRESENCE = ("ours", "keys")
CHAT = ("ours", "desk", "ours-pg", "desk-pg")
TASKS = ("ours", "ours-pg")
PAGES = ("seen",)
MEASURES = {
    "pushes": PUSHES,
    "handshakes": HANDSHAKES,
    "memory": MEMORY,
    "whole-way": WHOLE_WAY,
    "presence": PRESENCE,
    "chat": CHAT,
    "tasks": TASKS,
    "pages": PAGES,
}
ONCE = {("handshakes", "daphne"), *(("memory", row) for row in MEMORY if row not in ("ours", "bare"))}

DISTURBED = 0.2
"""Of a core, used by others: so much spoils a figure, and it is taken again while there is patience."""


def measured(grounds: Grounds, measure: str, row: str, scale: Scale) -> Figures:
    """One row of one measure, once."""
    if measure == "whole-way":
        return whole_way(grounds, "postgresql" if row == "ours-pg" else "sqlite", scale)
    measures = {"pushes": pushes, "handshakes": handshakes, "memory": memory, "presence": presence, "chat": chat, "tasks": tasks, "pages": pages}
    return measures[measure](grounds, CONTESTANTS[row], scale)


def plan(measures: list[str], rows: list[str], rounds: int) -> Iterator[tuple[int, str, str]]:
    """Rounds of all rows in turn, so that a machine that changes its mood changes it for all."""
    for turn in range(rounds):
        for measure in measures:
            for row in MEASURES[measure]:
                if row in rows and (turn == 0 or (measure, row) not in ONCE):
                    yield turn, measure, row


def run(steps: list[tuple[int, str, str]], *, grounds: Grounds, results: Results, scale: Scale, patience: float) -> None:
    """Measure all of these; `patience` is how many seconds may go by while others work here."""
    until = time.monotonic() + patience
    for done, (turn, measure, row) in enumerate(steps, start=1):
        at, said = time.monotonic(), "ok"
        try:
            machine.calm(until)
            figures = measured(grounds, measure, row, scale)
            while time.monotonic() < until and max((value for name, value in figures.items() if name.endswith("others")), default=0.0) > DISTURBED:
                machine.calm(until)
                figures = measured(grounds, measure, row, scale)
            results.add(row, figures)
        except (Wrong, DidNotStart) as error:
            said = str(error)
            results.failures[row].append(f"{measure}: {error}")
        print(f"{done}/{len(steps)}  round {turn + 1}  {measure} {row}: {said} ({time.monotonic() - at:.1f} s)", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures this server beside others, and prints what came out.")
    parser.add_argument("--quick", action="store_true", help="one short round; prints only")
    parser.add_argument("--smoke", action="store_true", help="a moment of everything, to see that it works; the figures mean nothing")
    parser.add_argument("--measures", default=",".join(MEASURES), help="which of them, separated by commas (default: %(default)s)")
    parser.add_argument("--rows", default=",".join(ALL), help="which servers, separated by commas (default: %(default)s)")
    parser.add_argument("--rounds", type=int, help="how often each row runs")
    parser.add_argument("--patience", type=float, default=0.0, help="minutes in all to wait for moments in which nobody else works here")
    parser.add_argument("--write", type=Path, help="where the document goes (default: docs/benchmarks.md, for a full run of everything)")
    parser.add_argument("--json", type=Path, help="where the figures of each round go")
    arguments = parser.parse_args()
    scale = SMOKE if arguments.smoke else QUICK if arguments.quick else Scale()
    measures, rows, rounds = arguments.measures.split(","), arguments.rows.split(","), arguments.rounds or scale.rounds
    if unknown := {*measures} - {*MEASURES} | {*rows} - {*ALL}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")

    machine.prepare()
    results = Results()
    for row in rows:
        if why := CONTESTANTS[row].missing():
            results.failures[row].append(why)
    present = [row for row in rows if row not in results.failures]
    begun = time.monotonic()
    with prepared(scale.people, postgres=any(row.endswith("-pg") for row in rows)) as grounds:
        versions = machine.versions(grounds.redis.info("server")["redis_version"])
        run(list(plan(measures, present, rounds)), grounds=grounds, results=results, scale=scale, patience=arguments.patience * 60)
    if "nchan" in present:
        versions["nginx"] = nchan.version()

    report = Report(results, rows=rows)
    if scale != Scale():
        print("A short form, with smaller crowds than the aims are for.\n")
    print(report.text())
    print(f"\n{(time.monotonic() - begun) / 60:.1f} minutes.", file=sys.stderr)
    if arguments.json:
        arguments.json.write_text(json.dumps(results.as_dict(), indent=1))
    everything = scale == Scale() and set(measures) == set(MEASURES) and set(rows) == set(ALL)
    target = arguments.write or (CHECKOUT / "docs" / "benchmarks.md" if everything else None)
    if target is not None:
        target.write_text(document(report, date=f"{datetime.now(UTC):%d %B %Y}", machine=machine.describe(), versions=versions, rounds=rounds))
    return 1 if {"ours", "bare"} & results.failures.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
