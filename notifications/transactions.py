"""Transactions that try again when the database broke a deadlock at their cost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

P = ParamSpec("P")
T = TypeVar("T")

_TRIES: Final = 6
# PostgreSQL: deadlock detected, serialization failure, lock not available. SQLite has one word for it.
_PASSING_STATES: Final = {"40P01", "40001", "55P03"}


def retried(work: Callable[P, T]) -> Callable[P, T]:
    """Run `work` in a transaction, and again if it lost to another one.

    Only the outermost transaction can begin anew, so inside one this is a plain `atomic`, and the
    error goes to its owner. `work` must not do what a rollback does not undo.
    """

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        outermost = not connection.in_atomic_block
        for attempt in range(1, _TRIES + 1):
            try:
                with transaction.atomic():
                    return work(*args, **kwargs)
            except OperationalError as error:
                if not outermost or attempt == _TRIES or not _passing(error):
                    raise
            time.sleep(random.uniform(0, 0.01 * 2**attempt))
        raise AssertionError("unreachable")

    return run


def _passing(error: OperationalError) -> bool:
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) in _PASSING_STATES or getattr(cause, "sqlite_errorname", "").startswith("SQLITE_BUSY")
