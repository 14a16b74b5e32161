"""A private Redis that a test may flush, freeze and kill."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from config.embedded import Embedded, redis_url, start


class PrivateRedis:
    """A Redis at a fixed address, running inside a `with` block."""

    def __init__(self, var_dir: Path | str) -> None:
        self.var_dir = Path(var_dir)
        self.url = redis_url(var_dir)
        self._embedded: Embedded | None = None

    @property
    def pid(self) -> int:
        assert self._embedded is not None, "it is not running"
        return self._embedded.pid

    def start(self) -> None:
        """Start it, empty."""
        assert self._embedded is None, "it is running"
        self._embedded = start(self.var_dir)
        assert self._embedded is not None, f"somebody else runs the Redis of {self.var_dir}"

    def stop(self) -> None:
        """End it in good order. Nothing happens if it does not run."""
        if self._embedded is not None:
            self._embedded.stop()
            self._embedded = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def restart(self) -> None:
        """Crash, and come back empty at the same address."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """It goes on holding its connections, but answers nobody."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._embedded is not None:
            self.thaw()
        self.stop()
