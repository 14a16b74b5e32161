"""The load: encoded pushes published into Redis in the form that each server understands, and what arrives.

A push is encoded before the clock starts; sending it is one `sendall` for a few hundred of them. How
many may be on their way is bounded, because a subscriber that falls behind is cut off by Redis.
"""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.crowd import Crowd, Wrong, length_on_wire

FIRST = 1_000_000
"""The number of the last entry before the first push. All that follow have as many digits."""
SLICE = 250  # pushes published at once
PATIENCE = 20.0  # seconds without a single frame

FRAME = (
    '{"type":"notification","seq":%d,"notification_type":"new_comment","timestamp":"2026-11-21T12:00:00.000000Z",'
    '"data":{"id":1234567,"type":"new_comment","title":"New comment","message":"John wrote below your post.",'
    '"content":"John wrote below your post.","data":{"post":7},"link":"/posts/7","source":"blog","status":"unread",'
    '"created_at":"2026-11-21T12:00:00.000000Z"}}'
)


def frame(seq: int) -> str:
    """The text of a push."""
    return FRAME % seq


def renumbered(template: bytes, seq: int) -> bytes:
    """What was encoded for FIRST, with another number, as digits and as MessagePack writes it."""
    return template.replace(b"%d" % FIRST, b"%d" % seq).replace(b"\xce" + FIRST.to_bytes(4, "big"), b"\xce" + seq.to_bytes(4, "big"))


def command(*words: bytes | str) -> bytes:
    """A command as Redis reads it."""
    encoded = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)


class Publisher:
    """A connection to Redis that sends pipelined commands and checks that each was answered with 1: somebody listens."""

    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self._due = 0
        self._rest = b""

    def send(self, commands: bytes, count: int) -> None:
        """Send so many commands."""
        self._due += count
        self.sock.sendall(commands)

    def read(self) -> None:
        """Take the answers that are there. Raises Wrong."""
        try:
            data = self.sock.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        data = self._rest + data
        answers = data.count(b"\r\n")
        complete = data.rfind(b"\n") + 1
        if data[:complete] != b":1\r\n" * answers:
            raise Wrong(f"Redis answers {data[:200]!r}")
        self._rest = data[complete:]
        self._due -= answers

    def finish(self) -> None:
        """Wait for all answers."""
        while self._due:
            select.select([self.sock], [], [], 1.0)
            self.read()

    def close(self) -> None:
        self.sock.close()


@dataclass(frozen=True)
class Pushes:
    """What is published: for each recipient in turn `template(user)`, which was encoded for FIRST.

    `reaches` is how many sockets one of them reaches, `window` how many may be on their way to
    sockets, `wire` the payload that arrives for the text of a push.
    """

    users: Sequence[int]
    template: Callable[[int], bytes]
    reaches: int
    window: int
    wire: Callable[[str], str]

    def payload(self, seq: int) -> bytes:
        return self.wire(frame(seq)).encode()


class Stream:
    """Pushes to a crowd, numbered on from where the last ones ended."""

    def __init__(self, crowd: Crowd, publisher: Publisher, pushes: Pushes) -> None:
        self.crowd = crowd
        self.publisher = publisher
        self.pushes = pushes
        self.seq = FIRST
        self._size = length_on_wire(pushes.payload(FIRST))
        self._templates = [pushes.template(user) for user in pushes.users]

    def blast(self, rounds: int) -> float:
        """Push so many to every recipient as fast as they are taken, and check what arrived; seconds until the last was there."""
        slices = self._encoded(rounds)
        expected = [self.pushes.payload(seq) for seq in range(self.seq + 1, self.seq + rounds + 1)]
        self.seq += rounds
        crowd, publisher, reaches, size = self.crowd, self.publisher, self.pushes.reaches, self._size
        total = len(self._templates) * rounds * reaches * size
        window = self.pushes.window * size
        sent = came = place = 0
        crowd.begin()
        begun = last = time.perf_counter()
        while came < total:
            while place < len(slices) and sent - came < window:
                commands, count = slices[place]
                publisher.send(commands, count)
                sent += count * reaches * size
                place += 1
            publisher.read()
            sockets, arrived = crowd.sweep()
            came += arrived
            if arrived:
                last = time.perf_counter()
            elif time.perf_counter() - last > PATIENCE:
                raise Wrong(f"{came / size:.0f} of {total / size:.0f} pushes came, then none for {PATIENCE:g} s")
            if sockets < 200:
                time.sleep(0.0005)  # to read more at a time: the core is Redis's too
        publisher.finish()
        crowd.check(rounds * size * len(self._templates) * reaches // len(crowd.peers), expected)
        return last - begun

    def _encoded(self, rounds: int) -> list[tuple[bytes, int]]:
        # No more at a time than a quarter of what may be on its way, or the window would be none.
        step = max(1, min(SLICE, self.pushes.window // self.pushes.reaches // 4))
        parts = [(b"".join(self._templates[at : at + step]), len(self._templates[at : at + step])) for at in range(0, len(self._templates), step)]
        return [(renumbered(part, seq), count) for seq in range(self.seq + 1, self.seq + rounds + 1) for part, count in parts]

    def pace(self, rate: float, seconds: float, chance: random.Random) -> list[float]:
        """Push at random moments, `rate` a second on average, to random recipients; the seconds that each took.

        They go out when they are due, whatever has arrived. Nothing can be pushed to this crowd afterwards,
        because its sockets have come to different numbers.
        """
        crowd, publisher, size = self.crowd, self.publisher, self._size
        due, plan = 0.0, []
        next_seq = dict.fromkeys(range(len(self._templates)), self.seq)
        while due < seconds:
            due += chance.expovariate(rate)
            place = chance.randrange(len(self._templates))
            next_seq[place] += 1
            plan.append((due, place, renumbered(self._templates[place], next_seq[place])))
        sent: list[list[float]] = [[] for _ in self._templates]
        told = dict.fromkeys(range(len(crowd.peers)), 0)
        taken: list[float] = []
        crowd.begin()
        begun = time.perf_counter()
        place = 0
        now = last = begun
        while len(taken) < len(plan):
            while place < len(plan) and begun + plan[place][0] <= now:
                _, recipient, commands = plan[place]
                sent[recipient].append(time.perf_counter())
                publisher.send(commands, 1)
                place += 1
            wait = begun + plan[place][0] - time.perf_counter() if place < len(plan) else 0.1
            # Not `epoll` itself, which counts in whole milliseconds.
            select.select([crowd.fileno], [], [], max(0.0, wait))
            publisher.read()
            for peer, _ in crowd.arrivals():
                now = last = time.perf_counter()
                number = peer.number
                for at in range(told[number], peer.got // size):
                    taken.append(now - sent[number][at])
                told[number] = peer.got // size
            now = time.perf_counter()
            if now - last > PATIENCE:
                raise Wrong(f"{len(taken)} of {len(plan)} pushes came, then none for {PATIENCE:g} s")
        publisher.finish()
        return taken
