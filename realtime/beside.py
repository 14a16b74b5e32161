"""What a socket does beside its frames: nobody waits for it, and it may outlast the socket by a moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from realtime.outlet import Outlet

logger = logging.getLogger(__name__)


class Beside:
    """A socket that looks something up, or stores it, while it goes on."""

    outlet: Outlet
    _beside: set[asyncio.Task[None]] | None = None  # most sockets never need one

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside, and log what it raises."""
        task = asyncio.get_running_loop().create_task(work, context=self.outlet.context)
        if self._beside is None:
            self._beside = set()
        self._beside.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._beside is not None:
            self._beside.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("Not told: %s", error)
