"""One worker process, as the rest of it sees it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any, Final

from uvicorn.server import Server

draining: Final = threading.Event()
"""Set once this process has begun to say goodbye: it is not ready any more, and streams should end."""

at_start: Final[list[Callable[[], None]]] = []
"""What is to be called in the event loop of a worker that begins. The application is loaded by then."""

at_end: Final[list[Callable[[], None]]] = []
"""The same in one that ends, when all its connections are gone."""

ALLOCATIONS: Final = 10_000
"""How many objects more than before make the collector look at the youngest. Python's own 700 are the work of some handshakes."""


class WorkerServer(Server):
    """Uvicorn's server in one worker process, which lets the rest of the process know that it drains."""

    async def startup(self, sockets: Any = None) -> None:
        # Python's collector walks through all that lives: with some thousand sockets, a worker would stand still for a third
        # of a second every few hundred handshakes. What is loaded by now stays, and a socket leaves nothing to collect.
        gc.collect()
        gc.freeze()
        gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])
        await super().startup(sockets)
        for start in at_start:
            start()

    async def shutdown(self, sockets: Any = None) -> None:
        draining.set()
        await super().shutdown(sockets)
        for end in at_end:
            end()
