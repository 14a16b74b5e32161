"""Our ASGI application driven by hand in this process, to see what a handshake costs."""

from __future__ import annotations

import asyncio
import json
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from django.db import connections
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from websockets.datastructures import Headers

from config.asgi import application
from tests.sockets import DEADLINE, Ending, Frame


class Handshake:
    """One socket inside an `async with` block; `sent` is what the application has sent, as ASGI messages."""

    def __init__(self, path: str, *, queries: list[str] | None = None, subprotocols: Sequence[str] = (), **query: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.queries_before_answer: list[str] = []
        self._queries = queries if queries is not None else []
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._news = asyncio.Condition()
        self._scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": urlencode(query).encode(),
            "headers": [(b"host", b"testserver")],
            "client": ("127.0.0.1", 12345),
            "server": ("testserver", 80),
            "subprotocols": list(subprotocols),
            "state": {},
            "extensions": {"websocket.http.response": {}},
        }

    @property
    def accepted(self) -> bool:
        return self.sent[0]["type"] == "websocket.accept"

    @property
    def status(self) -> int:
        """The HTTP status of a refusal."""
        return int(self.sent[0]["status"])

    @property
    def frames(self) -> list[Frame]:
        return [json.loads(message["text"]) for message in self.sent if message["type"] == "websocket.send"]

    @property
    def ending(self) -> Ending:
        """How it was refused, once the application has ended."""
        first, last = self.sent[0], self.sent[-1]
        if not self.accepted:
            return Ending(self.status, Headers((name.decode(), value.decode()) for name, value in first["headers"]), last["body"])
        return Ending(101, {}, b"", first["subprotocol"], self.frames, last.get("code"))

    async def until(self, kind: str) -> Frame:
        """The first frame of that type."""
        async with asyncio.timeout(DEADLINE), self._news:
            await self._news.wait_for(lambda: any(frame["type"] == kind for frame in self.frames))
        return next(frame for frame in self.frames if frame["type"] == kind)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(application(self._scope, self._inbox.get, self._send))  # type: ignore[arg-type]
        self._inbox.put_nowait({"type": "websocket.connect"})
        async with asyncio.timeout(DEADLINE), self._news:
            await self._news.wait_for(lambda: bool(self.sent))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(DEADLINE):
            await self._task

    async def _send(self, message: dict[str, Any]) -> None:
        if not self.sent:
            self.queries_before_answer = list(self._queries)
        async with self._news:
            self.sent.append(message)
            self._news.notify_all()


_opened: weakref.WeakSet[Any] = weakref.WeakSet()


@receiver(connection_created)
def _remember(connection: Any, **_: Any) -> None:
    _opened.add(connection)


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """All SQL of this process inside the block, in whichever thread and connection it runs."""
    queries: list[str] = []
    watched: list[Any] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        queries.append(sql)
        return execute(sql, params, many, context)

    def watch(connection: Any, **_: Any) -> None:
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)
            watched.append(connection)

    # Threads keep connections that they opened before, and open others.
    for connection in [*connections.all(initialized_only=True), *_opened]:
        watch(connection)
    connection_created.connect(watch)
    try:
        yield queries
    finally:
        connection_created.disconnect(watch)
        for connection in watched:
            connection.execute_wrappers.remove(note)
