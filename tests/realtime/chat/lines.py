"""People whose line to the chat comes and goes, and who write down when they had none."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from accounts import tokens
from accounts.models import User
from tests import frames
from tests.realtime.chat.conftest import CHAT
from tests.sockets import PROTOCOL

PATIENCE = 20.0


class Line:
    """One person's new client. It comes back at once whenever its connection breaks, until it is told to go.

    `place` is what it was told last of the queue: its session, and where that stands in how many.
    `absences` are the times (Unix) in which it had no connection, the last without an end if it has none now.
    """

    def __init__(self, url: str, user: User) -> None:
        self.user = user
        self.absences: list[list[float]] = [[0.0, float("inf")]]
        self.place: tuple[str, int, int] | None = None
        self._url = f"{url}{CHAT}?{urlencode({'token': tokens.issue(user)[0]})}"
        self._socket: ClientConnection | None = None
        self._wanted = False
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # one who comes and goes at once does one after the other
        self._open = asyncio.Event()
        self._heard: dict[str, asyncio.Future[dict[str, Any]]] = {}

    @property
    def here(self) -> bool:
        return self._open.is_set()

    async def come(self) -> None:
        """Connect, and stay connected."""
        async with self._turn:
            self._wanted = True
            if self._task is None:
                self._task = asyncio.create_task(self._live())
        async with asyncio.timeout(PATIENCE):
            # It may be told to go meanwhile, and then there is nothing to wait for.
            while self._wanted and not self.here:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def go(self) -> None:
        """Leave in good order."""
        await self._leave(abort=False)

    async def crash(self) -> None:
        """Leave without a word."""
        await self._leave(abort=True)

    def cut(self) -> None:
        """The line breaks, and nothing else."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def say(self, **frame: Any) -> None:
        """Send it, if the line holds."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps(frame))

    async def write(self, text: str, name: str, session_id: str = "") -> dict[str, Any]:
        """Write a message, again after each break, until it is answered; the answer: the message or the refusal."""
        heard = self._heard[name] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(2 * PATIENCE):
            while not heard.done():
                await self.come()
                await self.say(type="message", sessionId=session_id, text=text, clientMessageId=name)
                await asyncio.wait([heard], timeout=2)
        del self._heard[name]
        return heard.result()

    async def _leave(self, *, abort: bool) -> None:
        async with self._turn:
            self._wanted = False
            if self._socket is not None:
                if abort:
                    self._socket.transport.abort()
                else:
                    await self._socket.close()
            if self._task is not None:
                await self._task
                self._task = None

    async def _live(self) -> None:
        while self._wanted:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(self._url, subprotocols=[PROTOCOL], proxy=None, compression=None, ping_interval=None, close_timeout=2) as socket:  # type: ignore[list-item]
                    self._socket = socket
                    try:
                        if not self._wanted:
                            return
                        async for text in socket:
                            frames.told(CHAT, text)
                            self._take(json.loads(text))
                    finally:
                        self._lost()
            if self._wanted:
                await asyncio.sleep(0.05)

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "connected":
            self.absences[-1][1] = time.time()
            self._open.set()
        if frame["type"] == "queue":
            self.place = frame["data"]["sessionId"], frame["data"]["position"], frame["data"]["waiting"]
        told = frame.get("message") if frame["type"] == "message" else frame.get("data", {}) if frame["type"] == "error" else None
        if isinstance(told, dict):
            name = told.get("clientMessageId") or told.get("client_message_id")
            heard = self._heard.get(name or "")
            if heard is not None and not heard.done():
                heard.set_result(frame)

    def _lost(self) -> None:
        self._socket = None
        if self._open.is_set():
            self.absences.append([time.time(), float("inf")])
            self._open.clear()
