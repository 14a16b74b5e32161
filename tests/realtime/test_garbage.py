"""A socket that has ended is gone at once: it leaves nothing for Python's garbage collector, which would stop all others to find it."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.server import ServerProtocol

from accounts.models import User
from accounts.redis import aask
from realtime.consumer import SocketConsumer
from realtime.outlet import Outlet
from realtime.server import SocketProtocol
from realtime.supervisor import worker_config
from realtime.writer import Writer
from tests.servers.waiting import auntil, until

OURS = (HttpToolsProtocol, SocketConsumer, SocketProtocol, ServerProtocol, Outlet, Writer)


@pytest.fixture
async def port(db: None) -> AsyncIterator[int]:
    """Where our application is served in this process and event loop."""
    config = worker_config(application=settings.ASGI_APPLICATION, workers=1, heartbeat=3.0, drain_spread=0.1)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: HttpToolsProtocol(config, state, {}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def no_collector(db: None) -> AsyncIterator[None]:
    await aask(lambda redis: redis.ping())  # a new connection of redis-py's leaves circles
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> Counter[str]:
    """How many of our objects there are, by class."""
    return Counter(type(each).__name__ for each in gc.get_objects() if issubclass(type(each), OURS))


async def none_left() -> None:
    await asyncio.to_thread(until, lambda: not alive(), what="nothing is left of the socket")


async def test_a_socket_that_its_peer_closed_is_gone(port: int, mia: User, token: Callable[[User], str], no_collector: None) -> None:
    for path in ("/api/v1/ws", "/ws/chat"):
        async with connect(f"ws://127.0.0.1:{port}{path}?token={token(mia)}") as client:
            assert "connected" in await client.recv()
            assert alive().keys() >= {"SocketProtocol", "Outlet", "Writer"}
            assert not alive()["HttpToolsProtocol"]
        await none_left()


async def test_a_socket_whose_connection_broke_is_gone(port: int, mia: User, token: Callable[[User], str], no_collector: None) -> None:
    client = await connect(f"ws://127.0.0.1:{port}/api/v1/ws?token={token(mia)}")
    assert "connected" in await client.recv()
    client.transport.abort()
    await client.wait_closed()
    await none_left()


async def test_a_hundred_sockets_leave_no_task_behind(port: int, mia: User, token: Callable[[User], str]) -> None:
    async def come_and_go() -> None:
        async with connect(f"ws://127.0.0.1:{port}/api/v1/ws?token={token(mia)}") as client:
            assert "connected" in await client.recv()

    await come_and_go()  # the first one starts what stays
    before = len(asyncio.all_tasks())
    for _ in range(100):
        await come_and_go()
    await auntil(lambda: len(asyncio.all_tasks()) <= before, what="as many tasks as before")


@pytest.mark.parametrize("path", ["/api/v1/ws", "/ws/chat", "/nowhere"])
async def test_a_socket_that_was_refused_is_gone(port: int, path: str, no_collector: None) -> None:
    try:
        async with connect(f"ws://127.0.0.1:{port}{path}") as client:
            await client.wait_closed()
    except InvalidStatus:
        pass
    await none_left()
