"""A socket that is told how far tasks are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import msgspec

from notifications.wire import Event, encode
from realtime.handshake import Admission
from realtime.inlet import Receive
from realtime.tasks.events import Progress
from realtime.tasks.newest import Newest
from realtime.writer import Writer

INTERVAL: Final = 0.2
"""Seconds between two frames of one task: five a second, however often its producer reports."""

ENDS: Final = ('{"type":"completed"', '{"type":"error"')


class _Data(msgspec.Struct):
    task_id: str
    version: int


class End(msgspec.Struct):
    """What a socket reads of a task's end before it sends it."""

    data: _Data
    seq: int = 0


class Steps:
    """Sends of each task the newest step, while the peer takes what it is sent; none after a later end."""

    tells: ClassVar[tuple[type[Event], ...]] = (Progress,)
    writer: Writer
    _newest: Newest | None = None
    _due: asyncio.TimerHandle | None = None
    _sent_at = 0.0
    _ready = False  # for nothing may precede `connected`

    async def _live(self, receive: Receive, admission: Admission) -> None:
        try:
            await super()._live(receive, admission)  # type: ignore[misc]
        finally:
            if self._due is not None:
                self._due.cancel()

    async def recall(self, head: int, *, start: int, resumes: bool) -> None:
        """From now on steps are sent."""
        await super().recall(head, start=start, resumes=resumes)  # type: ignore[misc]
        self._ready = True

    def step(self, message: Mapping[str, Any]) -> None:
        """Take a step from the channel layer."""
        if self._newest is None:
            self._newest = Newest()
        if self._newest.offer(message["task"], message["version"], message["frame"], again=message["again"]) and self._due is None:
            loop = asyncio.get_running_loop()
            wait = self._sent_at + INTERVAL - loop.time()
            if wait <= 0:
                self._send_steps()
            else:
                self._due = loop.call_later(wait, self._send_steps)

    def sending(self) -> Callable[[str], None]:
        """What writes heartbeats and the frames that have a number: the ends are among them."""
        write: Callable[[str], None] = super().sending()  # type: ignore[misc]

        def send(frame: str) -> None:
            write(frame)
            if self._newest is not None and frame.startswith(ENDS):
                end = msgspec.json.decode(frame, type=End).data
                self._newest.told(end.task_id, end.version)

        return send

    def show(self, event: Progress) -> None:
        """Send how far a task is as it was looked up. What was heard of it meanwhile, and is not later, is not sent any more."""
        if self._newest is None:
            self._newest = Newest()
        self.writer.write(encode(event))
        self._newest.told(event.data.task_id, event.data.version)

    def _send_steps(self) -> None:
        self._due = None
        loop = asyncio.get_running_loop()
        if not self._ready or self.writer.waits:  # under pressure steps are dropped first: the newest will do
            self._due = loop.call_later(INTERVAL, self._send_steps)
            return
        self._sent_at = loop.time()
        while self._newest is not None and (frame := self._newest.take()) is not None:
            self.writer.write(frame)
            if self.writer.waits:  # what is left gets newer meanwhile, and would count as the backlog of a peer that is too slow
                self._due = loop.call_later(INTERVAL, self._send_steps)
                return
