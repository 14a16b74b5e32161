"""The page about the options, written from their declarations: `python -m config.options_page > docs/options.md`."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from config.knobs import expectation
from config.options import BASE_DIR, Options

HEAD = """# Options

Every option is an environment variable, read once at start. A value that makes no sense stops the
process with the variable's name and what it should look like. Durations are in seconds.

This page is written by `python -m config.options_page > docs/options.md`; a test fails when it is not up to date.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One option as a reader sees it."""

    section: str
    name: str
    default: str
    expected: str
    meaning: str


def page() -> str:
    """The whole page as Markdown."""
    lines = [HEAD]
    section = ""
    for entry in entries():
        if entry.section != section:
            section = entry.section
            lines += [f"\n## {section}\n", "| variable | default | looks like | meaning |", "|---|---|---|---|"]
        lines.append(f"| `{entry.name}` | {entry.default} | {_cell(entry.expected)} | {_cell(entry.meaning)} |")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def entries() -> Iterator[Entry]:
    """Every option, in the order and the sections of its declaration."""
    hints = typing.get_type_hints(Options)
    declared = {field.name: field for field in fields(Options)}
    for section, name, meaning in _declarations():
        field = declared[name]
        yield Entry(section, name.upper(), _default(field.default), expectation(hints[name], field.metadata), meaning)


def _declarations() -> Iterator[tuple[str, str, str]]:
    """Section, name and docstring of each field: what only the source text knows."""
    source = inspect.getsource(Options)
    lines = source.splitlines()
    body = typing.cast(ast.ClassDef, ast.parse(source).body[0]).body
    sections = {number: line.strip().removeprefix("# ") for number, line in enumerate(lines, start=1) if re.match(r"    # [A-Z]", line)}
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            section = sections[max(number for number in sections if number < statement.lineno)]
            yield section, statement.target.id, _docstring(following)


def _docstring(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str):
        return " ".join(statement.value.value.split())
    return ""


def _default(value: Any) -> str:
    if value in ("", ()):
        return "-"
    if isinstance(value, bool):
        return f"`{value:d}`"
    if isinstance(value, float):
        return f"`{value:.15g}`"
    if isinstance(value, tuple):
        count, window = value
        return f"`{count}/{ {1.0: 's', 60.0: 'm', 3600.0: 'h', 86400.0: 'd'}[window] }`"
    if str(value).startswith(str(BASE_DIR)):
        return f"`{str(value).removeprefix(str(BASE_DIR)).lstrip('/')}` in the checkout"
    return f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
