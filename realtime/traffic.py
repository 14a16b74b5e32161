"""What this worker's sockets are sent and ask: counted where it happens, at a cost that a push does not feel.

A push takes some microseconds, so of many a second only one in SAMPLE is looked at, and stands for the
others. Other frames are counted by their begin as a key. Once a second `fold` makes figures of that.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from accounts.counting import Counter, Histogram, Level
from notifications.wire import Event

SOCKETS: Final = Level("switchboard_sockets", "Sockets and event streams that are open.", "path", "role")
HANDSHAKES: Final = Counter("switchboard_handshakes_total", "Sockets and event streams asked for, by outcome: accepted, or the code of the refusal.", "outcome")
ENDED: Final = Counter("switchboard_sockets_ended_total", "Sockets that we ended: SLOW_CONSUMER reads too slowly, RATE_LIMITED talks too fast.", "code")
RESUMES: Final = Counter("switchboard_resumes_total", "How sockets began: resumed, fresh (no cursor), too_far, other_epoch, or ahead of the stream.", "outcome")
HOLES: Final = Counter("switchboard_holes_total", "Times that a socket had missed something, by what showed it: a push, or a look at the stream.", "found")
REPAIRED: Final = Counter("switchboard_repaired_frames_total", "Frames sent from the stream: after a resume, or to fill a hole.")
FRAMES: Final = Counter("switchboard_frames_sent_total", "Frames sent to sockets, by type.", "type")
COMMANDS: Final = Counter("switchboard_commands_total", "Frames that clients sent and that were understood, by type.", "type")
COMMANDS_REFUSED: Final = Counter("switchboard_commands_refused_total", "Frames of clients that were answered with an error, by its code.", "code")
SLOWED: Final = Counter("switchboard_frames_slowed_total", "Frames of clients that were read late because their sender talks too fast.")
PUSH_SECONDS: Final = Histogram(
    "switchboard_push_seconds",
    "From the publish, right after the commit, until a worker writes the frame to a socket. A worker that pushes much takes samples.",
    bounds=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)

KEY: Final = slice(len('{"type":"'), len('{"type":"') + 16)
"""Where a frame begins with its type. No two types share this much; see `_types`."""

sent: Final[defaultdict[str, int]] = defaultdict(int)
"""How many frames were sent since the last `fold`, by KEY: `sent[frame[KEY]] += 1`."""

SAMPLE: Final = 16
BUSY: Final = 1000
"""Pushes a second from which on only one in SAMPLE is timed."""


class Pushes:
    """Which pushes are timed, and counted for those that are not. Whoever has written one does this, for a call is what it must not cost:

    pushes.left -= 1
    if not pushes.left:
        pushes.take(message)
    """

    __slots__ = ("_counted", "_every", "left")

    def __init__(self) -> None:
        self.left = self._every = 1
        self._counted = 0

    def take(self, message: Mapping[str, Any]) -> None:
        """Time this one."""
        self.left = self._every
        self._counted += self._every
        sent[message["frame"][KEY]] += self._every
        at = message.get("at")
        if at is not None:  # who published it may be older than this worker
            PUSH_SECONDS.observe(max(0.0, time.time() - at), weight=self._every)

    def fold(self, seconds: float) -> None:
        """`seconds` have passed since the last time."""
        self._every = SAMPLE if self._counted > BUSY * seconds else 1
        self._counted = 0


pushes: Final = Pushes()


def fold(seconds: float) -> None:
    """Make figures of what was counted in these seconds. In the event loop's thread."""
    counted = sent.copy()
    sent.clear()
    types = _types()
    for key, count in counted.items():
        FRAMES.add(types.get(key.partition('"')[0], "unknown"), by=count)
    pushes.fold(seconds)


_known: dict[str, str] = {}


def _types() -> Mapping[str, str]:
    """Every declared event's type, by as much of it as KEY has."""
    if not _known:
        width = KEY.stop - KEY.start
        _known.update((tag[:width], tag) for tag in tags(Event))
    return _known


def tags(event: type[Event]) -> Iterator[str]:
    """The types of all events that are declared below this one."""
    for each in event.__subclasses__():
        if isinstance(each.__struct_config__.tag, str) and each.__struct_config__.tag:
            yield each.__struct_config__.tag
        yield from tags(each)
