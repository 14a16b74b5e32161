"""The one thread of a process that tells how far its tasks are, while the work itself only sets attributes."""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

from django import db
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from notifications.wire import MAX_SEQ
from realtime.declined import Declined
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reports import LONGEST_TEXT, Report

logger = logging.getLogger(__name__)

INTERVAL: Final = 0.27
"""Seconds between two reports of a task. Four of them and its end are never more than five frames in a second, though one came a little late."""
SIGN_OF_LIFE: Final = 5.0
"""Seconds after which a task of which there is nothing new is reported all the same, or a quarter of its timeout."""
LOOK: Final = 0.5
"""Seconds after which it is looked whether somebody asks a task to stop of which there was nothing to report."""
AGAIN: Final = 1.0
"""Seconds until the database is tried again."""
AWAY: Final = 600.0
"""Seconds for which an end is tried to be stored, or as long as the task's timeout."""
AT_EXIT: Final = 10.0
"""Seconds for which the interpreter waits for that."""


class End(NamedTuple):
    """How it ended. `text` is what its owner reads, None that it stopped where it was; a lazy one is read in its owner's language."""

    status: Task.Status
    text: Any = ""


class Work:
    """A task in the hands of its producer, who writes, and the reporter, who reads; only `cancel_requested` is the other way round."""

    def __init__(self) -> None:
        self.step = 0
        self.total_steps = 0
        self.progress: float | None = None
        self.message: Any = ""
        self.cancel_requested = False
        self._pk = 0
        self._name = ""
        self._timeout = 0.0
        self._language = ""
        self._result: Any = None
        self._end: End | None = None
        self._ended = threading.Event()
        self._ended_at = math.inf
        self._told: dict[str, Any] = {}
        self._told_at = time.monotonic()
        self._heard_at = time.time()  # the wall's clock: a monotonic one stands still while the machine sleeps

    def _state(self) -> dict[str, Any]:
        """As it can be stored: who miscounts, or writes too long a message, is not disturbed at its work."""
        state: dict[str, Any] = {"step": _whole(self.step), "total_steps": _whole(self.total_steps), "message": _cut(self.message)}
        return state if self.progress is None else {**state, "progress": _percent(self.progress)}

    def _last_words(self) -> dict[str, Any]:
        """What is said of its end, in its owner's language."""
        state, end = self._state(), self._end
        assert end is not None  # noqa: S101
        if end.status == Task.Status.COMPLETED:
            return {**state, "status": end.status, "result": self._result}
        return {**state, "status": end.status, "error": _stopped(state) if end.text is None else _cut(end.text), "result": self._result}


def _stopped(state: dict[str, Any]) -> str:
    if state["total_steps"]:
        return _("Stopped at step %(step)d of %(total)d.") % {"step": state["step"], "total": state["total_steps"]}
    return _("Stopped at step %(step)d.") % {"step": state["step"]} if state["step"] else ""


class Reporter:
    """Reports all that is worked on in this process, in a thread that lives as long as there is anything."""

    def __init__(self) -> None:
        self.forked()

    def forked(self) -> None:
        """Forget what another process is working on."""
        # Of all queues this one may be put to by a destructor, whatever it interrupts.
        self._inbox: SimpleQueue[Work | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._works: dict[Work, None] = {}
        self._away_until = self._looked_at = 0.0
        self._leaving = False

    def follow(self, work: Work) -> None:
        """Report it from now on, until it has an end."""
        self._inbox.put(work)
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="task reporter", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the work itself can go on
                    logger.exception("There is no thread that could report task %s", work._name)
                else:
                    self._thread = thread

    def end(self, work: Work) -> None:
        """Store the end that it has been given. A garbage collector may call this, anywhere: it does not wait for anything."""
        self._inbox.put(work)

    def finish(self) -> None:
        """End what nobody will go on with, and wait a while until all ends are stored."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            self._inbox.put(None)
            thread.join(AT_EXIT)

    # In the thread

    def _run(self) -> None:
        try:
            while self._has_work():
                pause = min([INTERVAL, *(each._timeout / 4 for each in self._works)])
                self._take_in(time.monotonic() + pause)
                self._round()
                if connection.vendor != "sqlite":  # whose opening costs more than most questions; others are in a pool
                    connection.close()
        finally:
            connection.close()

    def _has_work(self) -> bool:
        with self._starting:
            if self._works or not self._inbox.empty():
                return True
            self._thread = None
            return False

    def _take_in(self, until: float) -> None:
        """See what has begun, and store what has ended, until then."""
        while True:
            try:
                work = self._inbox.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return
            if work is None:
                self._leaving = True
            elif work not in self._works and not work._ended.is_set():
                self._works[work] = None
            if work is None or work._end is not None:
                self._round(only_ends=True)

    def _round(self, *, only_ends: bool = False) -> None:
        for work in list(self._works):
            if not only_ends and not self._inbox.empty():
                self._take_in(0)
            if time.monotonic() < self._away_until:
                return
            if work in self._works and (work._end is not None or self._leaving or not only_ends):
                self._asking(work, self._look_after)
        if not only_ends and time.monotonic() >= max(self._away_until, self._looked_at + LOOK):
            self._asking(None, self._look_for_requests)

    def _asking(self, work: Work | None, ask: Callable[[Any], bool]) -> None:
        """Ask the database something, which may be away. `ask` says whether it did."""
        try:
            if ask(work) and self._away_until:
                logger.info("How far tasks are is stored again.")
                self._away_until = 0.0
        except (db.OperationalError, db.InterfaceError) as error:
            if not self._away_until:
                logger.warning("How far tasks are cannot be stored now, it is tried again: %s", error)
            self._away_until = time.monotonic() + AGAIN
            connection.close()
            if work in self._works:  # perhaps it is only this one: let the others come first
                self._works[work] = self._works.pop(work)
            self._give_up()
        except Exception:
            if work is None:
                logger.exception("It cannot be looked whether a task is asked to stop")
            else:
                logger.exception("Task %s cannot be reported", work._name)
                self._forget(work)

    def _look_after(self, work: Work) -> bool:
        now = time.monotonic()
        if self._leaving and work._end is None:
            work._end, work._ended_at = End(Task.Status.FAILED, None), now
        end = work._end
        with translation.override(work._language):
            state = work._state() if end is None else work._last_words()
        if end is not None:
            return self._report(work, state)
        changed = any(value != work._told.get(name) for name, value in state.items())
        silence = time.time() - work._heard_at
        # Not heard of for so long it may count as failed, and its watcher must be shown that it goes on.
        if not 0 <= silence <= work._timeout / 2 or (changed and now - work._told_at >= INTERVAL):
            return self._report(work, state)
        if not changed and silence >= min(SIGN_OF_LIFE, work._timeout / 4):
            return self._report(work, {})
        return False

    def _report(self, work: Work, said: dict[str, Any]) -> bool:
        try:
            task = services.report(tasks=Task.objects.filter(pk=work._pk), report=Report(**said))
        except Declined as declined:
            logger.info("Task %s is not reported any more: %s", work._name, declined)
            self._forget(work)
            return True
        work.cancel_requested = task.cancel_requested
        work._heard_at = time.time()
        if said:
            work._told, work._told_at = said, time.monotonic()
        if "status" in said:
            self._forget(work)
        return True

    def _look_for_requests(self, _: None) -> bool:
        self._looked_at = time.monotonic()
        heard = time.time() - LOOK
        quiet = {work._pk: work for work in self._works if not (work.cancel_requested or work._heard_at > heard)}
        asked = Task.objects.filter(pk__in=quiet, cancel_requested_at__isnull=False)
        for pk in asked.values_list("pk", flat=True) if quiet else ():
            quiet[pk].cancel_requested = True
        return bool(quiet)

    def _give_up(self) -> None:
        """Forget the ends that could not be stored for too long."""
        now = time.monotonic()
        for work in [each for each in self._works if now - each._ended_at > max(AWAY, each._timeout)]:
            logger.error("The end of task %s could not be stored", work._name)
            self._forget(work)

    def _forget(self, work: Work) -> None:
        self._works.pop(work, None)
        work._ended.set()


def _whole(value: Any) -> int:
    try:
        return min(MAX_SEQ, max(0, int(value)))
    except (TypeError, ValueError, OverflowError):
        return 0


def _percent(value: Any) -> float:
    try:
        percent = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return 0.0 if math.isnan(percent) else min(100.0, max(0.0, percent))


def _cut(value: Any) -> str:
    try:
        text = str(value)
    except Exception:
        return ""
    return text[:LONGEST_TEXT].replace("\0", "").encode("utf-8", "replace").decode()


reporter: Final = Reporter()
atexit.register(reporter.finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reporter.forked)
