"""What a socket is sent, in order: pushes through its lane, and repairs from the inbox."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable

from django import db

from notifications import backlog
from realtime.lane import FILL, SEND, Lane
from realtime.traffic import HOLES, KEY, REPAIRED, sent

logger = logging.getLogger(__name__)


class Outlet:
    """The way out to one socket.

    `write` sends one frame, and `drained` returns when the peer has taken what was written; `heartbeat`
    makes the frame that says everything up to a number was sent; `lost` is called when the stream no
    longer reaches back to where a repair had to begin.
    """

    def __init__(
        self,
        *,
        user_id: int,
        topics: tuple[str, ...],
        write: Callable[[str], None],
        drained: Callable[[], Awaitable[None]],
        heartbeat: Callable[[int], str],
        lost: Callable[[], Awaitable[None]],
    ) -> None:
        self.lane = Lane(topics)
        self._user_id = user_id
        self._topics = topics
        self._write = write
        self._drained = drained
        self._heartbeat = heartbeat
        self._lost = lost
        self.context = contextvars.copy_context()
        """In which work for this socket is done, for the log lines to be its own."""
        self._beat_due = False
        self._fill: asyncio.Task[None] | None = None
        self._before = 0  # while a repair is under way, up to where it has not changed what was sent

    @property
    def cursor(self) -> int:
        """Up to which number everything has been sent; the lane's own is ahead of that while the frames of a page are."""
        return self._before if self.lane.filling else self.lane.cursor

    def push(self, seq: int, topic: str, frame: str) -> bool:
        """A frame came from the channel layer. Returns whether it was written now."""
        verdict = self.lane.push(seq, topic)
        if verdict is SEND:
            self._write(frame)
            return True
        if verdict is FILL:
            HOLES.add("push")
            self._start_fill()
        return False

    def repeat(self, seq: int, frame: str) -> None:
        """Send a numbered frame once more. If the lane has yet to come to it, that will be the one time."""
        if seq > self.lane.cursor:
            self.notice(seq)
        else:
            sent[frame[KEY]] += 1
            self._write(frame)

    def notice(self, head: int) -> None:
        """The inbox has entries up to `head`: repair what of them was not sent."""
        if self.lane.behind(head):
            HOLES.add("look")
            self._start_fill()

    def beat(self, head: int) -> None:
        """Send a heartbeat. If the inbox is ahead of what was sent, the repair goes first."""
        self.notice(head)
        self._beat_due = True
        if not self.lane.filling:
            self._send_due_beat()

    async def hold(self) -> None:
        """Finish the repair that is under way, then send nothing until `begin`."""
        while self._fill not in (None, asyncio.current_task()):
            await asyncio.wait([self._fill])
        self._before = self.lane.cursor
        self.lane.hold()

    def begin(self, *, cursor: int, head: int) -> None:
        """Go on after `cursor`; what lies between it and `head` is read from the inbox."""
        self.lane.begin(cursor=cursor, head=head)
        self._before = cursor
        if self.lane.filled():
            self._send_due_beat()
        else:
            self._start_fill()

    def go_on(self) -> None:
        """End a `hold` where it began, without a `begin`."""
        self.lane.abandon()

    async def close(self) -> None:
        """Stop. A repair that is under way is left where it is: the client resumes from its own cursor."""
        if self._fill is not None:
            self._fill.cancel()
            await asyncio.wait([self._fill])
        self._write, self._heartbeat, self._lost = _ignore, str, _nothing  # the socket's: it and this would hold each other

    def _start_fill(self) -> None:
        self._before = self.lane.cursor
        # Whoever has shown the hole, the log lines are this socket's.
        self._fill = asyncio.get_running_loop().create_task(self._run_fill(), context=self.context)

    async def _run_fill(self) -> None:
        try:
            await self._read_pages()
        except db.Error as error:
            logger.warning("A repair waits for the next push or heartbeat: %s", error)
            self.lane.abandon()
        except Exception:
            logger.exception("A repair failed; the next push or heartbeat starts another")
            self.lane.abandon()
        finally:
            if self._fill is asyncio.current_task():
                self._fill = None

    async def _read_pages(self) -> None:
        while True:
            self._before = self.lane.cursor
            page = await backlog.apage(self._user_id, self._topics, after=self.lane.ask())
            if page.floor > self.lane.cursor:
                await self._lost()
                return
            for frame in self.lane.take(page):
                await self._drained()  # or a long repair would be more than a healthy peer's backlog may hold
                self._write(frame)
                sent[frame[KEY]] += 1
                REPAIRED.add()
            if self.lane.filled():
                break
        self._send_due_beat()

    def _send_due_beat(self) -> None:
        if self._beat_due:
            self._beat_due = False
            frame = self._heartbeat(self.lane.cursor)
            sent[frame[KEY]] += 1
            self._write(frame)


def _ignore(_frame: str) -> None: ...


async def _nothing() -> None: ...
