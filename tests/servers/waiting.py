"""Waiting on a condition, with a deadline."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, what: str, seconds: float = 30.0) -> T:
    """The first true answer of `condition`; AssertionError naming `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)


async def auntil(condition: Callable[[], T], *, what: str, seconds: float = 30.0) -> T:
    """The same, in a coroutine."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        await asyncio.sleep(0.02)
    return answer
