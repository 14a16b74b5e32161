"""Database work of coroutines: in a few threads of our own, never in the one that all of Django shares.

Django's own way from a coroutine to the ORM leads through a single thread per process, where one
slow query stalls every socket of the worker.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections, connection

P = ParamSpec("P")
T = TypeVar("T")

KEPT: Final = 1.0
"""Seconds for which a thread keeps a connection to SQLite, whose opening costs more than most questions. PostgreSQL's are in a pool."""


def _prepare() -> None:
    if connection.vendor == "sqlite":
        connection.settings_dict = {**connection.settings_dict, "CONN_MAX_AGE": KEPT}


_threads: Final = ThreadPoolExecutor(max_workers=settings.SWITCHBOARD.executor_threads, thread_name_prefix="database", initializer=_prepare)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` in one of `EXECUTOR_THREADS` threads, with the caller's context (language, log fields).

    What it raises is raised here. A connection that it used is given back when it ends: to PostgreSQL's pool,
    or to the thread, whose next work opens another if it is older than KEPT.
    """
    # asgiref's own way, because what is local to its tasks does not travel in a plain copy of the context.
    return await sync_to_async(_with_connection, thread_sensitive=False, executor=_threads)(partial(function, *args, **kwargs))


def _with_connection(work: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()
