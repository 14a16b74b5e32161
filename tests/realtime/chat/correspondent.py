"""A new client of the support chat on a bad line: it sends again what was not answered, and applies each number once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from tests.faults.client import Client
from tests.sockets import Frame

AT_ONCE = 8
"""Messages that it has sent and that were not answered yet, at most."""


class Correspondent(Client):
    """One tab of somebody who writes and reads.

    `heard` are the messages that it has applied, each with its number; `ids` by the names of what it has
    written the ids that it was told; `unanswered` is what it sends again when it is connected again.
    """

    path = "/ws/chat"

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.heard: list[tuple[int, Frame]] = []
        self.ids: dict[str, set[str]] = defaultdict(set)
        self.unanswered: dict[str, Frame] = {}
        self._answered = asyncio.Event()

    async def write(self, session_id: str, name: str, *, times: int) -> None:
        """Send a message that many times, once there are few that wait for their answer."""
        while len(self.unanswered) >= AT_ONCE:
            self._answered.clear()
            await self._answered.wait()
        frame = self.unanswered[name] = {"type": "message", "sessionId": session_id, "text": f"I am {name}", "clientMessageId": name}
        for _ in range(times):
            await self.say(frame)

    async def _welcome(self, data: dict[str, Any]) -> None:
        await super()._welcome(data)
        for frame in list(self.unanswered.values()):
            await self.say(frame)

    async def _hear(self, frame: Frame) -> None:
        if frame["type"] == "error" and "close_code" not in frame:
            self.complaints.append(f"refused: {frame}")
        elif frame["type"] == "message":
            self._take(frame["seq"], frame["message"])
        elif frame["type"] in ("session", "read"):
            self._hear_number(frame["seq"], lowest=self._heard + 1, what="number")
        elif frame["type"] == "offline_message":
            self.complaints.append("sent as missed what it was to resume")
        else:
            await super()._hear(frame)

    def _take(self, seq: int, message: Frame) -> None:
        answers = message["clientMessageId"] if message["isMine"] else ""
        if answers:
            self.ids[answers].add(message["id"])
            self.unanswered.pop(answers, None)
            self._answered.set()
        # The answer to what was sent again has the number that it had; nothing else may come late.
        if self._hear_number(seq, lowest=0 if answers else self._heard + 1, what="number"):
            self.heard.append((seq, message))
