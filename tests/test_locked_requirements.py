"""What production is built from: every file by its hash, and of everything that version which requirements.txt names."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
NAME = r"[A-Za-z0-9._-]+"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(text: str) -> dict[str, str]:
    """The version of each package that a file of requirements names."""
    lines = (re.match(rf"({NAME})(?:\[[a-z,]+\])?==([^\s;\\]+)", line) for line in text.splitlines())
    return {normal(found[1]): found[2] for found in lines if found}


def without_hash(text: str) -> list[str]:
    """Packages of a lock that any file of that version would do for."""
    entries = re.split(rf"\n(?={NAME}==)", text)
    return [entry.split("==")[0] for entry in entries if "==" in entry.splitlines()[0] and not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)]


def differences(wanted: str, locked: str) -> list[str]:
    """In what a lock does not say what requirements.txt says; `make lock` mends it."""
    ours, theirs = named(wanted), named(locked)
    return [f"{name}: {ours.get(name)} in requirements.txt, {theirs.get(name)} locked" for name in sorted(ours | theirs) if ours.get(name) != theirs.get(name)]


def test_the_lock_says_what_the_requirements_say_and_has_a_hash_for_each() -> None:
    wanted, locked = ((CHECKOUT / name).read_text() for name in ("requirements.txt", "requirements.lock"))
    assert differences(wanted, locked) == [], "run `make lock`"
    assert without_hash(locked) == []
    assert len(named(locked)) > 40


def test_nothing_is_installed_for_production_without_its_hash() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    assert "$(call once,requirements.lock,runtime,--require-hashes)" in makefile
    assert re.search(r"^lock: .*\n\t@\S*uv pip compile .*--generate-hashes .*requirements\.txt --output-file requirements\.lock$", makefile, re.MULTILINE)
    assert re.search(r"^audit: .*\n\t@\S*pip-audit --strict .*--require-hashes .*requirements\.lock$", makefile, re.MULTILINE)
    tools = [line for line in (CHECKOUT / "requirements-tools.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in tools if not re.fullmatch(rf"{NAME}==\d[\d.]*", line)] == []


def test_a_lock_that_differs_or_lacks_a_hash_is_found() -> None:
    hash = "--hash=sha256:" + "0" * 64
    assert differences("A_b==1\nc[x]==2; python_version < '3'\n", f"a-b==1 ; x \\\n    {hash}\nc==2 \\\n    {hash}\n") == []
    assert differences("a==1\n", "a==2\n") == ["a: 1 in requirements.txt, 2 locked"]
    assert differences("a==1\n", "b==1\n") == ["a: 1 in requirements.txt, None locked", "b: None in requirements.txt, 1 locked"]
    assert without_hash(f"# made by x\na==1 \\\n    {hash}\nb==1\nc==1 \\\n    {hash}\n") == ["b"]
