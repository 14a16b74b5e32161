"""A new client, as the contract has it, that writes down what it was told and what it should not have seen.

It decides by the range of the close code when to come back, resumes with its cursor, removes what it
has already by number, and reloads over REST where the stream does not reach back.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests import frames
from tests.sockets import PROTOCOL

FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
"""Seconds: the bounds of the backoff."""
LEAVE, AT_ONCE, BACK_OFF, NEW_TOKEN = "leave", "at once", "back off", "new token"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A notification: its number and id, its title, and the Unix times at which it was written and came."""

    seq: int
    id: int
    title: str
    written: float
    came: float


def advice(code: int) -> str:
    """What the range of a close code tells a client to do."""
    if code in (1000, 1003, 1009) or 4400 <= code < 4500:
        return LEAVE
    if 4000 <= code < 4100:
        return NEW_TOKEN
    return AT_ONCE if 4200 <= code < 4300 else BACK_OFF


class Client:
    """One person's client. What it knows may be read from another thread; its methods are for its event loop.

    `applied` is what it was told since it began after `start`, or since `known`, the ids that it has
    reloaded. `complaints` is what no server may do. `begin_at` has it begin with a cursor. `renew`
    gets it a new token, and `in_time` says whether it asks for that when it is warned or when it is closed.
    """

    path = "/api/v1/ws"

    def __init__(
        self, *, url: str, user_id: int, token: str, begin_at: str | None = None, renew: Callable[[], str] | None = None, in_time: bool = True
    ) -> None:
        self.user_id = user_id
        self.token = token
        self.start: int | None = None
        self.cursor = 0
        self.epoch = ""
        self.applied: list[Arrival] = []
        self.known: frozenset[int] = frozenset()
        self.complaints: list[str] = []
        self.connections: list[str] = []
        self.codes: list[int] = []
        self.reloads = 0
        self.open = False
        self._url = url
        self._renew = renew or (lambda: token)
        self._in_time = in_time
        self._socket: ClientConnection | None = None
        self._retry_after: float | None = None
        self._asked: deque[int] = deque()  # where it wants to go on, and was not answered yet
        self._heard = 0  # the highest number since the server last said where it begins
        self._opened = asyncio.Event()
        self._pongs: dict[int, asyncio.Event] = {}
        if begin_at is not None:
            self.epoch, self.cursor = begin_at.split(":")[0], int(begin_at.split(":")[1])
            self.start = self.cursor

    @property
    def worker(self) -> int | None:
        """The process that holds its connection: an id begins with it."""
        return int(self.connections[-1].partition("-")[0]) if self.open else None

    @property
    def place(self) -> str:
        """Its cursor, with the history that it belongs to."""
        return f"{self.epoch}:{self.cursor}"

    async def run(self) -> None:
        """Stay connected until cancelled, or told to stay away."""
        tries, renewed = 0, False
        while True:
            connections = len(self.connections)
            code = await self._connect()
            self.codes.append(code)
            if len(self.connections) > connections:
                tries, renewed = 0, False
            what = advice(code)
            if what == LEAVE or (what == NEW_TOKEN and renewed):
                self.complaints.append(f"told to stay away: {code}")
                return
            if what == NEW_TOKEN:
                self.token, renewed = self._renew(), True
            wait = random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**tries)) if self._retry_after is None else self._retry_after
            tries += 1
            # At once, but not again and again: a server that is not there yet would be hammered.
            await asyncio.sleep(0 if what == AT_ONCE and tries == 1 else wait)

    async def say(self, frame: dict[str, Any]) -> None:
        """Send a frame, if it is connected and stays so."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps(frame))

    async def resume(self, since: int) -> None:
        """Ask on the open connection for all after that number, or reload where that cannot be had."""
        if self.open:
            self._asked.append(since)
            await self.say({"type": "resume", "since": f"{self.epoch}:{since}"})

    async def hang_up(self) -> None:
        """Break the connection as a lost network would."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def sync(self) -> None:
        """Returns when all that was sent to the open connection before has been heard."""
        while True:
            mark = time.perf_counter_ns() % 10**12
            pong = self._pongs[mark] = asyncio.Event()
            try:
                async with asyncio.timeout(20):
                    await (await self._connected()).send(json.dumps({"type": "ping", "timestamp": mark}))
                    await pong.wait()
                return
            except ConnectionClosed:
                await asyncio.sleep(0.01)  # until it has noticed, and is connected again
            finally:
                del self._pongs[mark]

    async def _connected(self) -> ClientConnection:
        await self._opened.wait()
        assert self._socket is not None
        return self._socket

    async def _connect(self) -> int:
        """Be connected for once; the close code."""
        self._retry_after, self._asked = None, deque([self.cursor])
        since = {"since": self.place} if self.start is not None else {}
        socket: ClientConnection | None = None
        try:
            async with connect(
                f"{self._url.replace('http', 'ws', 1)}{self.path}?{urlencode(since)}",
                subprotocols=[PROTOCOL, f"bearer.{self.token}"],  # type: ignore[list-item]
                compression=None,
                proxy=None,
                open_timeout=10,
                ping_interval=None,  # the server asks for signs of life; we must not help it
                max_queue=None,
                max_size=None,
                close_timeout=1,
            ) as socket:
                self._socket = socket
                async for text in socket:
                    frames.told(self.path, text)
                    await self._hear(json.loads(text))
        except (OSError, WebSocketException):
            pass
        finally:
            self._socket = None
            self.open = False
            self._opened.clear()
        return (socket.close_code if socket is not None else None) or 1006

    async def _hear(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "connected":
                await self._welcome(frame["data"])
            case "notification":
                self._apply(frame)
            case "heartbeat":
                self._hear_number(frame["data"]["seq"], lowest=self._heard, what="a heartbeat at")
            case "token_expiring" if self._in_time:
                self.token = self._renew()
                await self.say({"type": "auth", "token": self.token})
            case "error":
                self._retry_after = frame["retry_after_ms"] / 1000 if "retry_after_ms" in frame else None
            case "pong" if frame["client_timestamp"] in self._pongs:
                self._pongs[frame["client_timestamp"]].set()

    async def _welcome(self, data: dict[str, Any]) -> None:
        if data["resumed"] and data["seq"] <= self._heard and data["connection_id"] in self.connections and data["seq"] not in self._asked:
            return  # said anew, because of who is here: this socket goes on from where it is
        asked = self._asked.popleft() if self._asked else None
        if self.start is None:
            self.start = self.cursor = data["seq"]
        elif not data["resumed"]:
            await self._reload()
            self.cursor = data["seq"]
        elif data["seq"] != asked:
            self.complaints.append(f"resumed at {data['seq']} instead of {asked}")
        self._heard = data["seq"]
        self.epoch = data["epoch"]
        if data["connection_id"] not in self.connections:
            self.connections.append(data["connection_id"])
        self.open = True
        self._opened.set()

    def _apply(self, frame: dict[str, Any]) -> None:
        seq, data = frame["seq"], frame["data"]
        if self._hear_number(seq, lowest=self._heard + 1, what="number") and data["id"] not in self.known:
            self.applied.append(Arrival(seq, data["id"], data["title"], datetime.fromisoformat(data["created_at"]).timestamp(), time.time()))

    def _hear_number(self, seq: int, *, lowest: int, what: str) -> bool:
        """Move on to that number. Returns whether it is new, and not one that was asked for again."""
        if seq < lowest:
            self.complaints.append(f"{what} {seq} after {self._heard} on connection {len(self.connections)}")
        new = seq > self.cursor
        self._heard, self.cursor = max(self._heard, seq), max(self.cursor, seq)
        return new

    async def _reload(self) -> None:
        ids: set[int] | None = None
        while ids is None:
            try:
                ids = await self._listed()
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 401:
                    raise
                self.token = self._renew()
            except httpx.TransportError:  # its worker was killed, perhaps
                await asyncio.sleep(0.1)
        self.reloads += 1
        self.known, self.applied = frozenset(ids), []

    async def _listed(self) -> set[int]:
        ids: set[int] = set()
        page: str | None = f"{self._url}/api/v1/notifications?limit=1000"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self.token}"}, timeout=20) as rest:
            while page:
                answer = (await rest.get(page)).raise_for_status().json()
                ids |= {row["id"] for row in answer["results"]}
                page = answer["next"]
        return ids
