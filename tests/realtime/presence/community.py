"""The community site's page as far as people go: it counts and lists who is online, and comes back when its socket goes.

It knows the count from `connected` and the list from REST, and goes on by what it is told. What it was
told, and when, stays written down.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests import frames

T = TypeVar("T")


@dataclass
class Told:
    """One `user_status`, and when it came (Unix time)."""

    at: float
    user_id: int
    status: str


@dataclass
class Visit:
    """From when to when a page was connected."""

    begin: float
    end: float = float("inf")


@dataclass
class Page:
    """One person's page. `second` is how long one of its seconds takes; `listing` is REST's list of who is online."""

    user_id: int
    token: str
    url: str
    second: float
    listing: Callable[[], set[int]]
    returns: bool = True
    count: int | None = None
    told: list[Told] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    connected: dict[str, Any] = field(default_factory=dict)
    greetings: int = 0
    beats: int = 0
    _listed: set[int] | None = None
    _since: dict[int, str] = field(default_factory=dict)
    _socket: ClientConnection | None = None

    @property
    def open(self) -> bool:
        return bool(self.visits) and self.visits[-1].end == float("inf")

    @property
    def worker(self) -> int:
        return int(self.connected["connection_id"].partition("-")[0])

    @property
    def knows(self) -> set[int] | None:
        """Whom it shows as online; None while it has no list."""
        if self._listed is None:
            return None
        come = {user for user, status in self._since.items() if status == "online"}
        return (self._listed | come) - {user for user, status in self._since.items() if status == "offline"}

    async def run(self) -> None:
        while True:
            code = await self._visit()
            self.codes.append(code)
            if code == 1000 or not self.returns:
                return
            await asyncio.sleep(5 * self.second)

    async def leave(self) -> None:
        """Close, and not come back."""
        self.returns = False
        if self._socket is not None:
            await self._socket.close()

    async def say(self, frame: dict[str, Any]) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(frame))

    async def _visit(self) -> int:
        try:
            socket = await connect(
                f"{self.url}/api/v1/ws?token={self.token}", open_timeout=20, ping_interval=None, compression=None, proxy=None, close_timeout=1
            )
        except (WebSocketException, OSError):
            return 1006
        loading: asyncio.Task[None] | None = None
        async with socket:
            self._socket = socket
            try:
                async for text in socket:
                    frame = json.loads(text)
                    frames.told("/api/v1/ws", frame)
                    if frame["type"] == "connected":
                        self.connected, self.count = frame["data"], frame["data"]["online_count"]
                        self._listed, self._since = None, {}
                        self.greetings += 1
                        loading = asyncio.create_task(self._load(self.greetings))
                        if not self.open:
                            self.visits.append(Visit(time.time()))
                    elif frame["type"] == "user_status":
                        self._hear(**frame["data"])
                    elif frame["type"] == "heartbeat":
                        self.beats += 1
            except ConnectionClosed:
                pass
            finally:
                if self.open:
                    self.visits[-1].end = time.time()
                if loading is not None:
                    loading.cancel()
        return int(socket.close_code or 1006)

    def _hear(self, user_id: int, status: str, timestamp: str) -> None:
        assert self.count is not None, "told before it was greeted"
        self.count += 1 if status == "online" else -1
        self._since[user_id] = status
        self.told.append(Told(time.time(), user_id, status))

    async def _load(self, greeting: int) -> None:
        listed = await asyncio.to_thread(self.listing)
        if greeting == self.greetings:
            self._listed = listed


class Community:
    """Pages on one event loop, in a thread of its own, inside a `with` block."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="community", daemon=True)
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, page: Page) -> Page:
        """Let one more page run."""
        self.pages.append(page)
        self.run(self._start(page))
        return page

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the pages' event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def failures(self) -> list[BaseException]:
        """What ended a page that should not have."""
        return [error for task in self._tasks if task.done() and not task.cancelled() and (error := task.exception()) is not None]

    async def _start(self, page: Page) -> None:
        self._tasks.append(asyncio.create_task(page.run()))

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
