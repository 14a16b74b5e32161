"""One worker process, as the rest of it sees it."""

from __future__ import annotations

import threading
from typing import Any, Final

from uvicorn.server import Server

draining: Final = threading.Event()
"""Set once this process has begun to say goodbye: it is not ready any more, and streams should end."""


class WorkerServer(Server):
    """Uvicorn's server in one worker process, which lets the rest of the process know that it drains."""

    async def shutdown(self, sockets: Any = None) -> None:
        draining.set()
        await super().shutdown(sockets)
