"""People who come and go beside those who stay."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.faults.crowd import Crowd
from tests.servers.workers import Site
from tests.streams import PATH

CUTS = 4.0
"""Connections of those who stay that break in a second."""
VISITS = 4.0
"""Visits that begin in a second."""
STAY = 15.0
"""Seconds that a visit takes at most: longer than the grace of presence."""
MEMBER_PATHS = ("/api/v1/ws", "/api/ws/notifications", "/ws/chat")
CUSTOMER_PATHS = ("/ws/chat",)


class Churn:
    """Cuts lines of a crowd and sends visitors, by their tokens, until it is cancelled.

    It counts the `visits` that have ended and the lines that were `cut`.
    """

    def __init__(self, site: Site, crowd: Crowd, *, members: Sequence[str], customers: Sequence[str]) -> None:
        self.visits = self.cut = 0
        self._site = site
        self._crowd = crowd
        self._guests = [(token, MEMBER_PATHS) for token in members] + [(token, CUSTOMER_PATHS) for token in customers]
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Go on until cancelled."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._cut_lines())
                both.create_task(self._send_visitors())
        finally:
            for visit in self._under_way:
                visit.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _cut_lines(self) -> None:
        while True:
            await asyncio.sleep(random.expovariate(CUTS))
            await random.choice(self._crowd.clients).hang_up()
            self.cut += 1

    async def _send_visitors(self) -> None:
        while True:
            await asyncio.sleep(random.expovariate(VISITS))
            token, paths = random.choice(self._guests)
            visit = asyncio.create_task(self._listen(token) if random.random() < 0.2 and len(paths) > 1 else self._speak(token, random.choice(paths)))
            self._under_way.add(visit)
            visit.add_done_callback(self._under_way.discard)

    async def _speak(self, token: str, path: str) -> None:
        """Open a socket, be greeted, say what people say, and leave: politely, or without a word."""
        with suppress(OSError, WebSocketException):  # the fourth of one person takes the first one's place, and a busy machine takes its time
            async with connect(f"{self._site.ws_url}{path}?token={token}", compression=None, proxy=None, max_queue=None, close_timeout=2) as socket:
                await socket.recv()
                await socket.send(json.dumps({"type": "presence", "status": random.choice(["online", "away", "busy"])}))
                await socket.send(json.dumps({"type": "ping", "timestamp": 1}))
                await self._hear(socket.recv)
                if random.random() < 0.5:
                    socket.transport.abort()
        self.visits += 1

    async def _listen(self, token: str) -> None:
        """Open an event stream, be greeted, and hang up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._site.port)
        writer.write(f"GET {PATH}?token={token} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        with suppress(OSError, asyncio.IncompleteReadError):  # as above
            await reader.readuntil(b"event: connected\n")
            await self._hear(reader.readline)
        writer.close()
        self.visits += 1

    async def _hear(self, receive: object) -> None:
        assert callable(receive)
        with suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0, STAY)):
                while await receive():
                    pass
