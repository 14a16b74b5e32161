"""A network between a server and its Redis that loses whole pub/sub messages and nothing else."""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tests.servers.background import Background, join

# How a pub/sub message begins, in RESP2 and in RESP3.
PUSHED = re.compile(rb"[*>]3\r\n\$7\r\nmessage\r\n")
PARTS = {b"*": 1, b"~": 1, b">": 1, b"%": 2}  # how many values follow each counted one


class Splitter:
    """Cuts a stream of answers into whole ones."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The answers that are now complete."""
        self._rest += data
        answers, begin = [], 0
        while (end := self._end(begin)) is not None:
            answers.append(self._rest[begin:end])
            begin = end
        self._rest = self._rest[begin:]
        return answers

    def _end(self, begin: int) -> int | None:
        """Where the value that begins there ends; None if its end has not come yet."""
        line = self._rest.find(b"\r\n", begin)
        if line < 0:
            return None
        kind, end = self._rest[begin : begin + 1], line + 2
        if kind in b"$=!":
            size = int(self._rest[begin + 1 : line])  # -1: there is none
            end += size + 2 if size >= 0 else 0
            return end if end <= len(self._rest) else None
        for _ in range(PARTS[kind] * int(self._rest[begin + 1 : line]) if kind in PARTS else 0):
            after = self._end(end)
            if after is None:
                return None
            end = after
        return end


class LeakyProxy(Background):
    """Listens at `url` and hands on what `upstream` (a unix socket's address) says, but for `loss` (0 to 1) of its messages."""

    def __init__(self, folder: Path, upstream: str, *, loss: float = 0.0, seed: int = 1) -> None:
        super().__init__()
        self._path = folder / "proxy.sock"
        self.url = f"unix://{quote(str(self._path))}"
        self.loss = loss
        self.passed = self.dropped = 0
        self._upstream = unquote(urlsplit(upstream).path)
        self._chance = random.Random(seed)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._serve, self._path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, questions = await asyncio.open_unix_connection(self._upstream)
        except OSError:
            writer.close()
            return
        splitter = Splitter()

        def leak(data: bytes) -> bytes:
            return b"".join(answer for answer in splitter.feed(data) if not self._lost(answer))

        await join((reader, writer), (answers, questions), told=leak)

    def _lost(self, answer: bytes) -> bool:
        if not PUSHED.match(answer):
            return False
        lost = self._chance.random() < self.loss
        self.dropped += lost
        self.passed += not lost
        return lost
