"""A support chat on FastAPI as somebody writes it by hand in a day: stored first, then over Redis to the other's socket.

What it leaves out: sessions, routing, numbers, anything for a client that comes back, names that make a repeated
message the same, limits, and a slow reader that is not waited for.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import redis.asyncio
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, ValidationError

from bench.rivals.tokens import CONNECTED, user_of

TABLE = (
    "CREATE TABLE IF NOT EXISTS hand_made_message (id {uuid} PRIMARY KEY, sender_id bigint NOT NULL, recipient_id bigint NOT NULL,"
    " text text NOT NULL, client_message_id text NOT NULL, created_at {time} NOT NULL)"
)


class Message(BaseModel):
    """What a client sends."""

    type: Literal["message"]
    to: int
    text: Annotated[str, Field(min_length=1, max_length=4000)]
    clientMessageId: Annotated[str, Field(max_length=100)] = ""


class Sqlite:
    """One writer, in a thread of its own: so nobody waits for the file's lock."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1)

    async def open(self) -> None:
        await self._run(self._open)

    async def add(self, *row: Any) -> None:
        await self._run(self._add, row)

    async def close(self) -> None:
        await self._run(self._connection.close)

    async def _run(self, work: Any, *words: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, work, *words)

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=20)  # each statement commits itself
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(TABLE.format(uuid="text", time="text"))

    def _add(self, row: tuple[Any, ...]) -> None:
        id, sender, recipient, text, name, now = row
        self._connection.execute("INSERT INTO hand_made_message VALUES (?, ?, ?, ?, ?, ?)", (str(id), sender, recipient, text, name, now.isoformat()))


class Postgres:
    """A pool of asyncpg, which keeps statements prepared by itself."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        import asyncpg  # only here, because who measures SQLite does not need it

        self._pool = await asyncpg.create_pool(self._url, min_size=10, max_size=10)
        await self._pool.execute(TABLE.format(uuid="uuid", time="timestamptz"))

    async def add(self, *row: Any) -> None:
        await self._pool.execute("INSERT INTO hand_made_message VALUES ($1, $2, $3, $4, $5, $6)", *row)

    async def close(self) -> None:
        await self._pool.close()


class ConnectionManager:
    """Who is connected to this process, and what Redis says to them."""

    def __init__(self, url: str) -> None:
        # It waits for a free connection, where the plain pool raises above a hundred.
        pool = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=50, timeout=None, decode_responses=True)
        self.redis = redis.asyncio.Redis.from_pool(pool)
        self._pubsub = self.redis.pubsub(ignore_subscribe_messages=True)
        self._sockets: defaultdict[int, set[WebSocket]] = defaultdict(set)

    async def start(self) -> None:
        await self._pubsub.subscribe("everybody")  # or there would be nothing to listen to before somebody comes
        self._listening = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        self._listening.cancel()
        await self.redis.aclose()

    async def connect(self, user: int, socket: WebSocket) -> None:
        await socket.accept()
        self._sockets[user].add(socket)
        await self._pubsub.subscribe(f"user:{user}")

    async def disconnect(self, user: int, socket: WebSocket) -> None:
        self._sockets[user].discard(socket)
        if not self._sockets[user]:
            del self._sockets[user]
            await self._pubsub.unsubscribe(f"user:{user}")

    async def publish(self, user: int, text: str) -> None:
        await self.redis.publish(f"user:{user}", text)

    async def _listen(self) -> None:
        async for message in self._pubsub.listen():
            user = int(message["channel"].removeprefix("user:"))
            for socket in list(self._sockets.get(user, ())):
                try:
                    await socket.send_text(message["data"])
                except (RuntimeError, WebSocketDisconnect):  # it has gone, and says so itself
                    pass


DATABASE = os.environ["BENCH_DATABASE"]
store = Sqlite(DATABASE.removeprefix("sqlite:///")) if DATABASE.startswith("sqlite") else Postgres(DATABASE)
manager = ConnectionManager(os.environ["BENCH_REDIS"])


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await store.open()
    await manager.start()
    yield
    await manager.stop()
    await store.close()


app = FastAPI(lifespan=_lifespan)


@app.websocket("/")
async def endpoint(websocket: WebSocket) -> None:
    user = user_of(websocket.scope["query_string"])
    await manager.connect(user, websocket)
    try:
        await websocket.send_text(CONNECTED)
        while True:
            text = await websocket.receive_text()
            try:
                message = Message.model_validate_json(text)
            except ValidationError as error:
                await websocket.send_json({"type": "error", "message": str(error)})
                continue
            await receive(user, message, websocket)
    except WebSocketDisconnect:
        await manager.disconnect(user, websocket)


async def receive(user: int, message: Message, websocket: WebSocket) -> None:
    """Store it, tell the other, and answer."""
    id, now = uuid.uuid4(), datetime.now(UTC)
    await store.add(id, user, message.to, message.text, message.clientMessageId, now)
    told = {"id": str(id), "senderId": user, "text": message.text, "isMine": False, "createdAt": now.isoformat(), "clientMessageId": message.clientMessageId}
    await manager.publish(message.to, json.dumps({"type": "message", "message": told}))
    await websocket.send_text(json.dumps({"type": "message", "message": {**told, "isMine": True}}))
