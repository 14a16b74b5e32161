"""A WebSocket client that sends what no library would."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

MASK = b"\0\0\0\0"  # leaves the payload as it is
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """One frame as a client has to send it."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2) if size < 65536 else b"\xff" + size.to_bytes(8)
    return bytes([opcode | (0x80 if fin else 0)]) + length + MASK + payload


class RawSocket:
    """One connection, whose handshake is sent when the `with` block begins."""

    def __init__(self, port: int, path: str = "/", *, headers: str = "", receive_buffer: int = 0) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(10)
        self.sock.connect(("127.0.0.1", port))
        self.sock.sendall(REQUEST.format(path=path, more=headers).encode("latin-1"))
        self.rest = b""
        self.head = ""

    def shake_hands(self) -> str:
        """The head of the server's answer."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        self.head = head.decode()
        return self.head

    def send(self, opcode: int, payload: bytes, *, fin: bool = True) -> None:
        """Send one frame."""
        self.sock.sendall(frame(opcode, payload, fin=fin))

    def flood(self, data: bytes) -> int:
        """Send bytes until the server has taken none for two seconds; how many it took."""
        taken = 0
        self.sock.settimeout(2)
        try:
            while taken < len(data):
                taken += self.sock.send(data[taken : taken + 65536])
        except TimeoutError:
            pass
        self.sock.settimeout(10)
        return taken

    def receive(self) -> tuple[int, bytes]:
        """The next frame: its opcode and payload. EOFError when the server has hung up."""
        head = self._take(2)
        size = head[1]
        if size >= 126:
            size = int.from_bytes(self._take(2 if size == 126 else 8))
        return head[0] & 0x0F, self._take(size)

    def rest_until_eof(self) -> bytes:
        """All that still comes."""
        try:
            while True:
                self._more()
        except EOFError:
            return self.rest

    def _take(self, size: int) -> bytes:
        while len(self.rest) < size:
            self._more()
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.rest += data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.sock.close()
