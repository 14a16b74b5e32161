"""Database work of coroutines, in threads of its own."""

import asyncio
import threading

import pytest
from django.conf import settings
from django.db import connection
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


async def test_a_connection_is_given_back_when_the_work_is_done(db):
    def ask():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert connection.connection is not None
        return connection

    used = await in_thread(ask)
    assert used.connection is None
