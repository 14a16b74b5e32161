"""What may stand in no log: credentials, and what people write to each other.

All servers that the tests start write logs, and so does the process of the tests itself. Each line goes
through `overhear`, the shapes of credentials are looked for at once, and the texts that the tests have
sent when all are known. `tests/conftest.py` fails the run for what was found.

Lines and texts are compared with their numbers blanked, so that a thousand lines which differ in a
number are one: that is what makes it cheap.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from typing import Any, Final

from tests import cast

CREDENTIAL: Final = re.compile(
    r"eyJ[\w-]{8,}\.eyJ"  # a token or a ticket
    r"|\bsk_\w{12,}"  # a service key
    r"|bearer[. ][\w-]{12,}"
    r"|[?&](?:token|ticket)=\w"
    r"|" + re.escape(cast.PASSWORD),
    re.IGNORECASE,
)
MOST: Final = 20_000
"""Lines, and texts, that are kept; each is cut after LONGEST characters."""
LONGEST: Final = 2_000
_NUMBERS: Final = re.compile(r"\b[0-9a-f]{8,}\b|\d+")
_FRAMING: Final = re.compile(r"[-_a-z0-9/.:]+", re.IGNORECASE)  # an id, a date or an address, and no sentence


class Discretion:
    """Remembers what was written, and what was logged."""

    def __init__(self) -> None:
        self.found: list[str] = []
        """What should not have been logged, and where."""
        self._texts: dict[str, str] = {}
        self._lines: dict[str, str] = {}

    def remember(self, said: Any) -> None:
        """These words, or those in this object of JSON, are somebody's message."""
        if isinstance(said, str):
            text = _blanked(said.strip()[:100])
            if len(text) >= 12 and not _FRAMING.fullmatch(text) and len(self._texts) < MOST:
                self._texts[text] = said
        elif isinstance(said, dict):
            for each in said.values():
                self.remember(each)
        elif isinstance(said, list):
            for each in said:
                self.remember(each)

    def overhear(self, where: str, lines: Iterable[str]) -> None:
        """Somebody has logged these lines."""
        for line in lines:
            if CREDENTIAL.search(line):
                self.found.append(f"{where} holds a credential: {line[:LONGEST]}")
            blanked = _blanked(_plain(line)[:LONGEST])
            if len(self._lines) < MOST:
                self._lines.setdefault(blanked, where)

    def leaks(self) -> list[str]:
        """All that should not have been logged."""
        everything = "\n".join(self._lines)
        told = []
        for text, said in self._texts.items():
            if text in everything:
                where = next(where for line, where in self._lines.items() if text in line)
                told.append(f"{where} holds what somebody wrote: {said[:200]!r}")
        return [*self.found, *told]


class Listener(logging.Handler):
    """Hands on what this process logs."""

    def __init__(self, discretion: Discretion) -> None:
        super().__init__()
        self._discretion = discretion
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        self._discretion.overhear("the process of the tests", self._formatter.format(record).splitlines())


everywhere: Final = Discretion()
"""What all tests of this process, and their servers, have written and logged."""


def _blanked(text: str) -> str:
    return _NUMBERS.sub("0", text)


def _plain(line: str) -> str:
    """A line of JSON as the texts that it holds, without their escapes."""
    if not line.startswith("{"):
        return line
    try:
        return json.dumps(json.loads(line), ensure_ascii=False)
    except ValueError:
        return line
