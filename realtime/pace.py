"""The pace: how fast one socket may talk. A token bucket with patience, without I/O or a clock of its own.

A peer may send `burst` frames at once, and `rate` a second for long. One that sends more is read more
slowly: what it has sent waits in the kernel, and at last in the peer itself, and nothing is lost. So a
client may send at once what it kept while it was away, as the community site's does. Only one that has
kept us slow for `patience` seconds has its frames refused: at the same slow pace, so that a flood of
frames makes no flood of answers. And one of which `burst` frames were refused is sent away. Each second
in which a peer has nothing to say makes up for one in which it had to wait.

The read loop measures how long it waited for a frame, asks, and waits with the frame in its hand. What
it does not call `receive` for, the server does not read:

    asked = clock()
    message = await receive()
    now = clock()
    ruling, wait = pace.frame(now, idle=now - asked)
    if wait:
        await asyncio.sleep(wait)

While a frame waits, the peer's protocol pongs may wait behind it. Who looks for silent peers must not
take that for silence: it is we who do not listen.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

_ROUNDING: Final = 1e-6  # seconds


class Ruling(Enum):
    """What to do with a frame."""

    OBEY = "obey"
    REFUSE = "refuse"
    END = "end"


class Pace:
    """The pace of one socket: `burst` frames, then `rate` a second (0: no limit), for `patience` seconds of waiting."""

    __slots__ = ("_at", "_burst", "_patience", "_rate", "_refused", "_tokens", "_waited")

    def __init__(self, *, rate: float, burst: int, patience: float) -> None:
        self._rate = rate
        self._burst = burst
        self._patience = patience
        self._tokens = float(burst)  # frames that may come at once; below zero while one waits
        self._at = 0.0  # when that was so
        self._waited = 0.0  # seconds that frames had to wait and that no silence has made up for
        self._refused = 0  # frames refused since that was zero

    def frame(self, now: float, *, idle: float) -> tuple[Ruling, float]:
        """Judge a frame that came at `now`, after `receive` had waited `idle` seconds for it.

        Returns what to do with it, and how many seconds to wait before that.
        """
        if not self._rate:
            return Ruling.OBEY, 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1
        self._at = now
        self._waited = max(0.0, self._waited - idle)
        if not self._waited:
            self._refused = 0
        if self._tokens >= 0:
            return Ruling.OBEY, 0.0
        wait = -self._tokens / self._rate
        self._waited += wait
        if self._waited <= self._patience + _ROUNDING:
            return Ruling.OBEY, wait
        self._refused += 1
        return (Ruling.REFUSE, wait) if self._refused <= self._burst else (Ruling.END, 0.0)
