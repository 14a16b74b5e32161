"""Python code shows its work by `track`, `atrack` and `tracking`, and is not disturbed by that."""

import asyncio
import sys
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection, transaction
from django.utils.translation import gettext_lazy

from accounts.executor import in_thread
from accounts.models import User
from notifications.models import Notification
from realtime.declined import Declined
from realtime.tasks.models import Task
from realtime.tasks.tracking import atrack, track, tracking
from tests.realtime.tasks.watching import only_task, quick_steps
from tests.servers.waiting import until


def test_a_loop_of_quick_steps_is_shown_a_few_times_a_second_and_ends_at_a_hundred(mia, watched):
    steps = 0
    for _ in track(quick_steps(2.5), user=mia, title="Import"):
        steps += 1
    last = watched.until("completed")
    assert watched.frames[-1] is last
    assert 6 <= len(watched.frames) <= 13
    assert watched.busiest_second() <= 5
    assert (last.data["progress"], last.data["step"], last.data["status"]) == (100.0, steps, "completed")
    assert [frame.data["step"] for frame in watched.frames] == sorted(frame.data["step"] for frame in watched.frames)


def test_a_coroutine_shows_its_work_likewise(mia, watched):
    async def items():
        for number in range(200):
            await asyncio.sleep(0.01)
            yield number

    async def main():
        return [number async for number in atrack(items(), user=mia, title="Import", total_steps=200)]

    assert asyncio.run(main()) == list(range(200))
    last = watched.until("completed")
    assert len(watched.frames) > 5
    assert watched.busiest_second() <= 5
    assert (last.data["progress"], last.data["step"], last.data["total_steps"]) == (100.0, 200, 200)


async def test_a_coroutine_takes_plain_items_too_and_does_not_block_the_loop(mia):
    assert [letter async for letter in atrack("abc", user=mia, title="Import")] == ["a", "b", "c"]
    task = await in_thread(only_task, mia)
    assert (task.status, task.step, task.total_steps) == ("completed", 3, 3)


def test_a_query_is_as_long_as_it_is(mia, eve):
    wanted = User.objects.filter(pk__in=[mia.pk, eve.pk]).order_by("pk")

    async def main():
        return [user async for user in atrack(wanted.all(), user=eve, title="Import")]

    assert list(track(wanted.all(), user=mia, title="Import")) == asyncio.run(main()) == [mia, eve]
    assert [only_task(user).total_steps for user in (mia, eve)] == [2, 2]


async def test_a_request_in_its_thread_shows_its_work_and_a_coroutine_cannot_do_so_by_mistake(mia):
    steps = await sync_to_async(lambda: list(track("abc", user=mia, title="Import")), thread_sensitive=True)()
    assert steps == ["a", "b", "c"]
    assert (await in_thread(only_task, mia)).status == "completed"
    with pytest.raises(SynchronousOnlyOperation):
        list(track("abc", user=mia, title="Import"))


def test_it_is_seen_as_soon_as_it_begins_and_ended_when_the_block_is_left(mia):
    with tracking(user=mia, title="Report", total_steps=5, timeout=30) as task:
        stored = only_task(mia)
        assert (stored.public_id, stored.status, stored.title, stored.total_steps, stored.timeout, stored.source) == (
            task.id,
            "running",
            "Report",
            5,
            30,
            Task.Source.CODE,
        )
    assert only_task(mia).status == "completed"


def test_the_last_state_is_shown_though_the_loop_then_pauses(mia, watched):
    with tracking(user=mia, title="Report", total_steps=10) as task:
        for number in range(1, 8):
            task.advance(message=f"Page {number}")
        until(lambda: watched.frames and watched.frames[-1].data["step"] == 7, what="the seventh step is shown")
        assert (watched.frames[-1].data["message"], watched.frames[-1].data["progress"]) == ("Page 7", 70.0)


def test_progress_is_what_was_said_once_it_was_said(mia, watched):
    with tracking(user=mia, title="Report", total_steps=4) as task:
        task.update(step=1, progress=40)
        until(lambda: only_task(mia).step == 1, what="the first step is stored")
        task.advance()
        until(lambda: only_task(mia).step == 2, what="the second step is stored")
        assert only_task(mia).progress == 40
        task.update(total_steps=8, progress=60.5)
        until(lambda: only_task(mia).progress == 60.5, what="the new progress is stored")
    assert only_task(mia).progress == 100


def test_a_result_is_stored_and_what_is_none_is_refused_where_it_is_set(mia, watched):
    with tracking(user=mia, title="Report") as task:
        task.result = {"rows": 3}
        for bad in ({1, 2}, "x" * 40_000, float("nan")):
            with pytest.raises(Declined) as declined:
                task.result = bad
            assert declined.value.field == "result"
        assert task.result == {"rows": 3}
    assert watched.until("completed").data["result"] == {"rows": 3}


@pytest.mark.parametrize(
    ("message", "shown"),
    [("x" * 2000, "x" * 1000), ("a\0b", "ab"), ("half \ud800", "half ?"), (7, "7"), (gettext_lazy("Finished."), "已完成。")],
)
def test_a_message_that_cannot_be_shown_as_it_is_does_not_disturb_the_work(mia, message, shown):
    mia.language = "zh-hans"
    mia.save()
    with tracking(user=mia, title="Report") as task:
        task.update(message=message)
    assert (only_task(mia).status, only_task(mia).message) == ("completed", shown)


def test_a_notification_tells_of_the_end_where_that_was_wanted(mia):
    for _ in track("abc", user=mia, title="Import", notify=True, link="/imports/7"):
        pass
    [told] = Notification.objects.filter(user=mia)
    assert (told.title, told.link) == ("Import", "/imports/7")


def test_a_task_cannot_begin_in_a_transaction(mia):
    with transaction.atomic(), pytest.raises(transaction.TransactionManagementError, match="nobody would see it"), tracking(user=mia, title="Report"):
        pass
    assert not Task.objects.filter(owner=mia).exists()


def test_a_transaction_inside_the_block_does_not_hide_how_far_it_is(mia, watched):
    with tracking(user=mia, title="Report", total_steps=3) as task:
        with transaction.atomic():
            mia.save()
            task.advance()
            if connection.vendor == "postgresql":  # SQLite has one writer at a time
                until(lambda: watched.frames and watched.frames[-1].data["step"] == 1, what="the first step is shown")
            else:
                time.sleep(0.6)
        task.advance()
        until(lambda: watched.frames and watched.frames[-1].data["step"] == 2, what="the second step is shown")
    watched.until("completed")


def test_a_loop_that_is_left_inside_a_transaction_waits_for_nothing(mia):
    loop = track(range(5), user=mia, title="Import")
    next(loop)
    begun = time.monotonic()
    with transaction.atomic():
        mia.save()
        assert len(list(loop)) == 4
    assert time.monotonic() - begun < 3
    until(lambda: only_task(mia).status == "completed", what="the task is completed")


def test_several_threads_advance_one_task_and_work_on_others(mia, eve):
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def mine(task):
        for _ in range(20_000):
            task.advance()

    def another():
        try:
            for _ in track(quick_steps(0.6), user=eve, title="Import"):
                pass
        finally:
            connection.close()

    try:
        with tracking(user=mia, title="Report", total_steps=80_000) as task:
            threads = [threading.Thread(target=mine, args=[task]) for _ in range(4)] + [threading.Thread(target=another) for _ in range(4)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
    finally:
        sys.setswitchinterval(switching)
    assert (only_task(mia).step, only_task(mia).status) == (80_000, "completed")
    assert list(Task.objects.filter(owner=eve).values_list("status", flat=True)) == ["completed"] * 4


def test_there_is_no_thread_when_nothing_is_worked_on(mia):
    with tracking(user=mia, title="Report"):
        assert "task reporter" in [thread.name for thread in threading.enumerate()]
    until(lambda: "task reporter" not in [thread.name for thread in threading.enumerate()], what="the thread has ended", seconds=5)


def test_what_makes_no_sense_is_refused_at_once(mia, ann):
    with pytest.raises(Declined), tracking(user=mia, title=" "):
        pass
    with pytest.raises(Declined), tracking(user=ann, title="Report"):
        pass
