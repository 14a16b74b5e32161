"""The roster of one event loop, with seats that have no sockets, and the Redis of the tests."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from realtime.presence.roster import Roster
from realtime.refusals import Refusal
from tests.servers.redis import PrivateRedis

_numbers = itertools.count(10_000_000)


class Chair:
    """A seat without a socket."""

    path, opened, shown, chosen, ending = "api/ws/notifications", None, True, "", False

    def __init__(self, who: str, *, limit: int = 0, yields: bool = False) -> None:
        self.connection_id = f"chair-{next(_numbers)}"
        self.who, self.limit, self.yields = who, limit, yields
        self.ended: list[str] = []
        self.probed = 0

    def end(self, refusal: Refusal) -> None:
        self.ended.append(refusal.code)

    def probe(self, patience: float) -> None:
        self.probed += 1


@pytest.fixture
async def roster(db: None, redis: PrivateRedis) -> Roster:
    return Roster.of_this_loop()


async def test_a_tick_beside_a_join_does_not_let_in_who_is_refused(roster: Roster) -> None:
    for _ in range(10):
        who = f"p:{next(_numbers)}"
        first, second = Chair(who, limit=1, yields=True), Chair(who, limit=1, yields=True)
        await roster.join(first)
        joining = asyncio.create_task(roster.join(second))
        await asyncio.sleep(0)  # it has asked
        await roster.tick()
        with pytest.raises(Refusal, match="CONNECTION_LIMIT"):
            await joining
        roster.leave(second)
        await roster.tick()
        assert (first.ended, second.ended) == ([], [])
        assert first.probed > 0
        roster.leave(first)
