"""Many clients on one event loop, in a thread of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.faults.client import Client
from tests.servers.waiting import until

T = TypeVar("T")


class Crowd:
    """Clients of some people, running inside a `with` block; their tasks end with it."""

    def __init__(self, url: str, people: Mapping[int, str]) -> None:
        self.clients: list[Client] = []
        self._url = url
        self._people = people
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crowd", daemon=True)
        self._tasks: list[asyncio.Task[None]] = []

    def connect_everybody(self, workers: Sequence[int]) -> None:
        """One client of each person to each of these workers."""
        for worker in workers:
            # The kernel decides who takes a connection; who is frozen takes none.
            with frozen(*(each for each in workers if each != worker)):
                arrived = [self.join(user_id) for user_id in self._people]
                until(lambda arrived=arrived: all(client.open for client in arrived), what="they connect", seconds=60)  # type: ignore[misc]
            assert {client.worker for client in arrived} == {worker}
            for client in arrived:
                client.codes.clear()  # nginx may have handed one to the frozen worker over a connection that it had open, and it came again

    def join(self, user_id: int, **how: Any) -> Client:
        """One more client of that person, which connects by itself. Takes what `Client` takes."""
        client = Client(**{"url": self._url, "user_id": user_id, "token": self._people[user_id], **how})
        self.clients.append(client)
        self.run(self._start(client))
        return client

    def reaches(self, heads: Mapping[int, int]) -> bool:
        """Whether every client has come to the end of its person's stream."""
        return all(client.start is not None and client.cursor >= heads.get(client.user_id, 0) for client in self.clients)

    def sync(self) -> None:
        """Returns when every client has heard all that was sent to it."""

        async def all_of_them() -> None:
            await asyncio.gather(*(client.sync() for client in self.clients))

        self.run(all_of_them())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the clients' event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    @contextmanager
    def background(self, work: Coroutine[Any, Any, None]) -> Iterator[None]:
        """Let something run on the clients' event loop inside the block. What ends it early, other than its end, is raised at the end."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            yield
        finally:
            running.cancel()
        if running.done() and not running.cancelled() and (error := running.exception()) is not None:
            raise error

    def failures(self) -> list[BaseException]:
        """What ended a client's task that should not have."""
        return [error for task in self._tasks if task.done() and not task.cancelled() and (error := task.exception()) is not None]

    async def _start(self, client: Client) -> None:
        self._tasks.append(asyncio.create_task(client.run()))

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def frozen(*processes: int) -> Iterator[None]:
    """These processes stand still inside the block."""
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
