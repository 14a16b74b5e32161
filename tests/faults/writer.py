"""The writing process, seen from the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.servers.waiting import until
from tests.servers.workers import BOUND, CHECKOUT, Site


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was answered or failed: `status` is HTTP's, or the error's name; times are Unix seconds."""

    way: str
    began: float
    took: float
    status: int | str
    ids: list[int]


class Writer:
    """Running inside a `with` block, at `rate` notifications a second as long as they are answered.

    `calls` are those since the last `writing`, in the order of their answers.
    """

    def __init__(self, site: Site, *, url: str, key: str, people: Iterable[int], rate: int) -> None:
        self.calls: list[Call] = []
        self._env = {**site.env, **{name: os.environ[name] for name in ("SSL_CERT_FILE",) if name in os.environ}}
        self._begin = {"url": url, "key": key, "people": list(people), "rate": rate}
        self._idle = threading.Event()

    @property
    def told(self) -> list[int]:
        """The ids of all notifications whose calls were answered 201."""
        return [number for call in list(self.calls) if call.status == 201 for number in call.ids]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """It writes inside the block; afterwards none of its calls is under way."""
        self.calls = []
        self._say("go")
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """End the writing now. May be called twice."""
        self._idle.clear()
        self._say("stop")
        until(self._idle.is_set, what="the writer has its last answer", seconds=60)

    def _say(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said: Mapping[str, object] = json.loads(line)
            if said:
                self.calls.append(Call(**said))  # type: ignore[arg-type]
            else:
                self._idle.set()

    def __enter__(self) -> Self:
        command = [*BOUND, sys.executable, "-m", "tests.faults.writing"]
        self._process = subprocess.Popen(command, cwd=CHECKOUT, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._say(json.dumps(self._begin))
        threading.Thread(target=self._listen, name="writer", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(20)
