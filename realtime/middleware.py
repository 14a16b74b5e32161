"""What stands before Django: bounds on what a request may bring, and on how many are worked on at once."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation

from accounts import languages
from accounts.problems import Problem, answer, without_words

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

PATIENCE: Final = 10.0
"""Seconds a request waits for its turn: as long as it would wait for a connection to the database."""


class BoundedBody:
    """Answers 413 to a body of more than `limit` bytes, as soon as that shows.

    Django would first write all of it to the disk, whoever sends it, and only then look at its size.
    """

    def __init__(self, application: Application, *, limit: int) -> None:
        self.application = application
        self.limit = limit

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if int(headers.get(b"content-length", b"0")) > self.limit:  # servers let nothing but digits pass
            await _refuse(scope, send, Problem("TOO_LARGE"))
            return
        taken, refused = 0, False

        async def bounded() -> Any:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken <= self.limit:
                return message
            if not refused:
                refused = True
                await _refuse(scope, send, Problem("TOO_LARGE"))
            return {"type": "http.disconnect"}

        async def unless_refused(message: Any) -> None:
            if not refused:
                await send(message)

        await self.application(scope, bounded, unless_refused)


class LegibleAddress:
    """Answers 400 to an address whose query is not UTF-8, to which Django would answer without a word."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            scope["query_string"].decode()
        except UnicodeDecodeError:
            await _refuse(scope, send, Problem("INVALID_REQUEST"))
        else:
            await self.application(scope, receive, send)


class BoundedRequests:
    """Lets at most `limit` requests of an event loop be worked on at once; more wait, and after `patience` seconds are answered 503.

    Without a bound the requests that a slow query holds up would take every connection to the
    database, and the sockets would stand still with them.

    A request has a place from when all of it has arrived until its answer begins: that is when Django
    works on it. So who sends slowly or reads slowly has none, and no stream has one for longer than
    it takes to begin. `needless` are the paths that are answered without waiting.
    """

    def __init__(self, application: Application, *, limit: int, needless: Collection[str] = (), patience: float = PATIENCE) -> None:
        self.application = application
        self.limit = limit
        self.needless = needless
        self.patience = patience
        self._places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["path"].rstrip("/") in self.needless:
            await self.application(scope, receive, send)
            return
        places = self._places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self.limit))
        arrived = placed = refused = False

        async def in_turn() -> Any:
            nonlocal arrived, placed, refused
            message = await receive()
            if arrived or message["type"] != "http.request" or message.get("more_body"):
                return message
            arrived = True
            try:
                async with asyncio.timeout(self.patience):
                    await places.acquire()
            except TimeoutError:
                refused = True
                await _refuse(scope, send, Problem("DEPENDENCY_DOWN", wait=self.patience))
                return {"type": "http.disconnect"}
            placed = True
            return message

        def make_room() -> None:
            nonlocal placed
            if placed:
                placed = False
                places.release()

        async def once_answered(message: Any) -> None:
            make_room()
            if not refused:
                await send(message)

        try:
            await self.application(scope, in_turn, once_answered)
        finally:
            make_room()


def database_connections_returned(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give a request's database connection back when its answer is made.

    Django does so when the client has taken all of it, which may be never. Stands before all other
    middleware, for these may ask the database too.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        close_old_connections()
        return response

    return middleware


async def _refuse(scope: Any, send: Send, problem: Problem) -> None:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    with translation.override(languages.wanted(headers.get(b"accept-language", "")) or None):
        response = without_words(answer(problem), path=scope["path"], accept=headers.get(b"accept", ""))
    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": [*lines, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": response.content})
