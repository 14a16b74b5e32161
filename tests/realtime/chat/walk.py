"""A walk through all that can happen in a support office, many things at a time, over two workers and this process."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import redis as redis_py
from django.db import close_old_connections

from accounts.models import User
from realtime.chat import routing, services
from realtime.chat.models import Session, Transfer
from realtime.declined import Declined
from tests import cast
from tests.realtime.chat import floor
from tests.realtime.chat.lines import Line
from tests.realtime.chat.truths import broken
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import Site

T = TypeVar("T")

MOST = (1, 1, 2, 3)
"""Sessions that each agent may have."""
CUSTOMERS = 10
AT_ONCE = 8
DEEP = 15
"""Every so many rounds all that was ever told is looked at."""
FAULT = 10
"""Every so many rounds something happens to us."""
SLACK = 3.0
"""Seconds after which a worker has looked, on a machine that is busy."""


class Walk:
    """`happened` counts the steps; `wrong` is what was not as it must be."""

    def __init__(self, site: Site, redis: PrivateRedis, *, seed: int, grace: float) -> None:
        self.happened: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._site, self._redis, self._grace = site, redis, grace
        self._chance = random.Random(seed)
        self._names = itertools.count(1)
        self._customers = [Line(site.ws_url, cast.customer(f"customer{number}")) for number in range(CUSTOMERS)]
        self._agents = [Line(site.ws_url, floor.agent(f"agent{most}", most=most)) for most in MOST]
        self._steps: list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = [
            (8, self.customer_writes),
            (2, self.all_customers_write),
            (5, self.agent_answers),
            (5, self.agent_comes),
            (2, self.agent_goes),
            (2, self.agent_crashes),
            (2, self.line_breaks),
            (2, self.agent_says_how_it_is),
            (4, self.two_claim),
            (3, self.agent_transfers),
            (6, self.somebody_closes),
            (2, self.sweep),
        ]

    async def go(self, *, seconds: float, faults: bool = True) -> None:
        """Walk for that long, or until something is wrong."""
        began = time.monotonic()
        try:
            await asyncio.gather(*(line.come() for line in self._customers))
            while time.monotonic() - began < seconds and not self.wrong:
                self.happened["rounds"] += 1
                if faults and self.happened["rounds"] % FAULT == 0:
                    await self._chance.choice([self.worker_is_killed, self.worker_is_killed, self.redis_is_emptied])()
                count = self._chance.randint(2, AT_ONCE)
                steps = self._chance.choices([step for _, step in self._steps], [weight for weight, _ in self._steps], k=count)
                await asyncio.gather(*(self._do(step) for step in steps))
                await self._look(deep=self.happened["rounds"] % DEEP == 0)
            if not self.wrong:
                await self._look(deep=True)
        finally:
            await asyncio.gather(*(line.go() for line in [*self._customers, *self._agents]), return_exceptions=True)
            self.happened.update(await in_thread(self._ways))

    def _ways(self) -> dict[str, int]:
        reasons = Transfer.objects.filter(session__customer__in=[line.user for line in self._customers]).values_list("reason", flat=True)
        return {f"times {reason}": count for reason, count in Counter(reasons).items()}

    async def _do(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.happened[step.__name__] += 1
        self.happened["steps"] += 1
        await step()

    # What people do

    async def customer_writes(self) -> None:
        await self._write(self._chance.choice(self._customers))

    async def all_customers_write(self) -> None:
        await asyncio.gather(*map(self._write, self._customers))

    async def _write(self, line: Line) -> None:
        answer = await line.write("Hello?", f"m{next(self._names)}")
        if answer["type"] == "error":
            self.wrong.append(f"{line.user.username} could not write: {answer}")

    async def agent_answers(self) -> None:
        session, line = await self._some_session("open"), self._chance.choice(self._agents)
        if session is not None and line.here and session.agent_id == line.user.pk:
            await line.write("Yes.", f"m{next(self._names)}", str(session.public_id))  # refused, where it was just taken away

    async def agent_comes(self) -> None:
        await self._chance.choice(self._agents).come()

    async def agent_goes(self) -> None:
        await self._chance.choice(self._agents).go()

    async def agent_crashes(self) -> None:
        await self._chance.choice(self._agents).crash()

    async def line_breaks(self) -> None:
        self._chance.choice([*self._agents, *self._customers]).cut()

    async def agent_says_how_it_is(self) -> None:
        await self._chance.choice(self._agents).say(type="presence", status=self._chance.choice(["online", "online", "away", "busy", "offline"]))

    async def two_claim(self) -> None:
        session = await self._some_session("waiting")
        if session is None:
            return
        rivals = self._chance.sample(self._agents, 2)
        outcomes = await asyncio.gather(*(self._call(services.claim, agent=each.user, session_id=session.public_id) for each in rivals))
        if sum(outcomes) > 1:
            self.wrong.append(f"session {session.pk} was claimed by both")
        self.happened["claimed"] += sum(outcomes)

    async def agent_transfers(self) -> None:
        session, to = await self._some_session("open"), self._chance.choice(self._agents)
        if session is not None and session.agent is not None:
            self.happened["transferred"] += await self._call(services.transfer, by=session.agent, session_id=session.public_id, to_user_id=to.user.pk)

    async def somebody_closes(self) -> None:
        session = await self._some_session("open", "waiting")
        if session is not None:
            by = self._chance.choice([session.customer, session.agent or session.customer])
            self.happened["closed"] += await self._call(services.close, by=by, session_id=session.public_id)

    async def sweep(self) -> None:
        await self._call(routing.sweep, at_once=True)

    # What happens to us

    async def worker_is_killed(self) -> None:
        if len(workers := self._site.workers()) == 2:
            self.happened["workers killed"] += 1
            os.kill(self._chance.choice(workers), signal.SIGKILL)

    async def redis_is_emptied(self) -> None:
        self.happened["Redis emptied"] += 1
        with redis_py.Redis.from_url(self._redis.url) as client:
            client.flushall()

    # What must hold

    async def _look(self, *, deep: bool) -> None:
        customers = [line.user for line in self._customers]
        self.wrong += await in_thread(broken, customers, self._agents, grace=self._grace, deep=deep)
        if self.wrong:
            return
        self.happened["looked at all that was told"] += deep
        try:
            await in_thread(until, partial(self._settled, customers), what="who waits is served", seconds=self._grace + 10)
            await in_thread(until, self._placed, what="everybody knows her place", seconds=5)
        except AssertionError as error:
            self.wrong.append(f"{error}: {[line.place for line in self._customers]}")

    def _settled(self, customers: list[User]) -> bool:
        """Nobody waits while an agent is free, and nobody waits for an agent who is gone."""
        present = routing.here()
        if present is None or not present.age:
            return False
        if routing.Desk(present).pick() is not None and Session.objects.filter(customer__in=customers, status="waiting").exists():
            return False
        long_ago = time.time() - self._grace - SLACK
        gone = [line.user for line in self._agents if not line.here and line.absences[-1][0] < long_ago]
        given = datetime.fromtimestamp(long_ago, UTC)
        return not Session.objects.filter(customer__in=customers, status="open", agent__in=gone, owed_since__isnull=False, assigned_at__lt=given).exists()

    def _placed(self) -> bool:
        """Whether everybody who waits was told last where she stands."""
        lines = {line.user.pk: line for line in self._customers}
        waiting = list(Session.objects.filter(status="waiting").order_by("waiting_since", "pk").values_list("customer", "public_id"))
        return all(
            not lines[customer].here or lines[customer].place == (str(public_id), place, len(waiting))
            for place, (customer, public_id) in enumerate(waiting, start=1)
            if customer in lines
        )

    async def _some_session(self, *statuses: str) -> Session | None:
        people = [line.user.pk for line in self._customers]
        found = await in_thread(lambda: list(Session.objects.filter(customer__in=people, status__in=statuses).select_related("customer", "agent")))
        return self._chance.choice(found) if found else None

    async def _call(self, work: Callable[..., object], **how: Any) -> int:
        """1; 0 if it was declined."""
        try:
            await in_thread(partial(work, **how))
        except Declined:
            return 0
        return 1


async def in_thread(work: Callable[..., T], *args: Any, **how: Any) -> T:
    def run() -> T:
        try:
            return work(*args, **how)
        finally:
            close_old_connections()

    return await asyncio.to_thread(run)
