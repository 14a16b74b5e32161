"""What a page was told, applied to an earlier snapshot, is what a page that loads now is given."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Agent, User
from realtime.chat import posting, services
from realtime.chat.models import Message, Session
from realtime.declined import Declined
from realtime.desk.services import describe
from tests import cast
from tests.realtime.chat.conftest import CHAT, nobody_waits, wants
from tests.realtime.chat.floor import available
from tests.realtime.state.conftest import Program, Walk, frame
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import Frame, Socket, connect

Api = Callable[..., APIClient]
SESSIONS = "/api/v1/sessions?limit=1000"
OPERATIONS = 70

__all__ = ["nobody_waits"]


class Office:
    """Two customers and two agents, who do what comes into their minds."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.customers = [cast.customer("ann"), cast.customer("cara")]
        self.agents = [cast.agent("bob"), cast.agent("alice")]
        Agent.objects.filter(user__in=self.agents).update(max_sessions=1)
        self._names = itertools.count(1)

    def act(self) -> None:
        """Do something; what is not allowed just now is not done."""
        work = self.chance.choices(
            [self.asks, self.answers, self.notes, self.reads, self.claims, self.transfers, self.closes, self.rates, self.renames], [9, 7, 3, 8, 3, 3, 3, 1, 1]
        )[0]
        try:
            work()
        except Declined:
            pass

    def asks(self) -> None:
        posting.post(wants(self.chance.choice(self.customers), self.text()))

    def answers(self, *, note: bool = False) -> None:
        session = self.any(status="open")
        if session is not None and session.agent is not None:
            posting.post(wants(session.agent, self.text(), session, note=note))

    def notes(self) -> None:
        self.answers(note=True)

    def reads(self) -> None:
        session, who = self.any(), self.chance.choice([*self.customers, *self.agents])
        if session is not None:
            said = Message.objects.filter(session=session).order_by("-order")
            message = None if self.chance.random() < 0.5 else self.chance.choice(list(said[:4]) or [None])
            services.read(user_id=who.pk, session_id=session.public_id, up_to=message.public_id if message else None)

    def claims(self) -> None:
        session = self.any(status="waiting")
        if session is not None:
            services.claim(agent=self.chance.choice(self.agents), session_id=session.public_id)

    def transfers(self) -> None:
        session = self.any(status="open")
        if session is not None and session.agent is not None:
            services.transfer(by=session.agent, session_id=session.public_id, to_user_id=self.chance.choice(self.agents).pk, note="Please help.")

    def closes(self) -> None:
        session = self.any(status="open")
        if session is not None:
            services.close(by=self.chance.choice([session.customer, *self.agents]), session_id=session.public_id)

    def rates(self) -> None:
        session = self.any(status="closed")
        if session is not None:
            services.rate(customer=session.customer, session_id=session.public_id, rating=self.chance.randint(1, 5), comment="Thanks.")

    def renames(self) -> None:
        session = self.any(status="open")  # of whom nothing is open is told to nobody
        if session is not None:
            describe(customer_id=session.customer_id, name=self.chance.choice(["", "Ann", "阿安"]))

    def text(self) -> str:
        """Some are longer than a preview, in characters that JavaScript counts as two."""
        number = next(self._names)
        return f"{number} " + self.chance.choice(["Hello?", "😀" * 250, "好的", "x" * 199, "a\nb"])

    def any(self, **of: str) -> Session | None:
        found = list(Session.objects.filter(customer__in=self.customers, **of).select_related("customer", "agent").order_by("pk"))
        return self.chance.choice(found) if found else None


@pytest.mark.parametrize("seed", range(3))
def test_a_snapshot_and_what_was_told_since_is_what_is_loaded_now(seed: int, server: Site, api: Api, token: Callable[[User], str], walk: Walk) -> None:
    office = Office(random.Random(seed))
    people = [*office.customers, *office.agents]
    with ExitStack() as lines:
        sockets = {user: lines.enter_context(connect(server.ws_url + CHAT, token=token(user), new=True, query={"since": 0})) for user in people}
        for socket in sockets.values():
            socket.until("offline_messages_complete")
        until(lambda: {each.pk for each in office.agents} <= available(), what="the agents are here")
        for _ in range(OPERATIONS // 3):
            office.act()
        snapshots = {user: api(user).get(SESSIONS).json() for user in people}
        for _ in range(OPERATIONS // 3):
            office.act()
        # A page may hold more than its number says: what happens between the two is in it, and is told as well.
        later = {user: api(user).get(SESSIONS).json() for user in people}
        for _ in range(OPERATIONS // 3):
            office.act()
        frames = {user: all_told(api(user), socket) for user, socket in sockets.items()}
        office_now = {user: api(user).get(SESSIONS).json()["results"] for user in people}
        programs = []
        for user in people:
            for page in (snapshots[user], {**later[user], "asOf": snapshots[user]["asOf"]}):
                start = {"sessions": page["results"], "me": user.pk, "asOf": page["asOf"]}
                programs.append(Program("support", start, steps(office.chance, frames[user], office_now[user]), server.url, token(user)))
        outcomes = walk(programs)
        for user, outcome in zip(itertools.chain.from_iterable((user, user) for user in people), outcomes, strict=True):
            compare(api(user), user, outcome["state"], office_now[user])
        shorn = [Program("support", each.start, without_last_message(each.steps), server.url, each.token) for each in programs]
        lacking = [outcome["state"]["sessions"] != loss["state"]["sessions"] for outcome, loss in zip(outcomes, walk(shorn), strict=True)]
        assert any(lacking), "nobody would notice that a message is missing"


def all_told(client: APIClient, socket: Socket) -> list[Frame]:
    """Each frame up to what REST knows now."""

    def caught_up() -> bool:
        socket.sync()
        return max((each.get("seq", 0) for each in socket.frames), default=0) >= client.get("/api/v1/sessions?limit=1").json()["asOf"]

    until(caught_up, what="all was told")
    return [each for each in socket.frames if each["type"] not in ("heartbeat", "pong")]


def steps(chance: random.Random, frames: list[Frame], sessions: list[dict[str, Any]]) -> list[list[Any]]:
    """The frames, some of them twice; in between the page opens sessions and fetches what it misses. Each session is open at the end."""
    made: list[list[Any]] = []
    ids = [each["id"] for each in sessions]
    for number, told in enumerate(frames):
        made += [frame(told, number * 1000)] * (2 if chance.random() < 0.1 else 1)
        if ids and chance.random() < 0.15:
            made.append(chance.choice([["mend"], ["open", chance.choice(ids), chance.randint(1, 8)]]))
    made.append(["mend"])
    opened = {step[1] for step in made if step[0] == "open"}
    return [*made, *(["open", each, 3] for each in ids if each not in opened), *(["earlier", each] for each in ids)]


def without_last_message(steps: list[list[Any]]) -> list[list[Any]]:
    last = max((number for number, step in enumerate(steps) if step[0] == "frame" and step[1]["type"] in ("message", "note")), default=0)
    return [step for number, step in enumerate(steps) if number != last and step[0] == "frame"]


def compare(client: APIClient, user: User, state: dict[str, Any], now: list[dict[str, Any]]) -> None:
    """What one is told of is as it is; of what an agent has no more, nobody tells it."""
    own = [each for each in now if user.pk in (each["customer"]["userId"], (each["agent"] or {}).get("userId"))]
    held = state["sessions"]
    pairs = [(name, held.get(each["id"], {}).get(name, "nothing"), value) for each in own for name, value in each.items() if name != "readUpTo"]
    # Who is no customer's agent any more is not told that she has another name.
    known = {"customer"} if user.role == "agent" else set()
    assert [(name, found, value) for name, found, value in pairs if found != value and name not in known] == [], f"{user} has these, and should have those"
    open_ones = [each for each in own if each["status"] == "open"]
    assert [held[each["id"]]["customer"] for each in open_ones] == [each["customer"] for each in open_ones]
    assert state["missing"] == []
    for session in own:
        address = f"/api/v1/sessions/{session['id']}"
        messages = client.get(f"{address}/messages?order=oldest&limit=1000").json()["results"]
        assert [{name: value for name, value in each.items() if name != "seq"} for each in state["messages"][session["id"]]] == messages
        people = client.get(address).json().get("participants", [])
        read = {str(each["userId"]): each["readUpTo"] for each in people if each["userId"] in (user.pk, session["customer"]["userId"])}
        seen = state["reads"].get(session["id"], {})
        other = (session["agent"] or {}).get("userId") if session["customer"]["userId"] == user.pk else session["customer"]["userId"]
        assert seen.get(str(other), session["readUpTo"]) == session["readUpTo"]
        assert {who: seen[who] for who in read if who in seen} == {who: read[who] for who in read if who in seen}
