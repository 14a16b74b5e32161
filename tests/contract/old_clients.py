"""The older systems' clients as far as coming back goes: what each does when its socket closes.

They see what a browser shows them: a close code, and 1006 for everything that is none, a handshake
refused by HTTP too. Their time can run faster: `minute` says how many of our seconds one of their
minutes takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

PATIENCE = 20.0
"""Real seconds a client waits for an answer, as a browser does."""


class Rule(Protocol):
    """One client's rule. `token` is what it will connect with next."""

    name: str
    token: str

    def opened(self) -> None:
        """Its socket opened."""

    async def after(self, code: int) -> float | None:
        """Its socket closed: how many of its seconds it waits before it comes back; None if it never does."""


class Community:
    """The community site's hooks: back after 5 s on every code but 1000."""

    name = "community site"

    def __init__(self, token: str) -> None:
        self.token = token

    def opened(self) -> None:
        pass

    async def after(self, code: int) -> float | None:
        return None if code == 1000 else 5


class Bell:
    """The stock site's bell: back on every code after 1 2 4 8 16 s, then never; an open socket begins the count anew."""

    name = "bell"

    def __init__(self, token: str) -> None:
        self.token = token
        self._tries = 0

    def opened(self) -> None:
        self._tries = 0

    async def after(self, code: int) -> float | None:
        if self._tries == 5:
            return None
        self._tries += 1
        return 2 ** (self._tries - 1)


class Console:
    """The agents' console: to /login on 1006, away on 1000, else up to 3 tries after 2, 4, 8 s with the same token."""

    name = "agent console"

    def __init__(self, token: str) -> None:
        self.token = token
        self._tries = 0

    def opened(self) -> None:
        pass

    async def after(self, code: int) -> float | None:
        if code == 1006:
            return await self._broken()
        if code == 1000 or self._tries == 3:
            return None
        self._tries += 1
        return 2**self._tries

    async def _broken(self) -> float | None:
        return None


class Widget(Console):
    """The customers' widget: as the console, but on 1006 it fetches a new token and connects at once, without end.

    It does not look at the answer's status. Only an answer that is not JSON, or none at all, stops it.
    """

    name = "customer widget"

    def __init__(self, token: str, *, fetch_from: str, customer_id: str) -> None:
        super().__init__(token)
        self._fetch_from = fetch_from
        self._customer = {"customerId": customer_id, "channel": "WEB"}

    async def _broken(self) -> float | None:
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
                # No Accept header of its own: `*/*`, as fetch() sends it.
                answer = (await client.post(self._fetch_from, json=self._customer)).json()
        except (httpx.HTTPError, ValueError):
            return None
        self.token = answer.get("token", "undefined")
        return 0


@dataclass
class Played:
    """What a client did in its minute: when it tried (in its seconds), with what codes, and how it stood at the end."""

    name: str
    attempts: list[float] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    open: bool = False
    stopped: bool = False

    @property
    def state(self) -> str:
        return "stopped" if self.stopped else "connected" if self.open else "between two tries"

    def __str__(self) -> str:
        return f"{self.name:<15} {len(self.attempts):>4} attempts in a minute, then {self.state}; closes seen: {self.codes[:8]}"


class Player:
    """Plays one client. `played` grows while it runs; `opened` is set by its first open socket."""

    def __init__(self, rule: Rule, url: str, *, minute: float) -> None:
        self.played = Played(rule.name)
        self.opened = asyncio.Event()
        self._rule = rule
        self._url = url
        self._second = minute / 60

    async def run(self) -> Played:
        """Play until the client's minute is over or it has stopped for good."""
        clock = asyncio.get_running_loop().time
        begin = clock()
        try:
            async with asyncio.timeout(60 * self._second):
                while True:
                    self.played.attempts.append(round((clock() - begin) / self._second, 1))
                    code = await self._attempt()
                    self.played.codes.append(code)
                    delay = await self._rule.after(code)
                    if delay is None:
                        self.played.stopped = True
                        break
                    await asyncio.sleep(delay * self._second)
        except TimeoutError:
            pass
        return self.played

    async def _attempt(self) -> int:
        try:
            socket = await connect(f"{self._url}?token={self._rule.token}", open_timeout=PATIENCE, compression=None, proxy=None, close_timeout=1)
        except (InvalidHandshake, OSError):
            return 1006
        async with socket:
            self._rule.opened()
            self.played.open = True
            self.opened.set()
            try:
                await socket.wait_closed()
            finally:
                self.played.open = socket.close_code is None
        return int(socket.close_code or 1006)


def report(title: str, played: Iterable[Played]) -> str:
    """Lines for a person to read."""
    return "\n".join([f"\n{title}", *(f"  {each}" for each in played)])
