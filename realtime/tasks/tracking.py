"""Showing long work to whom it is done for: `for item in track(items, user=mia, title="Import")`.

See docs/tasks.md. What the work does here is to set attributes; the reporter tells of them.
"""

from __future__ import annotations

import asyncio
import logging
import operator
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise

from accounts.executor import in_thread
from accounts.models import User
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reporter import End, Work, reporter
from realtime.tasks.reports import checked_result

logger = logging.getLogger(__name__)

T = TypeVar("T")

WAIT: Final = 5.0
"""Seconds for which work that has ended waits until that is stored. After them it goes on, and the reporter tries again."""


class Failed(Exception):
    """Raise it to fail a task with a text for its owner. A lazy text is read in the owner's language."""

    def __init__(self, text: Promise | str = "") -> None:
        super().__init__(text)
        self.text = text


class Cancelled(Failed):
    """The work stops before its end because somebody wanted that; its task counts as cancelled, not as failed."""


class Tracked(Work):
    """A task while it is worked on. Its attributes may be set as often as one likes; they are told a few times a second.

    `step`, `total_steps` (0: not known), `message`, and `progress` in percent, which is reckoned from the steps until
    it is set. `id` is the task's once it has begun; `cancel_requested` says whether somebody asks it to stop.
    """

    def __init__(self, *, user: User | int, title: str, total_steps: int, notify: bool, link: str, timeout: float | None) -> None:
        super().__init__()
        self.id = ""
        self.total_steps = total_steps
        self._begins_with: dict[str, Any] = {"owner": user, "title": title, "notify": notify, "link": link, "timeout": timeout}
        self._process = 0

    def advance(self, steps: int = 1, *, message: Promise | str | None = None) -> None:
        """So many steps more are done. Several threads may call this; with `update` the last one wins."""
        self.step += steps
        if message is not None:
            self.message = message

    def update(self, *, step: int | None = None, total_steps: int | None = None, progress: float | None = None, message: Promise | str | None = None) -> None:
        """It is so far now. What is not given stays."""
        if step is not None:
            self.step = step
        if total_steps is not None:
            self.total_steps = total_steps
        if progress is not None:
            self.progress = progress
        if message is not None:
            self.message = message

    @property
    def result(self) -> Any:
        """What has come out, as JSON."""
        return self._result

    @result.setter
    def result(self, result: object) -> None:
        """Raises Declined for what is no JSON or too large."""
        self._result = checked_result(result)

    def check(self) -> None:
        """Raises Cancelled if somebody asks it to stop."""
        if self.cancel_requested:
            raise Cancelled

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._finish(error):
            self._ended.wait(WAIT)

    async def __aenter__(self) -> Self:
        try:
            await in_thread(self._begin)
        except BaseException as error:
            self._end, self._ended_at = _end(error), time.monotonic()
            if self._process:  # else it is the thread, which goes on, that finds that this has ended
                reporter.end(self)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._finish(error):
            await in_thread(self._ended.wait, WAIT)

    def _begin(self) -> None:
        if services.in_transaction():
            text = "A task cannot begin inside a transaction: nobody would see it before the commit. Begin it before, and put transactions into its block."
            raise transaction.TransactionManagementError(text)
        task = services.begin(**self._begins_with, source=Task.Source.CODE, total_steps=self.total_steps).task
        self.id = self._name = task.public_id
        self._pk, self._timeout, self._language = task.pk, task.timeout, task.owner.language or settings.LANGUAGE_CODE
        self._told = self._state()
        self._told_at, self._heard_at = time.monotonic(), time.time()
        self._process = os.getpid()
        reporter.follow(self)

    def _finish(self, error: BaseException | None) -> bool:
        """Give it its end. Returns whether one may wait until that is stored."""
        if os.getpid() != self._process:
            return False  # a fork that leaves its parent's block
        self._end, self._ended_at = _end(error), time.monotonic()
        if error is not None:
            logger.info("Task %s has ended with %s", self.id, type(error).__name__)
        reporter.end(self)
        # A generator that nobody reads any more is closed in the middle of something else, and what a transaction
        # holds here the reporter may wait for.
        return not isinstance(error, GeneratorExit) and not services.in_transaction()


def tracking(*, user: User | int, title: str, total_steps: int = 0, notify: bool = False, link: str = "", timeout: float | None = None) -> Tracked:
    """Show what the block does: `with tracking(user=mia, title="Report", total_steps=5) as task`, or `async with`.

    The task completes with the block. What is raised in it fails the task and goes on its way: the owner reads the
    text of a Failed, and of others only that this could not be finished. Cancelled, Ctrl-C and a coroutine's
    cancellation count as cancelled.

    `notify` makes a notification of the end, which leads to `link`. `timeout` is in seconds: so long the process may be
    dead or frozen until the task has failed (TASK_TIMEOUT). Raises Declined for what makes no sense.
    """
    return Tracked(user=user, title=title, total_steps=total_steps, notify=notify, link=link, timeout=timeout)


def track(
    items: Iterable[T],
    *,
    user: User | int,
    title: str,
    total_steps: int | None = None,
    notify: bool = False,
    link: str = "",
    timeout: float | None = None,
    cancellable: bool = False,
) -> Iterator[T]:
    """The same items, one step each: `for item in track(items, user=mia, title="Import")`.

    The task begins when the first is asked for. A loop that does not come to its end, for whatever reason, fails it at
    the step where it stopped. `total_steps` is the length of `items` where they have one. With `cancellable`, Cancelled
    is raised between two steps if somebody asks it to stop. For the rest see `tracking`.
    """
    total_steps = operator.length_hint(items) if total_steps is None else total_steps
    with tracking(user=user, title=title, total_steps=total_steps, notify=notify, link=link, timeout=timeout) as task:
        for step, item in enumerate(items, start=1):
            yield item
            task.step = step
            if cancellable and task.cancel_requested:
                raise Cancelled


async def atrack(
    items: Iterable[T] | AsyncIterable[T],
    *,
    user: User | int,
    title: str,
    total_steps: int | None = None,
    notify: bool = False,
    link: str = "",
    timeout: float | None = None,  # noqa: ASYNC109 - not of this call
    cancellable: bool = False,
) -> AsyncIterator[T]:
    """`track` for coroutines: `async for item in atrack(items, user=mia, title="Import")`."""
    if total_steps is None:  # in a thread: a query has to be made to know its length
        total_steps = await in_thread(operator.length_hint, items)
    async with tracking(user=user, title=title, total_steps=total_steps, notify=notify, link=link, timeout=timeout) as task:
        step = 0
        async for item in _asynchronous(items):
            yield item
            step += 1
            task.step = step
            if cancellable and task.cancel_requested:
                raise Cancelled


async def _asynchronous(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def _end(error: BaseException | None) -> End:
    if error is None:
        return End(Task.Status.COMPLETED)
    if isinstance(error, Cancelled):
        return End(Task.Status.CANCELLED, error.text)
    if isinstance(error, Failed):
        return End(Task.Status.FAILED, error.text)
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        return End(Task.Status.CANCELLED)
    # Of other exceptions nobody knows what their texts give away.
    return End(Task.Status.FAILED, "" if isinstance(error, Exception) else None)
