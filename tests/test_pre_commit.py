"""What a commit is looked at with is there: `.pre-commit-config.yaml` is valid, and all that it calls comes with the project."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shlex
import shutil
import subprocess
from typing import Any, Final

import pytest
from pre_commit.clientlib import load_config

from tests.servers.workers import CHECKOUT

FILE: Final = CHECKOUT / ".pre-commit-config.yaml"


def hooks() -> list[dict[str, Any]]:
    return [hook for repo in load_config(FILE)["repos"] for hook in repo["hooks"]]


def missing(entry: str) -> list[str]:
    """The programs, modules and files of a hook's command that are not there."""
    words = [word for part in shlex.split(entry) for word in shlex.split(part)]
    modules = [module for before, module in itertools.pairwise(words) if before == "-m"]
    files = [word for word in words[1:] if re.search(r"[a-z]/|\.(py|md|js)$", word)]
    return [
        *(program for program in words[:1] if shutil.which(program, path=f"{CHECKOUT}:/usr/bin:/bin") is None and not (CHECKOUT / program).exists()),
        *(module for module in modules if importlib.util.find_spec(module) is None),
        *(file for file in files if not (CHECKOUT / file).exists()),
    ]


def test_everything_that_a_commit_is_looked_at_with_is_there() -> None:
    assert {hook["id"] for hook in hooks()} >= {"ruff", "ruff-format", "mypy", "house", "migrations", "wire", "options"}
    assert {hook["id"]: found for hook in hooks() if (found := missing(hook["entry"]))} == {}


def test_nothing_is_downloaded_for_it() -> None:
    assert {repo["repo"] for repo in load_config(FILE)["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks()} <= {"system", "unsupported"}


@pytest.mark.parametrize("entry", [".venv/bin/pithon -m ruff", ".venv/bin/python -m rufff", "sh -c 'diff docs/optoins.md -'", ".venv/bin/python manag.py x"])
def test_a_command_that_is_not_there_is_found(entry: str) -> None:
    assert len(missing(entry)) == 1


@pytest.mark.parametrize("name", ["wire", "options"])
def test_what_is_generated_and_was_changed_by_hand_is_found(name: str) -> None:
    [entry] = [hook["entry"] for hook in hooks() if hook["id"] == name]
    assert subprocess.run(shlex.split(entry), cwd=CHECKOUT, capture_output=True, text=True, timeout=60).returncode == 0
    stale = re.sub(r"diff \S+ -|diff - \S+", "diff README.md -", entry)
    assert subprocess.run(shlex.split(stale), cwd=CHECKOUT, capture_output=True, text=True, timeout=60).returncode == 1
