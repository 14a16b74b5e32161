"""The lane: which frame a socket is sent next.

One per socket, without I/O. It knows the number up to which everything that its socket carries has
been sent, and says of every frame: the next one → send; an older one → drop; one after a hole → fill
the hole from the inbox first. While a fill is under way pushes are not kept, only the highest number
heard of: the inbox has them all. So a lost push, a resume, an overflow and a restart of Redis are
mended in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Final

from notifications.backlog import Page


class Verdict(Enum):
    """What to do with a push."""

    SEND = "send"
    DROP = "drop"
    FILL = "fill"


# By name, for a push: to look an enumeration's member up takes as long as all else that is decided here.
SEND: Final = Verdict.SEND
DROP: Final = Verdict.DROP
FILL: Final = Verdict.FILL


class Lane:
    """`cursor`: everything up to this number that the socket carries has been sent, or is being sent.

    A lane begins held: it sends nothing until `begin` says from where.
    """

    __slots__ = ("_asked", "_heard", "_more", "_topics", "cursor", "filling")

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = topics
        self.cursor = 0
        self.filling = True
        self._heard = 0  # the highest number known to exist
        self._asked = 0  # what `_heard` was when the inbox was asked last
        self._more = False  # whether the last page was cut short

    def push(self, seq: int, topic: str) -> Verdict:
        """Judge a frame that was pushed. FILL: the caller must start a fill now."""
        if seq <= self.cursor and not self.filling:
            return DROP
        if seq == self.cursor + 1 and not self.filling:
            self.cursor = self._heard = seq
            return SEND if topic in self._topics else DROP
        return FILL if self.behind(seq) else DROP

    def behind(self, head: int) -> bool:
        """Learn that numbers up to `head` exist. True: the caller must start a fill now."""
        self._heard = max(self._heard, head)
        if self.filling or head <= self.cursor:
            return False
        self.filling = True
        return True

    def hold(self) -> None:
        """Send nothing until `begin`. No fill may be under way."""
        self.filling = True

    def begin(self, *, cursor: int, head: int) -> None:
        """Go on after `cursor`, in a stream whose newest number is `head`. Ask `filled` what to do next."""
        self.cursor = self._asked = cursor
        self._heard = max(self._heard, head)
        self._more = False

    def ask(self) -> int:
        """Begin to read a page: the number after which to read it."""
        self._asked = self._heard
        return self.cursor

    def take(self, page: Page) -> Sequence[str]:
        """The frames of a page that are to be sent now."""
        frames = [frame for seq, frame in page.frames if seq > self.cursor]
        self.cursor = max(self.cursor, page.upto)
        self._more = page.upto < page.head
        return frames

    def filled(self) -> bool:
        """Once the frames of a page were sent: True, and pushes are taken again, or False: read on.

        What was first heard of while the page was read may not be in it. What was heard of before and
        is not there does not exist (a stream that was restored, say), and is not waited for.
        """
        if self._more or self._heard > max(self.cursor, self._asked):
            return False
        self.abandon()
        return True

    def abandon(self) -> None:
        """Give up a fill that failed; the next push or heartbeat starts another."""
        self._heard = self.cursor
        self._more = False
        self.filling = False
