"""An asyncio server that runs in a thread, beside tests that are not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Background:
    """Serves inside a `with` block, and breaks off what it has begun at its end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._server: asyncio.Server | None = None

    async def _listen(self) -> asyncio.Server:
        raise NotImplementedError

    async def _open(self) -> None:
        self._server = await self._listen()

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def join(client: Stream, upstream: Stream, *, told: Callable[[bytes], bytes] = bytes) -> None:
    """Hand on what either says until one of them ends, then close both. `told`: what becomes of what `upstream` says."""
    pumps = [asyncio.create_task(_pump(client[0], upstream[1], bytes)), asyncio.create_task(_pump(upstream[0], client[1], told))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        upstream[1].close()
        client[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], bytes]) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(change(data))
            await writer.drain()
    except OSError:  # one of the two is gone, and then so is the other
        pass
