"""Which modules a page's script imports, so that the page can name them and a browser fetches all at once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

_IMPORT: Final = re.compile(r"""^(?:import|export)\s[^"';]*?["'](\.[^"']+)["'];""", re.MULTILINE)


@cache
def imported_by(static: Path, entry: str) -> tuple[str, ...]:
    """The static names of all that `entry` imports, and what these import; `entry` itself is not among them."""
    found: dict[str, None] = {entry: None}
    left = [entry]
    while left:
        name = left.pop()
        for target in _IMPORT.findall((static / name).read_text()):
            path = _resolved(PurePosixPath(name).parent / target)
            if path not in found:
                found[path] = None
                left.append(path)
    return tuple(found)[1:]


def _resolved(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
