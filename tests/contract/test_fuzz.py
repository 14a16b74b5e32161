"""Whatever comes over any socket, from whomever: what goes back is described, the server has no mistake, and nobody else notices."""

from __future__ import annotations

import http.client
import itertools
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from accounts import tickets, tokens
from accounts.models import User
from notifications.services import notify
from realtime.tasks import services
from realtime.tasks.models import Task
from tests import cast, frames
from tests.contract.fuzz import Town, visits
from tests.contract.rough import Rough, Visit
from tests.realtime.chat.support import asked, say
from tests.servers.fleet import Servers, complaints
from tests.servers.raw import RawSocket
from tests.servers.workers import Site
from tests.sockets import Socket, connect

LONG = 20 * 60.0  # seconds
ROUND = 25  # examples
GENERATION = 10  # rounds after which other people come, or what they are told of would get long
FAILURE = re.compile(r"\[(?:error|critical) *\]|\b(?:code|status)=5\d\d\b")


@pytest.fixture(scope="module")
def patient(servers: Servers) -> Iterator[Site]:
    """One worker that lets everybody talk as fast as they can, and is patient with a machine that is busy."""
    with servers.serve(env={"WS_FRAME_RATE": "0", "WS_HEARTBEAT_INTERVAL": "30"}) as running:
        yield running


class Log:
    """What the server writes down while it is fuzzed."""

    def __init__(self, site: Site) -> None:
        self._file = site.log_file.open(errors="replace")
        self._file.read()

    def mistakes(self) -> list[str]:
        """Since this was asked last."""
        said = self._file.read()
        return [*complaints(said), *(line for line in said.splitlines() if FAILURE.search(line))]


def founded(expired: Callable[[User], str]) -> Town:
    """A town of new people who have something to talk about."""
    mia, bob, ann, admin, john = cast.member("mia"), cast.agent("bob"), cast.customer("ann"), cast.staff("admin"), cast.customer("john")
    session, others = asked(ann, agent=bob), asked(john)
    messages = [say(ann, session), say(bob, session)]
    begun = [services.begin(owner=mia, title="Import", source=Task.Source.CODE).task for _ in range(2)]
    notify(users=[mia, bob, ann, admin], type="system", title="Hello", message="all")
    issued = {name: tokens.issue(user)[0] for name, user in (("member", mia), ("agent", bob), ("customer", ann), ("staff", admin))}
    return Town(
        tokens={**issued, "expired": expired(mia), "nobody": ""},
        users=[user.pk for user in (mia, bob, ann, admin, john)],
        sessions=[str(session.public_id), str(others.public_id)],
        messages=[str(message.public_id) for message in messages],
        tasks=[task.public_id for task in begun],
        tickets=[tickets.issue(tokens.verify(token))[0] for token in issued.values() for _ in range(20)],
    )


def stormed(site: Site, town: Town, bystander: Socket, log: Log, *, number: int) -> Counter[str]:
    """One round: how the visits ended."""
    outcomes: Counter[str] = Counter()

    @seed(number)
    @settings(max_examples=ROUND, database=None, deadline=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))
    @given(st.lists(visits(town), min_size=1, max_size=6))
    def storm(drawn: Sequence[Visit]) -> None:
        with ExitStack() as after:
            peers = [Rough(site.port, visit) for visit in drawn]
            for peer in peers:
                after.callback(peer.close)
                peer.send()
            for peer in peers:
                outcomes[peer.outcome()] += 1
                outcomes["sockets"] += 1
                outcomes["frames sent"] += len(peer.visit.sent) + 1
                outcomes["frames told"] += peer.told
        outcomes["examples"] += 1
        bystander.sync()
        bystander.forget()
        assert (frames.taken(), log.mistakes()) == ([], [])

    storm()
    return outcomes


@pytest.mark.parametrize("host", ["127.0.0.1,", "127.0.0.1,/Å¯ò", "[::1", "elsewhere.example"])
def test_a_host_that_is_not_ours_is_no_mistake_of_ours(patient: Site, host: str) -> None:
    log = Log(patient)
    with RawSocket(patient.port, "/nowhere?ticket=x.y.z", headers=f"Host: {host}\r\n") as peer:
        assert peer.shake_hands().split()[1] in ("400", "404")
    answer = http.client.HTTPConnection("127.0.0.1", patient.port, timeout=30)
    answer.request("GET", "/console", headers={"Host": host.encode("latin-1").decode("latin-1")})
    assert answer.getresponse().status == 400
    assert log.mistakes() == []


@pytest.mark.timeout(2 * LONG)
def test_nothing_that_comes_over_a_socket_is_answered_with_what_is_not_described(
    patient: Site, eve: User, token: Callable[[User], str], expired: Callable[[User], str], request: pytest.FixtureRequest
) -> None:
    long = request.config.getoption("--long-fuzz")
    workers, log, began, total = patient.workers(), Log(patient), time.monotonic(), Counter[str]()
    with connect(f"{patient.ws_url}/api/v1/ws", token=token(eve), new=True) as bystander:
        bystander.until("connected")
        for number in itertools.count():
            if number and time.monotonic() - began > (LONG if long else 0):
                break
            if number % GENERATION == 0:
                town = founded(expired)
            total += stormed(patient, town, bystander, log, number=time.time_ns() if long else number)
            print(f"{time.monotonic() - began:.0f} s, {number + 1} rounds: {dict(sorted(total.items()))}", flush=True)
        notify(users=[eve], type="system", title="still here", message="and nobody else's business")
        assert bystander.until("notification")["data"]["title"] == "still here"
    assert patient.workers() == workers
    assert log.mistakes() == []
    assert total["alive"] > 0
