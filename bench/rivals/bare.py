"""A bare ASGI application, twice: with a queue and a task per socket, and with neither.

Its subscriber is as lean as Python allows: one connection, read in batches by hiredis, each frame
decoded once.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import hiredis

from bench.rivals.tokens import CONNECTED, user_of

SUBSCRIBE = b"*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nbench\r\n"
QUEUE_BOUND = 10_000  # frames; more than ever wait here


class Subscriber(asyncio.Protocol):
    """Gives `tell` the user and the frame of each message."""

    def __init__(self, tell: Callable[[int, str], None]) -> None:
        self._reader = hiredis.Reader()
        self._tell = tell

    def connection_made(self, transport: Any) -> None:
        transport.write(SUBSCRIBE)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (message := self._reader.gets()) is not False:
            if message[0] == b"message":
                user, _, frame = message[2].partition(b" ")
                self._tell(int(user), frame.decode())


async def _subscribe(tell: Callable[[int, str], None]) -> None:
    await asyncio.get_running_loop().create_unix_connection(lambda: Subscriber(tell), os.environ["BENCH_REDIS"].removeprefix("unix://"))


async def _live(receive: Any) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _lifespan(receive: Any, send: Any, start: Callable[[], Any]) -> None:
    await receive()
    await start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _accept(scope: Any, receive: Any, send: Any) -> int:
    await receive()
    user = user_of(scope["query_string"])
    await send({"type": "websocket.accept"})
    return user


_queues: defaultdict[int, set[asyncio.Queue[str]]] = defaultdict(set)


def _enqueue(user: int, frame: str) -> None:
    for queue in _queues.get(user, ()):
        queue.put_nowait(frame)


async def queued(scope: Any, receive: Any, send: Any) -> None:
    """A queue and a task per socket: what everybody writes who wants no slow reader to hold up the others."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send, lambda: _subscribe(_enqueue))
        return
    user = await _accept(scope, receive, send)
    queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_BOUND)

    async def write() -> None:
        while True:
            await send({"type": "websocket.send", "text": await queue.get()})

    _queues[user].add(queue)
    await send({"type": "websocket.send", "text": CONNECTED})
    writing = asyncio.create_task(write())
    try:
        await _live(receive)
    finally:
        _queues[user].discard(queue)
        writing.cancel()


_sends: defaultdict[int, list[Any]] = defaultdict(list)
_backlog: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
_serving: set[asyncio.Task[None]] = set()


async def _serve() -> None:
    await _subscribe(lambda user, frame: _backlog.put_nowait((user, frame)))
    _serving.add(asyncio.create_task(_send_in_turn()))


async def _send_in_turn() -> None:
    while True:
        user, frame = await _backlog.get()
        for send in list(_sends.get(user, ())):
            try:
                await send({"type": "websocket.send", "text": frame})
            except OSError:  # it has gone, and says so itself
                pass


async def straight(scope: Any, receive: Any, send: Any) -> None:
    """One task that awaits each send in turn, so that one slow reader holds up all. It bounds what can be had that way."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send, _serve)
        return
    user = await _accept(scope, receive, send)
    _sends[user].append(send)
    await send({"type": "websocket.send", "text": CONNECTED})
    try:
        await _live(receive)
    finally:
        _sends[user].remove(send)
