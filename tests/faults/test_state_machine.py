"""Whatever happens in whatever order: every client ends with exactly the rows.

Hypothesis draws the steps. What must hold at any moment is looked at after each of them, and at the
end, when all is well again, everybody must have caught up.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from rest_framework_simplejwt.tokens import AccessToken

from accounts import tokens
from accounts.models import Role, User
from tests.faults.client import Client
from tests.faults.crowd import Crowd
from tests.faults.ledger import differences
from tests.faults.town import REPLAY_LIMIT, Town
from tests.servers.waiting import until

PEOPLE = 3
MOST_CLIENTS = 8
SHORT = 2.0
"""Seconds that a token lives which is to expire."""

# What is drawn may not depend on how far the world has come, or Hypothesis calls it flaky.
picks = st.integers(0, 99)


class Delivery(RuleBasedStateMachine):
    """Some people's clients, and all that can happen to them."""

    town: Town
    happened: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.people = list(self.town.people)[:PEOPLE]
        self.crowd = self._stack.enter_context(Crowd(self.town.url, self.town.people))
        self.rest = self._stack.enter_context(httpx.Client(headers={"Authorization": f"Bearer {self.town.key}"}, timeout=30))
        self.told: set[int] = set()

    @initialize()
    def begin(self) -> None:
        """One client of each, or what is drawn first may happen to nobody."""
        for who in range(PEOPLE):
            self.connect(who, short=False, in_time=True)

    # What people do

    @precondition(lambda self: len(self.crowd.clients) < MOST_CLIENTS)
    @rule(who=st.integers(0, PEOPLE - 1), short=st.booleans(), in_time=st.booleans())
    def connect(self, who: int, short: bool, in_time: bool) -> None:
        user_id = self.people[who]
        renew = tokens_of(user_id)
        client = self.crowd.join(user_id, token=renew(SHORT if short else 600), renew=renew, in_time=in_time)
        until(lambda: client.open or client.start is not None, what="it is connected")

    @rule(to=st.sets(st.integers(0, PEOPLE - 1), min_size=1), times=st.sampled_from([1, 3, REPLAY_LIMIT + 5]))
    def send(self, to: set[int], times: int) -> None:
        body = {"user_ids": [self.people[who] for who in to], "type": "mention", "title": "Step", "message": "Somebody has mentioned you."}
        for _ in range(times):
            try:
                answer = self.rest.post(f"{self.town.url}/api/v1/notifications", json=body)
            except httpx.TransportError:  # its worker was killed: it may be told or not
                continue
            if self.town.nginx is not None and answer.status_code == 502:  # likewise, as the proxy says it
                continue
            assert answer.status_code == 201, answer.text
            self.told.update(answer.json()["ids"])

    @rule(pick=picks)
    def cut(self, pick: int) -> None:
        self.crowd.run(self._one(pick).hang_up())
        self._tell_everybody()

    @rule(pick=picks, back=st.integers(0, REPLAY_LIMIT + 5), ahead=st.booleans())
    def resume(self, pick: int, back: int, ahead: bool) -> None:
        client = self._one(pick)
        if client.start is not None:
            since = client.cursor + 1000 if ahead else max(client.start, client.cursor - back)
            self.crowd.run(client.resume(since))

    @rule(pick=picks)
    def expire(self, pick: int) -> None:
        client = self._one(pick)
        self.crowd.run(client.say({"type": "auth", "token": tokens_of(client.user_id)(SHORT)}))

    # What happens to us

    @rule(pick=picks)
    def kill_a_worker(self, pick: int) -> None:
        if workers := self.town.site.workers():
            os.kill(workers[pick % len(workers)], signal.SIGKILL)
            self._tell_everybody()

    @rule()
    def restart_redis(self) -> None:
        self.town.redis.kill()
        self._tell_everybody()
        self.town.redis.start()

    @rule(loss=st.sampled_from([0.0, 0.3, 1.0]))
    def drop_pushes(self, loss: float) -> None:
        assert self.town.proxy is not None
        self.town.proxy.loss = loss
        self._tell_everybody()

    @rule()
    def catch_up(self) -> None:
        """Give everybody the time to become well, so that what comes next meets people who are."""
        until(lambda: self.crowd.reaches(self.town.heads()), what="all catch up", seconds=60)

    # What must hold

    @invariant()
    def what_a_client_has_is_the_beginning_of_what_it_should_have(self) -> None:
        self.happened["steps"] += 1
        assert self._otherwise(so_far=True) == []
        assert self.crowd.failures() == []

    def teardown(self) -> None:
        with self._stack:
            self.drop_pushes(0.0)
            self.catch_up()
            assert self.crowd.failures() == []
            self.crowd.sync()
            assert self._otherwise(so_far=False) == []
            self.happened.update(self._story())
            assert self.told <= {row.id for stream in self.town.rows().values() for row in stream}

    def _otherwise(self, *, so_far: bool) -> list[str]:
        async def compare() -> list[str]:
            rows = self.town.rows()  # on the clients' event loop, so that nothing arrives meanwhile
            return [each for client in self.crowd.clients for each in differences(client, rows[client.user_id], so_far=so_far)]

        return self.crowd.run(compare())

    def _story(self) -> Counter[str]:
        clients = self.crowd.clients
        closes = Counter(f"closed with {code}" for client in clients for code in client.codes)
        came, reloads = sum(len(client.applied) for client in clients), sum(client.reloads for client in clients)
        return closes + Counter({"clients": len(clients), "told": len(self.told), "came": came, "reloads": reloads})

    def _tell_everybody(self) -> None:
        """What nobody is told of can lose nothing, and Hypothesis likes to leave out `send`."""
        self.send(set(range(PEOPLE)), 1)

    def _one(self, pick: int) -> Client:
        return self.crowd.clients[pick % len(self.crowd.clients)]


def tokens_of(user_id: int) -> Callable[..., str]:
    """Makes tokens of that person, with the seconds that each lives."""
    user = User(pk=user_id, role=Role.MEMBER)

    def issue(seconds: float = 600) -> str:
        token = AccessToken()
        token.set_exp(lifetime=timedelta(seconds=seconds))
        return tokens.sign(token, user)

    return issue


@pytest.mark.parametrize(
    ("runs", "steps"), [(4, 12), pytest.param(40, 50, marks=[pytest.mark.long_fault, pytest.mark.timeout(1800)])], ids=["a few steps", "many steps"]
)
def test_whatever_happens_every_client_ends_with_exactly_the_rows(leaky_town: Town, runs: int, steps: int) -> None:
    machine: Any = type("Machine", (Delivery,), {"town": leaky_town, "happened": Counter()})
    # A run cannot be repeated to the letter, so nothing is kept, and a failure is shown as it came.
    how = settings(max_examples=runs, stateful_step_count=steps, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=how)
    print(f"\n{runs} runs: " + ", ".join(f"{count} {what}" for what, count in sorted(machine.happened.items())))
