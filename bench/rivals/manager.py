"""FastAPI with the connection manager that its users write by hand, and redis-py's own subscriber."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from bench.rivals.tokens import CONNECTED, user_of


class ConnectionManager:
    """Who is connected."""

    def __init__(self) -> None:
        self.connections: defaultdict[int, list[WebSocket]] = defaultdict(list)

    async def connect(self, user: int, websocket: WebSocket) -> None:
        await websocket.accept()
        self.connections[user].append(websocket)

    def disconnect(self, user: int, websocket: WebSocket) -> None:
        self.connections[user].remove(websocket)

    async def tell(self, user: int, text: str) -> None:
        for websocket in list(self.connections.get(user, ())):
            try:
                await websocket.send_text(text)
            except (RuntimeError, WebSocketDisconnect):  # it has gone, and says so itself
                pass


manager = ConnectionManager()


async def _listen() -> None:
    client = redis.asyncio.Redis.from_url(os.environ["BENCH_REDIS"], decode_responses=True)
    pubsub = client.pubsub()
    await pubsub.subscribe("bench")
    async for message in pubsub.listen():
        if message["type"] == "message":
            user, _, text = message["data"].partition(" ")
            await manager.tell(int(user), text)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    listening = asyncio.create_task(_listen())
    yield
    listening.cancel()


app = FastAPI(lifespan=_lifespan)


@app.websocket("/")
async def endpoint(websocket: WebSocket) -> None:
    user = user_of(websocket.scope["query_string"])
    await manager.connect(user, websocket)
    try:
        await websocket.send_text(CONNECTED)
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        manager.disconnect(user, websocket)
