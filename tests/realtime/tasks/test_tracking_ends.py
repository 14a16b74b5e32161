"""How work ends that is shown by `track`, `atrack` and `tracking`, and that somebody asks to stop."""

import asyncio
import logging
import time
from contextlib import suppress

import pytest
from django.utils.translation import gettext_lazy

from accounts.executor import in_thread
from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.reporter import reporter
from realtime.tasks.reports import Report
from realtime.tasks.tracking import Cancelled, Failed, atrack, track, tracking
from tests.realtime.tasks.watching import only_task, quick_steps
from tests.servers.waiting import auntil, until


class Mishap(Exception):
    """Whose text nobody but the log may have."""


def left(user, error, **state):
    """A block that is left by `error`, with its task so far, and its task."""
    with pytest.raises(type(error)), tracking(user=user, title="Report", total_steps=4) as task:
        raised(task, error, **state)
    return only_task(user)


def raised(task, error, **state):
    task.update(**state)
    raise error


def test_what_is_raised_fails_the_task_and_goes_on_its_way_but_its_text_is_not_for_its_owner(mia, watched):
    stored = left(mia, Mishap("postgres://user:password@host"), step=1)
    told = watched.until("error")
    assert (told.data["status"], told.data["step"]) == ("failed", 1)
    assert (stored.status, stored.error) == ("failed", "")
    assert "password" not in str(stored.__dict__) + str(watched.frames)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_what_is_said_in_failed_is_read_by_the_owner_in_its_language(mia, language):
    mia.language = language
    mia.save()
    assert left(mia, Failed(gettext_lazy("Must not be empty."))).error == {"en": "Must not be empty.", "zh-hans": "不能为空。"}[language]


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Failed("The file has no rows."), "failed", "The file has no rows."),
        (Cancelled(), "cancelled", ""),
        (Cancelled("Mia did not want it."), "cancelled", "Mia did not want it."),
        (KeyboardInterrupt(), "cancelled", ""),
        (asyncio.CancelledError(), "cancelled", ""),
        (SystemExit(1), "failed", "Stopped at step 2 of 4."),
        (Mishap("secret"), "failed", ""),
    ],
)
def test_how_a_block_is_left_says_how_the_task_has_ended(mia, error, status, text):
    task = left(mia, error, step=2)
    assert (task.status, task.error) == (status, text)


@pytest.mark.parametrize(("language", "text"), [("en", "Stopped at step 2 of 5."), ("zh-hans", "在第 2 步（共 5 步）停止。")])
def test_a_loop_that_is_left_fails_the_task_at_the_step_where_it_stopped(mia, language, text):
    mia.language = language
    mia.save()
    for number in track(range(5), user=mia, title="Import"):
        if number == 2:
            break
    until(lambda: only_task(mia).has_ended, what="the task has ended")
    assert (only_task(mia).status, only_task(mia).error, only_task(mia).step) == ("failed", text, 2)


def test_an_exception_in_a_loop_stops_its_task_too(mia):
    def importing():
        for _ in track(iter("abc"), user=mia, title="Import", total_steps=0):
            raise Mishap

    with pytest.raises(Mishap):
        importing()
    until(lambda: only_task(mia).has_ended, what="the task has ended", seconds=10)
    assert only_task(mia).status == "failed"


def test_an_exception_of_the_items_own_fails_the_task(mia):
    def items():
        yield 1
        raise Mishap

    with pytest.raises(Mishap):
        list(track(items(), user=mia, title="Import"))
    assert (only_task(mia).status, only_task(mia).step) == ("failed", 1)


async def test_a_coroutine_that_leaves_its_loop_or_is_cancelled_ends_its_task(mia, eve):
    async for number in atrack(range(5), user=mia, title="Import"):
        if number == 2:
            break
    assert (await auntil(lambda: reporter._thread is None, what="nothing is worked on any more")) is True

    async def forever():
        async with tracking(user=eve, title="Wait"):
            began.set()
            await asyncio.Event().wait()

    began = asyncio.Event()
    waiting = asyncio.create_task(forever())
    await began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    left, cancelled = await in_thread(only_task, mia), await in_thread(only_task, eve)
    assert (left.status, left.error) == ("failed", "Stopped at step 2 of 5.")
    assert cancelled.status == "cancelled"


async def test_a_coroutine_that_is_cancelled_while_its_task_begins_leaves_none_running(mia):
    for patience in (0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.05):
        with suppress(TimeoutError):
            async with asyncio.timeout(patience), tracking(user=mia, title="Wait", timeout=3600):
                await asyncio.Event().wait()
    # First this: a thread that begins a task may be on its way still when the reporter has nothing to do.
    await in_thread(lambda: until(lambda: not Task.objects.filter(owner=mia, status="running").exists(), what="none is left running"))
    await auntil(lambda: reporter._thread is None, what="nothing is worked on any more")
    assert await in_thread(lambda: Task.objects.filter(owner=mia, status="cancelled").exists())


def test_a_task_that_ended_elsewhere_is_left_alone(mia, caplog):
    caplog.set_level(logging.INFO)
    with tracking(user=mia, title="Report") as task:
        services.report(tasks=Task.objects.filter(public_id=task.id), report=Report(status="failed", error="Enough."))
        task.advance()
        until(lambda: "is not reported any more" in caplog.text, what="the reporter has noticed")
        task.advance()
    assert (only_task(mia).status, only_task(mia).error, only_task(mia).step) == ("failed", "Enough.", 0)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# Being asked to stop


def test_who_is_asked_to_stop_knows_within_a_second_though_nothing_moves(mia):
    def pausing():
        with tracking(user=mia, title="Report") as task:
            time.sleep(0.5)
            task.check()
            services.request_cancel(tasks=Task.objects.filter(owner=mia))
            asked = time.monotonic()
            until(lambda: task.cancel_requested, what="the work knows")
            assert time.monotonic() - asked < 1
            task.check()

    with pytest.raises(Cancelled):
        pausing()
    assert (only_task(mia).status, only_task(mia).error) == ("cancelled", "")


def test_a_loop_that_can_be_cancelled_is(mia):
    def importing():
        for steps, _ in enumerate(track(quick_steps(20), user=mia, title="Import", cancellable=True)):
            if steps == 100:
                services.request_cancel(tasks=Task.objects.filter(owner=mia))

    with pytest.raises(Cancelled):
        importing()
    assert only_task(mia).status == "cancelled"
    assert only_task(mia).step > 100


@pytest.mark.parametrize(("said", "stored"), [(-3, 0), (2**70, 2**53 - 1), ("many", 0), (float("inf"), 0), (2.7, 2)])
def test_numbers_that_make_no_sense_do_not_disturb_the_work(mia, said, stored):
    task = left(mia, Failed(), step=said, progress=said)
    assert (task.status, task.step) == ("failed", stored)
    assert 0 <= task.progress <= 100
