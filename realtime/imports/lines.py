"""Reading JSON Lines: one object a line, a bounded one, and so many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

LONGEST: Final = 65_536
"""Bytes of a line."""
BATCH: Final = 500
"""Lines of one transaction; with LONGEST it bounds what an import holds in memory."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line. An empty `field` is the line itself."""

    line: int
    field: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {f'{self.field}: ' if self.field else ''}{self.text}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line that could be read: its number, from 1, and its object."""

    number: int
    data: dict[str, Any]


def batches(path: Path) -> Iterator[list[Line | Problem]]:
    """The lines of a file that are not empty, BATCH at a time. Raises OSError."""
    waiting: list[Line | Problem] = []
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(LONGEST + 1):
            number += 1
            if len(raw) > LONGEST:
                waiting.append(Problem(number, "", f"longer than {LONGEST} bytes"))
                while raw and not raw.endswith(b"\n"):
                    raw = file.readline(LONGEST)
            elif raw.strip():
                waiting.append(_read(number, raw))
            if len(waiting) == BATCH:
                yield waiting
                waiting = []
    if waiting:
        yield waiting


def _read(number: int, raw: bytes) -> Line | Problem:
    try:
        data = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Problem(number, "", f"not JSON in UTF-8: {error}")
    return Line(number, data) if isinstance(data, dict) else Problem(number, "", "not an object in braces")
