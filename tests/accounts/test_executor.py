"""Database work of coroutines, in threads of its own."""

import asyncio
import threading
import time

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.utils import translation

from accounts.executor import in_thread


async def test_it_runs_beside_the_event_loop_with_the_callers_language(db):
    with translation.override("zh-hans"):
        assert await in_thread(translation.get_language) == "zh-hans"
    assert await in_thread(threading.get_ident) != threading.get_ident()


async def test_arguments_results_and_errors_come_through(db):
    assert await in_thread(int, "11", base=2) == 3
    with pytest.raises(ValueError, match="nonsense"):
        await in_thread(int, "nonsense")


async def test_a_slow_one_keeps_no_other_waiting_and_no_more_run_at_once_than_allowed(db):
    most, running, lock, free = 0, 0, threading.Lock(), threading.Event()

    def hold():
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
            if running == settings.SWITCHBOARD.executor_threads:
                free.set()
        assert free.wait(20)
        with lock:
            running -= 1

    await asyncio.gather(*(in_thread(hold) for _ in range(settings.SWITCHBOARD.executor_threads * 2)))
    assert most == settings.SWITCHBOARD.executor_threads


def used():
    """The thread's connection to the database, after a query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert connection.connection is not None
    return connections["default"]


async def test_a_connection_is_given_back_to_the_pool_or_kept_by_the_thread(db):
    kept = await in_thread(used)
    assert (kept.connection is None) == (kept.vendor == "postgresql")


async def test_a_connection_that_a_thread_kept_for_too_long_is_opened_anew(db):
    def use():
        thread = used()
        was = thread.connection
        thread.close_at = time.monotonic() - 1 if thread.close_at else None
        return was

    tries = settings.SWITCHBOARD.executor_threads * 2
    opened = {await in_thread(use) for _ in range(tries)}
    assert len(opened) == tries or connection.vendor == "postgresql"  # whose pool looks after them


async def test_a_connection_that_failed_is_not_used_again(db):
    def fail():
        thread = used()
        with pytest.raises(DatabaseError), thread.cursor() as cursor:
            cursor.execute("SELECT nonsense")
        thread.is_usable = lambda: False
        return thread

    thread = await in_thread(fail)
    del thread.is_usable
    assert thread.connection is None
