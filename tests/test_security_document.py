"""The threat model names every boundary, and for each threat a test that is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
BOUNDARIES: Final = (
    "Browser and proxy",
    "Proxy and worker",
    "Host site and REST",
    "Customer and agent",
    "User and user",
    "Worker and Redis",
    "Worker and PostgreSQL",
    "Admin",
    "Logs",
    "Supply chain",
    "Denial of service",
)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def complaints(document: str, root: Path = CHECKOUT) -> Iterator[str]:
    """Boundaries that are missing, threats without a test, and tests that are not there."""
    sections = dict(re.findall(r"^### (.+)\n((?:(?!^#).*\n?)*)", document, re.MULTILINE))
    yield from (f"{boundary} is missing" for boundary in BOUNDARIES if boundary not in sections)
    for boundary, text in sections.items():
        rows = [line for line in text.splitlines() if line.startswith("|")][2:]
        yield from (f"{boundary}: {row[:60]} has no test" for row in rows if not TEST.search(row))
        if not rows:
            yield f"{boundary} names no threat"
    for file, name in TEST.findall(document):
        path = root / file
        if not path.is_file() or not re.search(rf"^(async )?def {name}\(", path.read_text(), re.MULTILINE):
            yield f"{file}::{name} is not there"


def test_each_boundary_has_threats_and_each_threat_a_test_that_is_there() -> None:
    assert list(complaints((CHECKOUT / "SECURITY.md").read_text())) == []


HEAD = "| threat | what stands against it | test |\n|---|---|---|\n"
GOOD = f"| a | b | `tests/{Path(__file__).name}::test_each_boundary_has_threats_and_each_threat_a_test_that_is_there` |\n"


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        (HEAD + GOOD, None),
        (HEAD, "Logs names no threat"),
        (HEAD + "| a | b | |\n", "Logs: | a | b | | has no test"),
        (HEAD + GOOD.replace("test_each", "test_no"), "is not there"),
        (HEAD + GOOD.replace(Path(__file__).stem, "test_of_nothing"), "is not there"),
    ],
)
def test_a_gap_is_found(section: str, complaint: str | None) -> None:
    others = "\n".join(f"### {boundary}\n\n{HEAD}{GOOD}" for boundary in BOUNDARIES if boundary != "Logs")
    found = list(complaints(f"{others}\n### Logs\n\n{section}"))
    assert [each for each in found if not complaint or complaint not in each] == []
    assert len(found) == (1 if complaint else 0)


def test_a_boundary_that_is_left_out_is_found() -> None:
    assert list(complaints("")) == [f"{boundary} is missing" for boundary in BOUNDARIES]
