"""Questions that are asked together: who goes with whom, and that nobody pays for another."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.batches import Batch


class Desk:
    """Answers each question with itself and the number of its batch, when it is let."""

    def __init__(self, *, limit: int = 100, at_once: int = 1, shut: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.under_way = self.most_under_way = 0
        self.open = asyncio.Event()
        if not shut:
            self.open.set()
        self.batch: Batch[int, tuple[int, int]] = Batch(self.work, limit=limit, at_once=at_once)

    async def work(self, keys: Sequence[int]) -> Sequence[tuple[int, int]]:
        number = len(self.batches)
        self.batches.append(list(keys))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.open.wait()
            if any(key < 0 for key in keys):
                raise ValueError(keys)
            return [(key, number) for key in keys]
        finally:
            self.under_way -= 1

    async def ask(self, key: int) -> tuple[int, int]:
        begun = len(self.batches)
        answer = await self.batch.ask(key)
        assert answer[1] >= begun, "what was under way when it asked is older than the question"
        return answer

    def asked(self, *keys: int) -> list[asyncio.Task[tuple[int, int]]]:
        return [asyncio.create_task(self.ask(key)) for key in keys]


async def turns(count: int = 3) -> None:
    """Let everything happen that is due."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_those_who_ask_in_one_turn_of_the_loop_are_asked_for_together() -> None:
    desk = Desk()
    assert await asyncio.gather(*desk.asked(3, 1, 2)) == [(3, 0), (1, 0), (2, 0)]
    assert desk.batches == [[3, 1, 2]]


async def test_those_who_come_while_others_are_under_way_go_together_in_the_next_and_get_no_older_answer() -> None:
    desk = Desk(shut=True)
    first = desk.asked(1)
    await turns()
    later = desk.asked(1, 2)
    await turns()
    more = desk.asked(3)
    await turns()
    assert desk.batches == [[1]]
    desk.open.set()
    assert await asyncio.gather(*first, *later, *more) == [(1, 0), (1, 1), (2, 1), (3, 1)]


async def test_the_same_question_is_put_once_and_answered_to_each_who_asked() -> None:
    desk = Desk()
    assert await asyncio.gather(*desk.asked(1, 2, 1)) == [(1, 0), (2, 0), (1, 0)]
    assert desk.batches == [[1, 2]]


async def test_a_crowd_is_asked_for_in_bounded_parts_and_only_so_many_of_them_at_once() -> None:
    desk = Desk(limit=10, at_once=2, shut=True)
    crowd = desk.asked(*range(95))
    await turns(5)
    assert [len(batch) for batch in desk.batches] == [10, 10]
    desk.open.set()
    assert [key for key, _ in await asyncio.gather(*crowd)] == list(range(95))
    assert [len(batch) for batch in desk.batches] == [10] * 9 + [5]
    assert desk.most_under_way == 2


async def test_an_error_reaches_everybody_it_was_asked_with_and_nobody_else() -> None:
    desk = Desk(shut=True)
    bad = desk.asked(1, -1)
    await turns()
    good = desk.asked(1)
    desk.open.set()
    assert [type(answer) for answer in await asyncio.gather(*bad, return_exceptions=True)] == [ValueError, ValueError]
    assert await good[0] == (1, 1)


async def test_too_few_answers_are_an_error_and_not_somebody_elses() -> None:
    async def short(keys: Sequence[int]) -> Sequence[int]:
        return keys[1:]

    batch = Batch(short, limit=10)
    answers = await asyncio.gather(batch.ask(1), batch.ask(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, ValueError]


async def test_one_who_gives_up_hurts_nobody_and_one_who_gave_up_in_time_is_not_asked_for() -> None:
    desk = Desk(shut=True)
    under_way = desk.asked(1, 2)
    await turns()
    waiting = desk.asked(3, 4)
    await turns()
    under_way[0].cancel()
    waiting[0].cancel()
    await turns()
    desk.open.set()
    assert await asyncio.gather(under_way[1], waiting[1]) == [(2, 0), (4, 1)]
    assert desk.batches == [[1, 2], [4]]
    assert under_way[0].cancelled()
    assert waiting[0].cancelled()


async def test_when_all_have_given_up_nothing_is_asked() -> None:
    desk = Desk(shut=True)
    first = desk.asked(1)
    await turns()
    others = desk.asked(2, 3)
    await turns()
    for task in others:
        task.cancel()
    desk.open.set()
    assert await first[0] == (1, 0)
    await turns()
    assert desk.batches == [[1]]
    assert await asyncio.gather(*desk.asked(4)) == [(4, 1)]


async def test_the_work_is_done_in_nobodys_context() -> None:
    whose = contextvars.ContextVar("whose", default="nobody's")
    seen: list[str] = []

    async def look(keys: Sequence[int]) -> Sequence[int]:
        seen.append(whose.get())
        return keys

    whose.set("mine")
    await Batch(look, limit=10).ask(1)
    assert seen == ["nobody's"]


def test_each_event_loop_asks_for_itself_and_a_loop_that_ended_amid_work_leaves_nothing() -> None:
    async def forever(keys: Sequence[int]) -> Sequence[int]:
        if keys == [1]:
            await asyncio.Event().wait()
        return keys

    batch = Batch(forever, limit=10)
    loops = []

    async def leave() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        left = [batch.ask(1)]
        await turns()
        left.append(batch.ask(2))
        await turns()
        assert not any(answer.done() for answer in left)

    async def come() -> int:
        return await batch.ask(3)

    asyncio.run(leave())
    assert asyncio.run(come()) == 3
    gc.collect()
    assert loops[0]() is None


steps = st.lists(st.one_of(st.integers(-1, 6), st.sampled_from(["turn", "answer", "give up"])), max_size=60)


@settings(max_examples=300, deadline=None)
@given(steps=steps, limit=st.integers(1, 4), at_once=st.integers(1, 3))
def test_whatever_happens_everybody_gets_an_own_answer_that_is_not_older_than_the_question(steps: list[int | str], limit: int, at_once: int) -> None:
    async def play() -> None:
        desk = Desk(limit=limit, at_once=at_once, shut=True)
        asked: list[tuple[int, asyncio.Task[tuple[int, int]]]] = []
        for step in steps:
            if isinstance(step, int):
                asked += [(step, task) for task in desk.asked(step)]
            elif step == "turn":
                await turns(1)
            elif step == "answer":
                desk.open.set()
                await turns(1)
                desk.open.clear()
            elif asked:
                asked[len(asked) // 2][1].cancel()
        desk.open.set()
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*(task for _, task in asked), return_exceptions=True)
        for (key, task), answer in zip(asked, answers, strict=True):
            if isinstance(answer, tuple):
                assert answer[0] == key
                assert key in desk.batches[answer[1]]
            elif isinstance(answer, ValueError):
                assert any(key in batch and min(batch) < 0 for batch in desk.batches)
            else:
                assert task.cancelled()
        assert all(len(batch) <= limit and len(batch) == len(set(batch)) for batch in desk.batches)
        assert desk.most_under_way <= at_once

    asyncio.run(play())
