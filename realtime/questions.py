"""Questions to something that may never answer, such as a database that stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import close_old_connections

Answer = TypeVar("Answer")


class Question(Generic[Answer]):
    """`find` looks for the answer, with the database if it wants, in a thread of its own and once at a time.

    Who asks waits `patience` seconds at most. An answer is good for `fresh` seconds.
    """

    def __init__(self, find: Callable[[], Answer], *, patience: float, fresh: float = 0.0) -> None:
        self._find = find
        self._patience = patience
        self._fresh = fresh
        self._news = threading.Condition()
        self._looking = False
        self._looks = 0
        self._found: tuple[float, Answer | None] = (float("-inf"), None)

    def ask(self) -> Answer | None:
        """The answer, or None if there is none in time or it could not be found."""
        with self._news:
            found_at, answer = self._found
            if time.monotonic() - found_at <= self._fresh:
                return answer
            if not self._looking:
                self._looking = True
                # Not one of a pool, which would keep a worker from ending that waits for its thread.
                threading.Thread(target=self._look, daemon=True, name="question").start()
            looks = self._looks
            if not self._news.wait_for(lambda: self._looks != looks, self._patience):
                return None
            return self._found[1]

    def _look(self) -> None:
        answer = None
        try:
            answer = self._find()
        except Exception:  # noqa: S110 - whatever it is, there is no answer, and whoever asked says so
            pass
        finally:
            close_old_connections()
            with self._news:
                self._looking = False
                self._looks += 1
                self._found = (time.monotonic() if answer is not None else float("-inf"), answer)
                self._news.notify_all()
