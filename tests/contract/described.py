"""A run of schemathesis against a real server: every call that the OpenAPI document describes, made in right and in wrong ways."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HOOKS: Final = "tests.contract.described_values"
STREAM: Final = "/api/notifications/stream"
LOGOUT: Final = "/api/v1/logout"
# With a good credential it is a stream without an end; and a role would end with its first logout.

NOT_ALL_SAID: Final = {
    "POST /api/v1/password": "how good a password is",
    "POST /api/v1/tasks": "what people may choose as an id, and that a service names an owner",
    "PATCH /api/v1/tasks/{task_id}": "what goes with which status",
    "POST /api/v1/notifications": "that recipients are named in one of three ways, and exist",
    "PUT /api/v1/notifications/preferences": "what a type looks like, where it is a member's name",
    "PUT /api/v1/support/email": "which addresses mail can be sent to",
    "GET /api/v1/sessions/{session_id}/messages": "that a cursor is a message of this session",
    "GET /api/v1/support/figures": "which time zones there are, and which days belong together",
    "GET /api/v1/support/hours": "which time zones there are",
}
"""What an OpenAPI document cannot say, so that such a request may be as described and is refused all the same."""

UNLIMITED: Final = {
    **dict.fromkeys(
        [f"RATE_{name}" for name in ("LOGIN", "CUSTOMERS", "CUSTOMER_TOKEN_WRONG", "CUSTOMER_TOKEN", "TICKET", "NOTIFY", "DIRECT", "SUPPORT", "TASKS")], "0/m"
    ),
    "LOGIN_FAILURES": "1000",
}
"""Options of a server that is asked thousands of times from one address."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run. `found` is empty, or what a person reads of it."""

    cases: int
    found: str


def ask_everything(url: str, folder: Path, *, token: str = "", spare: str = "", thorough: Collection[str] = (), seconds: int = 0) -> Outcome:
    """Make all calls at that server with that credential; those that end a credential with `spare`.

    Each call is made rightly and wrongly once, always in the same way, and those with one of the tags `thorough` also with
    each of their values at its bounds. If `seconds` are given, all are, and in ever new ways until that time is over.
    """
    folder.mkdir(exist_ok=True)
    config, report = folder / "schemathesis.toml", folder / "report.json"
    config.write_text("\n".join([*_config(token, spare), *([] if seconds else _short(thorough))]))
    limits = [f"--max-time={seconds}", "--generation-database=none"] if seconds else ["--max-examples=2", "--generation-deterministic"]
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{url}/api/schema", *limits),
            *("--continue-on-failure", "--no-color", "--generation-allow-x00=false", "--request-timeout=30"),
            *("--suppress-health-check=all", "--warnings=off", "--report=json", f"--report-json-path={report}"),
        ],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
    )
    said = ended.stdout + ended.stderr
    (folder / "said.txt").write_text(said)
    return Outcome(_cases(report), "" if ended.returncode == 0 else said)


def _config(token: str, spare: str) -> list[str]:
    bearer = f'Authorization = "Bearer {token}"'
    lines = [f"headers = {{ {bearer} }}"] if token else []
    # What it learns from a problem's `errors` it takes for members of the body.
    lines += ["[phases.fuzzing.error-feedback]", "enabled = false", "[cache]", "enabled = false"]
    lines += _of(STREAM, "enabled = false") if token else []
    lines += _of(LOGOUT, f'headers = {{ Authorization = "Bearer {spare}" }}') if token else []
    # Who does not ask for JSON gets no body with an error there.
    lines += _of("/api/v1/customers/token", "headers = { " + ", ".join(['Accept = "application/json"', *([bearer] if token else [])]) + " }")
    for call in NOT_ALL_SAID:
        method, path = call.split(" ")
        lines += _of(path, f'include-method = "{method}"', "checks.positive_data_acceptance.enabled = false")
    return lines


def _short(thorough: Collection[str]) -> list[str]:
    lines = ["[phases.coverage]", "enabled = false"]
    for tag in thorough:
        lines += ["[[operations]]", f'include-tag = "{tag}"', "phases.coverage.enabled = true"]
    return lines


def _of(path: str, *said: str) -> list[str]:
    return ["[[operations]]", f'include-path = "{path}"', *said]


def _cases(report: Path) -> int:
    told: Mapping[str, Any] = json.loads(report.read_text()) if report.exists() else {}
    return int(told["test_cases"]["generated"]) if told else 0
