"""The clients: thousands of sockets in one thread, opened by hand and read by one `epoll`.

No WebSocket library could read this much in one Python process. What the servers send during a
measurement is frames of one known length, so bytes are counted and not parsed; `Crowd.check` shows
that they were the right ones.
"""

from __future__ import annotations

import errno
import json
import select
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
# What a browser says besides.
BROWSER = (
    "Pragma: no-cache\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n"
    "Origin: http://shop.example\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,zh-CN;q=0.8\r\n"
    "Cookie: sessionid=4c1jxgmqgbn8gd6l0v9gxv7c3c0yk2qb; csrftoken=Vw3bEJ6u4x9oGm2cYp0sZr7tKq1nLd5h; _ga=GA1.1.1234567890.1763000000\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
)
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: a reset, so that no address stays taken
CHUNK = 256 * 1024
SAMPLE = 50  # of so many sockets one is read frame by frame


class Wrong(Exception):
    """Something did not arrive as it should have; the text says what."""


@dataclass(frozen=True)
class Step:
    """A frame that a new socket waits for: how it begins, and what to answer."""

    begins: bytes = b""
    answer: bytes = b""


class Peer:
    """One client. `got` counts the bytes that came since the count began."""

    __slots__ = ("began", "buffer", "got", "number", "opened", "request", "seen", "sent", "sock", "step")

    def __init__(self, number: int, request: bytes) -> None:
        self.number = number
        self.request = request
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        self.sent = False
        self.buffer = b""
        self.step = -1  # the answer to the handshake comes first
        self.began = self.opened = 0.0
        self.got = 0
        self.seen: list[bytes] | None = None


@dataclass
class Crowd:
    """Open sockets. `failures` counts, by reason, those that could not be opened."""

    peers: list[Peer] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._epoll = select.epoll()
        self._by_fd: dict[int, Peer] = {}
        self._chunk = bytearray(CHUNK)

    @property
    def fileno(self) -> int:
        return self._epoll.fileno()

    def admit(self, peer: Peer) -> None:
        """Read this one from now on."""
        peer.request = b""
        self.peers.append(peer)
        self._by_fd[peer.sock.fileno()] = peer
        self._epoll.register(peer.sock.fileno(), select.EPOLLIN)

    def dismiss(self, peers: Sequence[Peer]) -> None:
        """Hang up on these."""
        for peer in peers:
            self._epoll.unregister(peer.sock.fileno())
            del self._by_fd[peer.sock.fileno()]
            peer.sock.close()
        gone = set(map(id, peers))
        self.peers = [peer for peer in self.peers if id(peer) not in gone]

    def still(self, seconds: float = 0.15) -> None:
        """Throw away what comes, until nothing has come for so long."""
        while ready := self._epoll.poll(seconds):
            for fd, _ in ready:
                self._take(self._by_fd[fd])
        for peer in self.peers:
            peer.buffer = b""

    def begin(self) -> None:
        """Begin to count."""
        for peer in self.peers:
            peer.got = 0
            peer.seen = [] if peer.number % SAMPLE == 0 else None

    def sweep(self) -> tuple[int, int]:
        """Read what is there, without waiting: how many sockets had something, and how many bytes came."""
        ready = self._epoll.poll(0, len(self.peers))
        chunk, by_fd, total = self._chunk, self._by_fd, 0
        for fd, _ in ready:
            peer = by_fd[fd]
            if peer.seen is None:
                size = peer.sock.recv_into(chunk)
                if not size:
                    raise Wrong(f"socket {peer.number} was closed")
            else:
                size = self._take(peer)
            peer.got += size
            total += size
        return len(ready), total

    def arrivals(self) -> Iterator[tuple[Peer, int]]:
        """Read what is there, without waiting: each socket that had something, and how many bytes."""
        for fd, _ in self._epoll.poll(0, len(self.peers)):
            peer = self._by_fd[fd]
            size = peer.sock.recv_into(self._chunk)
            if not size:
                raise Wrong(f"socket {peer.number} was closed")
            peer.got += size
            yield peer, size

    def frames(self, seconds: float) -> Iterator[tuple[Peer, bytes]]:
        """Wait up to so long for something, and give each frame that is complete."""
        for fd, _ in self._epoll.poll(seconds, len(self.peers)):
            peer = self._by_fd[fd]
            peer.buffer += self._receive(peer)
            found, peer.buffer = split(peer.buffer)
            for frame in found:
                yield peer, frame

    def check(self, each: int, expected: Sequence[bytes]) -> None:
        """Every socket must have got exactly `each` bytes, and those that were read in full exactly these frames. Raises Wrong."""
        other = Counter(peer.got - each for peer in self.peers if peer.got != each)
        if other:
            raise Wrong(f"{sum(other.values())} of {len(self.peers)} sockets got another number of bytes, off by (bytes, sockets) {other.most_common(5)}")
        for peer in self.peers:
            if peer.seen is not None:
                found, rest = split(b"".join(peer.seen))
                if found != list(expected) or rest:
                    first = next((place for place, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), "the end")
                    raise Wrong(f"socket {peer.number} got {len(found)} frames, {len(expected)} were sent; they differ at {first}")

    def _receive(self, peer: Peer) -> bytes:
        try:
            data = peer.sock.recv(CHUNK)
        except ConnectionError as error:
            raise Wrong(f"socket {peer.number} was closed: {error}") from error
        if not data:
            raise Wrong(f"socket {peer.number} was closed")
        return data

    def _take(self, peer: Peer) -> int:
        data = self._receive(peer)
        if peer.seen is not None:
            peer.seen.append(data)
        return len(data)

    def close(self) -> None:
        """Hang up on everybody."""
        self._epoll.close()
        for peer in self.peers:
            peer.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_crowd(requests: Sequence[bytes], *, port: int, steps: Sequence[Step], at_once: int, patience: float = 60.0, crowd: Crowd | None = None) -> Crowd:
    """Open a socket for each request, so many at once, each up to its last step; they may join a crowd. `seconds` is how long that took."""
    crowd = crowd or Crowd()
    waiting = deque(Peer(number, request) for number, request in enumerate(requests))
    under_way: dict[int, Peer] = {}
    epoll = select.epoll()

    def fail(peer: Peer, why: str) -> None:
        crowd.failures[why] += 1
        forget(peer)
        peer.sock.close()

    def forget(peer: Peer) -> None:
        epoll.unregister(peer.sock.fileno())
        del under_way[peer.sock.fileno()]

    begun = time.perf_counter()
    while waiting or under_way:
        while waiting and len(under_way) < at_once:
            peer = waiting.popleft()
            peer.began = time.perf_counter()
            if peer.sock.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
                crowd.failures["not connected"] += 1
                continue
            under_way[peer.sock.fileno()] = peer
            epoll.register(peer.sock.fileno(), select.EPOLLOUT)
        for fd, _ in epoll.poll(1.0, max(1, len(under_way))):
            peer = under_way[fd]
            try:
                if not peer.sent:
                    peer.sock.send(peer.request)
                    peer.sent = True
                    epoll.modify(fd, select.EPOLLIN)
                elif _advance(peer, steps):
                    peer.opened = time.perf_counter()
                    forget(peer)
                    crowd.admit(peer)
            except (OSError, Wrong) as error:
                fail(peer, str(error))
        if time.perf_counter() - begun > patience:
            for peer in list(under_way.values()):
                fail(peer, f"not open after {patience:g} s")
            crowd.failures["not begun"] += len(waiting)
            break
    crowd.seconds = time.perf_counter() - begun
    epoll.close()
    return crowd


def _advance(peer: Peer, steps: Sequence[Step]) -> bool:
    """Take what has come; True when the socket is open. Raises Wrong."""
    data = peer.sock.recv(65536)
    if not data:
        raise Wrong("closed during the handshake")
    peer.buffer += data
    if peer.step < 0:
        head, found, rest = peer.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            raise Wrong(head.partition(b"\r\n")[0].decode())
        peer.buffer, peer.step = rest, 0
    frames, peer.buffer = split(peer.buffer)
    for frame in frames:
        if peer.step == len(steps):
            break  # whatever it says after its greeting
        step = steps[peer.step]
        if not frame.startswith(step.begins):
            raise Wrong(f"said {frame[:80]!r}")
        if step.answer:
            peer.sock.send(masked(step.answer))
        peer.step += 1
    return peer.step == len(steps)


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """The payloads of the complete frames that a server sent, pings and pongs left out, and what is left."""
    found, place = [], 0
    while len(data) - place >= 2:
        size, begin = data[place + 1], place + 2
        if size == 126:
            size, begin = int.from_bytes(data[begin : begin + 2], "big"), begin + 2
        elif size == 127:
            size, begin = int.from_bytes(data[begin : begin + 8], "big"), begin + 8
        if len(data) < begin + size:
            break
        if data[place] & 0x0F < 8:
            found.append(data[begin : begin + size])
        elif data[place] & 0x0F == 8:
            raise Wrong(f"closed with {int.from_bytes(data[begin : begin + 2], 'big')}")
        place = begin + size
    return found, data[place:]


def length_on_wire(payload: bytes) -> int:
    """Bytes of a server's frame with this payload."""
    return len(payload) + (2 if len(payload) < 126 else 4 if len(payload) < 65536 else 10)


def masked(payload: bytes) -> bytes:
    """A client's text frame of less than 64 KiB (the mask of zeros changes nothing)."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


def readable(failures: Counter[str]) -> str:
    return json.dumps(dict(failures.most_common(3)))
