"""Support messages: from a customer's socket through the database to the agent's, and back to the customer as the answer."""

from __future__ import annotations

import json
import random
import re
import select
import socket
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.contestants import Contestant, Place
from bench.crowd import REQUEST, Crowd, Peer, Step, Wrong, masked, open_crowd, readable
from bench.grounds import Grounds, Shop
from bench.machine import Meter
from bench.measures import Figures, Scale, shares

PATIENCE = 20.0  # seconds without a single message
TEXT = "Good morning! My parcel was due on Monday, and the carrier says that it was never handed over. Could you have a look at it, please?"
NAME = re.compile(rb'"clientMessageId": ?"(\d+)-(\d+)"')
FREELY = {"WS_FRAME_RATE": "100000", "RATE_SUPPORT": "100000/s"}
"""Limits that are asked, and never reached: nobody types as fast as the bench does."""


@dataclass(frozen=True)
class Dialect:
    """How the people of a support desk speak to a server. `table` is where it stores what they say."""

    path: str
    table: str
    more: str = ""

    def handshake(self, place: Place, token: str) -> bytes:
        return REQUEST.format(path=self.path.format(token=token), port=place.port, more=self.more).encode()

    def message(self, to: int, name: str) -> bytes:
        """What a customer sends; ours knows itself who is to have it."""
        return masked(json.dumps({"type": "message", "to": to, "text": TEXT, "clientMessageId": name}).encode())


class SupportDialect(Dialect):
    """Ours."""

    def message(self, to: int, name: str) -> bytes:
        return masked(json.dumps({"type": "message", "sessionId": None, "text": TEXT, "clientMessageId": name}).encode())


OURS = SupportDialect("/ws/chat?token={token}", "chat_message", "Sec-WebSocket-Protocol: switchboard.v1\r\n")
HAND_MADE = Dialect("/?token={token}", "hand_made_message")


def chat(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """Messages a second with few and with many conversations, each of which has one on its way; and how long one takes at a given rate."""
    kind = "postgresql" if contestant.key.endswith("-pg") else "sqlite"
    dialect = OURS if contestant.key.startswith("ours") else HAND_MADE
    customers, agents = _people(grounds, max(scale.pairs))
    shop, figures, said = grounds.shops[kind], {}, 0
    shop.ask("clear_desk")
    with grounds.serving(contestant, **FREELY) as (server, place):
        for name, pairs in zip(("chat few", "chat many"), scale.pairs, strict=True):
            # The second desk counts on, because what has the name of an earlier message is that message.
            with _Desk(place, dialect, dict(list(customers.items())[:pairs]), dict(list(agents.items())[:pairs]), turn=said) as desk:
                if dialect is OURS:
                    _attend(shop, pairs)
                desk.begin()
                desk.talk(scale.warm_up)
                meter = Meter(server.pids, grounds.redis_pid, shop.ask("backends")["pids"])
                count, took = desk.talk(scale.seconds)
                use = meter.stop()
                figures |= {name: count / took, f"{name} per core": count / use.server, **shares(name, use)}
                if name == "chat many":
                    cut = statistics.quantiles(desk.pace(scale.chat_rate, scale.chat_paced, random.Random(7)), n=100, method="inclusive")
                    figures |= {"chat p50": cut[49] * 1e3, "chat p99": cut[98] * 1e3}
                said += desk.said
            server.rest()
    if (found := shop.ask("stored", table=dialect.table)["count"]) != said:
        raise Wrong(f"{said} messages were said, {found} are stored")
    return figures


def _people(grounds: Grounds, pairs: int) -> tuple[dict[int, str], dict[int, str]]:
    """Tokens of customers and agents, by number."""
    desks = [shop.ask("desk", pairs=pairs) for shop in grounds.shops.values()]
    customers, agents = ({int(user): token for user, token in desks[0][whose].items()} for whose in ("customers", "agents"))
    # What Redis knows of a user is one for all databases.
    if any(each[whose].keys() != desks[0][whose].keys() for each in desks for whose in ("customers", "agents")):
        raise RuntimeError("the databases number their people differently")
    return customers, agents


def _attend(shop: Shop, count: int) -> None:
    until = time.perf_counter() + PATIENCE
    while (there := shop.ask("attending")["count"]) < count:
        if time.perf_counter() > until:
            raise Wrong(f"{there} of {count} agents can be given sessions")
        time.sleep(0.1)


class _Desk:
    """Conversations that go on between open sockets. `said` is how many messages there were."""

    def __init__(self, place: Place, dialect: Dialect, customers: Mapping[int, str], agents: Mapping[int, str], *, turn: int) -> None:
        self.said = 0
        self._dialect = dialect
        self._agents = list(agents)
        self._turns = [turn] * len(customers)
        self._crowd = Crowd()
        # The agents first: who comes then finds somebody.
        self._open(place, [dialect.handshake(place, token) for token in agents.values()])
        self._open(place, [dialect.handshake(place, token) for token in customers.values()])
        self._customers: dict[int, Peer] = {peer.number: peer for peer in self._crowd.peers[len(agents) :]}
        self._answered = {peer: number for number, peer in self._customers.items()}
        self._due: dict[tuple[int, int], set[bool]] = {}  # messages on their way: where they have arrived, True standing for the customer
        for peer in self._customers.values():
            peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as browsers do

    def _open(self, place: Place, requests: Sequence[bytes]) -> None:
        open_crowd(requests, port=place.port, steps=(Step(b'{"type":"connected"'),), at_once=50, crowd=self._crowd)
        if self._crowd.failures:
            raise Wrong(f"sockets did not open: {readable(self._crowd.failures)}")

    def begin(self) -> None:
        """Each customer says something for the first time, and is found an agent."""
        self._crowd.still()
        self.talk(0)

    def talk(self, seconds: float) -> tuple[int, float]:
        """Each conversation goes on as soon as its last message has arrived and was answered: how many did, in how many seconds."""
        count, begun = 0, time.perf_counter()
        last = begun
        for number in self._customers:
            self._say(number)
        while self._due:
            for number, _turn, _answer, moment in self._arrivals(0.2):
                last = moment
                if (number, self._turns[number]) not in self._due:
                    count += 1
                    if last - begun < seconds:
                        self._say(number)
            self._patient(last)
        return count, last - begun

    def pace(self, rate: float, seconds: float, chance: random.Random) -> list[float]:
        """Messages at random moments, `rate` a second on average, of random customers; the seconds until each was at its agent's.

        They are sent when they are due, whatever has arrived.
        """
        plan, due = [], 0.0
        while (due := due + chance.expovariate(rate)) < seconds:
            plan.append((due, chance.randrange(len(self._customers))))
        sent: dict[tuple[int, int], float] = {}
        taken, place = [], 0
        begun = last = time.perf_counter()
        while place < len(plan) or self._due:
            while place < len(plan) and begun + plan[place][0] <= time.perf_counter():
                number = plan[place][1]
                sent[number, self._turns[number] + 1] = last = time.perf_counter()
                self._say(number)
                place += 1
            wait = begun + plan[place][0] - time.perf_counter() if place < len(plan) else 0.1
            # Not `epoll` itself, which counts in whole milliseconds.
            select.select([self._crowd.fileno], [], [], max(0.0, wait))
            for number, turn, answer, moment in self._arrivals(0):
                last = moment
                if not answer:
                    taken.append(moment - sent[number, turn])
            self._patient(last)
        return taken

    def _patient(self, last: float) -> None:
        if time.perf_counter() - last > PATIENCE:
            missing = [(key, "the agent" if True in where else "anybody" if not where else "the customer") for key, where in self._due.items()]
            raise Wrong(f"{len(missing)} messages did not come, then nothing for {PATIENCE:g} s; (conversation, message), to whom: {missing[:5]}")

    def _say(self, number: int) -> None:
        self._turns[number] += 1
        turn = self._turns[number]
        self._due[number, turn] = set()
        self._customers[number].sock.send(self._dialect.message(self._agents[number], f"{number}-{turn}"))
        self.said += 1

    def _arrivals(self, seconds: float) -> Iterator[tuple[int, int, bool, float]]:
        """The conversation, the message, whether it is the customer's answer, and when it was read. Raises Wrong at what comes twice."""
        for peer, name in self._named(seconds):
            moment, key = time.perf_counter(), (int(name[1]), int(name[2]))
            number = self._answered.get(peer)
            answer, where = number is not None, self._due.get(key)
            if where is None or answer in where or number not in (None, key[0]):
                raise Wrong(f"message {key} came where it was not due")
            where.add(answer)
            if len(where) == 2:
                del self._due[key]
            yield *key, answer, moment

    def _named(self, seconds: float) -> Iterator[tuple[Peer, re.Match[bytes]]]:
        for peer, frame in self._crowd.frames(seconds):
            if frame.startswith(b'{"type":"error"'):
                raise Wrong(f"said {frame[:200]!r}")
            if name := NAME.search(frame):
                yield peer, name

    def __enter__(self) -> _Desk:
        return self

    def __exit__(self, *_error: object) -> None:
        self._crowd.close()
