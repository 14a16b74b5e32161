"""Who watches over tasks: one that is not heard from in its time has failed, and does not stay at 80 % for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.conf import settings

from accounts.executor import in_thread
from realtime.tasks import services

RECOVERY: Final = 10.0
"""Seconds for which nobody counts as silent after a time in which nobody could be heard, if TASK_TIMEOUT is not shorter."""

_AT_ONCE: Final = 100


async def tick() -> None:
    """Due every second, in every worker. Raises what the database raises."""
    may_fail = _watch.may_fail()
    try:
        await in_thread(services.fail_silent, limit=_AT_ONCE if may_fail else 0)
    except BaseException:
        _watch.lost()
        raise


class Watch:
    """Since when this worker has been looking without a break.

    While the database was away, or this machine slept, no producer could be heard: they get time to be.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock  # the wall's: a monotonic one stands still while the machine sleeps
        self._since: float | None = None
        self._looked_at = 0.0

    def may_fail(self) -> bool:
        """Look now: whether who is overdue has had its chance to be heard."""
        options, now = settings.SWITCHBOARD, self._clock()
        recovery = min(RECOVERY, options.task_timeout / 2)
        if self._since is None or not 0 <= now - self._looked_at <= recovery / 2 + 5 * options.keeper_interval:
            self._since = now
        self._looked_at = now
        return now - self._since >= recovery

    def lost(self) -> None:
        """It could not look."""
        self._since = None


_watch: Final = Watch()
