"""Who watches a user's tasks in a test, at Redis itself, and processes that work on tasks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import redis as redis_py
from channels.layers import get_channel_layer
from django.utils.dateparse import parse_datetime

from accounts.groups import user_group
from accounts.models import User
from realtime.tasks.models import Task
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, surroundings

PATIENCE = 30.0


class Frame(NamedTuple):
    """What came, and when it was sent."""

    kind: str
    data: dict[str, Any]
    sent: float
    came: float


class Watcher:
    """Keeps what is said to a user's sockets, inside a `with` block."""

    def __init__(self, redis: PrivateRedis, user: User) -> None:
        self.frames: list[Frame] = []
        self._client = redis_py.Redis.from_url(redis.url)
        self._ear = self._client.pubsub()
        self._ear.subscribe(f"switchboard__group__{user_group(user.pk)}")
        assert self._ear.get_message(timeout=10)["type"] == "subscribe"
        self._going = True
        self._thread = threading.Thread(target=self._listen)

    def _listen(self) -> None:
        layer: Any = get_channel_layer()
        while self._going:
            heard = self._ear.get_message(timeout=0.05)
            if heard:
                said = json.loads(layer.deserialize(heard["data"])["frame"])
                if said["type"] in ("progress", "completed", "error"):
                    self.frames.append(Frame(said["type"], said["data"], _seconds(said["data"]["timestamp"]), time.time()))

    def until(self, kind: str) -> Frame:
        """The first frame of this kind; AssertionError when none comes in time."""
        return until(lambda: next((frame for frame in self.frames if frame.kind == kind), None), what=f"somebody is told {kind}", seconds=PATIENCE)

    def busiest_second(self) -> int:
        """How many frames were sent in the second in which most were."""
        return max(sum(1 for other in self.frames if 0 <= other.sent - frame.sent < 1) for frame in self.frames)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._going = False
        self._thread.join()
        self._ear.close()
        self._client.close()


def _seconds(timestamp: str) -> float:
    at = parse_datetime(timestamp)
    assert at is not None
    return at.timestamp()


class Producer:
    """A process of its own that runs a script in which `track`, `tracking` and `user` are known, inside a `with` block."""

    def __init__(self, script: str, user: User, *, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self._log = folder / f"producer-{len(list(folder.iterdir()))}.log"
        start = "import os, sys, time, threading, django\ndjango.setup()\nfrom realtime.tasks.tracking import *\nuser = int(sys.argv[1])\n"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", start + textwrap.dedent(script), str(user.pk)],
                cwd=CHECKOUT,
                env={**os.environ, **surroundings(), **(env or {})},
                stdout=output,
                stderr=output,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def says(self, words: str) -> None:
        """Wait until it has printed that."""
        until(lambda: words in self.log or self.process.poll() is not None, what=f"the producer says {words!r}", seconds=PATIENCE)
        assert words in self.log, self.log

    def ends(self) -> int:
        """Wait for it; its exit code."""
        return self.process.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def only_task(user: User) -> Task:
    """The one task of this user, as it is stored."""
    [task] = Task.objects.filter(owner=user)
    return task


def quick_steps(seconds: float) -> Iterator[None]:
    """Items that take a millisecond each, for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.001)
        yield
