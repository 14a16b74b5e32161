"""Reading Markdown as our documents are written: fenced blocks, inline code, links and tables, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^\s*```(\S*)\s*$")


class Block(NamedTuple):
    """A fenced block: what kind it says it is, and its text. `shown` is the `json` block that follows it directly."""

    line: int
    kind: str
    text: str
    shown: str | None = None


class Code(NamedTuple):
    """Some inline code, and the heading that it stands under."""

    line: int
    text: str
    heading: str


class Table(NamedTuple):
    """A table, its cells without blanks around them."""

    line: int
    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Document:
    """One Markdown file. `name` is its path from `root`."""

    root: Path
    name: str

    @cached_property
    def path(self) -> Path:
        return self.root / self.name

    @cached_property
    def blocks(self) -> list[Block]:
        """All fenced blocks; a `json` block right after another belongs to that one and does not stand alone."""
        found: list[Block] = []
        opened: tuple[int, str] | None = None
        inner: list[str] = []
        adjacent = False
        for number, line in enumerate(self._lines, start=1):
            fence = FENCE.match(line)
            if opened is None and fence:
                opened, inner = (number, fence[1]), []
            elif opened is not None and fence and not fence[1]:
                text = "\n".join(inner) + "\n"
                if opened[1] == "json" and adjacent and found[-1].shown is None:
                    found[-1] = found[-1]._replace(shown=text)
                else:
                    found.append(Block(*opened, text))
                opened, adjacent = None, True
            elif opened is not None:
                inner.append(line)
            elif line.strip():
                adjacent = False
        assert opened is None, f"{self.name}:{opened[0]}: a block is not closed" if opened else ""
        return found

    @cached_property
    def codes(self) -> list[Code]:
        """All inline code outside of blocks. A cell's `\\|` is read as `|`."""
        heading, found = "", []
        for number, line in self._prose:
            if line.startswith("#"):
                heading = line.lstrip("#").strip()
            found += [Code(number, text.replace("\\|", "|"), heading) for text in re.findall(r"`([^`]+)`", line)]
        return found

    @cached_property
    def links(self) -> list[tuple[int, str]]:
        """The target of every link, with its line."""
        return [(number, target) for number, line in self._prose for target in re.findall(r"\[[^]]*\]\(([^)]+)\)", re.sub(r"`[^`]*`", "", line))]

    @cached_property
    def anchors(self) -> set[str]:
        """What may follow a `#` in a link to this document."""
        headings = [line.lstrip("#").strip().lower() for _, line in self._prose if line.startswith("#")]
        return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}

    @cached_property
    def tables(self) -> list[Table]:
        found: list[Table] = []
        previous = -1
        for number, line in self._prose:
            if not line.startswith("|"):
                continue
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
            if number != previous + 1:
                found.append(Table(number, cells, []))
            elif set(line) - set("|-: "):
                found[-1].rows.append(cells)
            previous = number
        return found

    @cached_property
    def _lines(self) -> list[str]:
        return self.path.read_text().splitlines()

    @cached_property
    def _prose(self) -> list[tuple[int, str]]:
        """The lines outside of blocks."""
        return list(self._outside())

    def _outside(self) -> Iterator[tuple[int, str]]:
        inside = False
        for number, line in enumerate(self._lines, start=1):
            if FENCE.match(line):
                inside = not inside
            elif not inside:
                yield number, line


def documents(root: Path) -> list[Document]:
    """The README, what is said of security, and everything in docs/, in the order of their names."""
    return [Document(root, str(path.relative_to(root))) for path in [root / "README.md", root / "SECURITY.md", *sorted((root / "docs").glob("*.md"))]]
