"""Clocks that must agree: tokens, leases and revocations are told by the time of several machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.core.checks import CheckMessage, Error

ALLOWED: Final = 1.0
"""Seconds by which two clocks may differ: a token of the host's may be issued in the same second in which others are revoked."""


class Clocks:
    """Compares this machine's clock (`now`) with others'."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._began = self._ended = 0.0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Inside, the other clock is asked for its time."""
        self._began = self._now()
        yield
        self._ended = self._now()

    def judge(self, whose: str, told: float, id: str) -> Iterator[CheckMessage]:
        """A complaint if `told` (Unix time) cannot have been right while it was asked for."""
        off = max(self._began - told, told - self._ended)
        if off > ALLOWED:
            yield Error(
                f"The clocks of this machine and of {whose} are {off:.1f} s apart: tokens end early or late, and workers take each other for dead.",
                hint="Have all machines keep time by NTP (systemd-timesyncd or chrony).",
                id=id,
            )
