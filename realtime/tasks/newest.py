"""What a socket has yet to be sent of how far tasks are: of each the newest, and nothing twice."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST: Final = 1000
"""Tasks of which a socket knows how far they are. Of one that was not heard of for so many others, an older step could be shown after a newer one."""


class Newest:
    """Steps come from several processes, so in any order; a task's end comes another way, and may overtake them."""

    __slots__ = ("_known", "_waiting")

    def __init__(self) -> None:
        self._known: OrderedDict[str, int] = OrderedDict()
        self._waiting: dict[str, str] = {}

    def offer(self, task: str, version: int, frame: str, *, again: bool = False) -> bool:
        """Keep a step to be sent, unless it or a later one is known. Returns whether it is kept. `again`: it takes back an end of the same version."""
        if version < self._known.get(task, -1) + (not again):
            return False
        self._learn(task, version)
        self._waiting[task] = frame
        return True

    def told(self, task: str, version: int) -> None:
        """The socket was sent that version of a task; an older one that waits is not sent any more."""
        if version >= self._known.get(task, -1):
            self._learn(task, version)
            self._waiting.pop(task, None)

    def take(self) -> str | None:
        """The frame that has waited longest, to be sent now."""
        return self._waiting.pop(next(iter(self._waiting))) if self._waiting else None

    def _learn(self, task: str, version: int) -> None:
        self._known[task] = version
        self._known.move_to_end(task)
        while len(self._known) > MOST:
            gone, _version = self._known.popitem(last=False)
            self._waiting.pop(gone, None)
