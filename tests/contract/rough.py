"""A peer of the fuzz: it sends whatever it is given, and looks whether what comes back is described."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from realtime.closing import closes
from realtime.refusals import REASONS
from tests import frames
from tests.servers.raw import RawSocket, frame

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PATIENCE: Final = 30.0
"""Seconds within which each answer has to come, on a busy machine too."""
# With another header `Upgrade` it is no handshake, and pages answer it.
REFUSALS: Final = {200, 302, 400, 401, 403, 404, 405, 414, 426, 429, 431, 503}
CLOSES: Final = {each.code for each in closes()} - {1006}


@dataclass(frozen=True)
class Sent:
    """One WebSocket frame of the client's."""

    opcode: int
    payload: bytes
    fin: bool = True


@dataclass(frozen=True)
class Visit:
    """A handshake and what is sent after it. `headers` are whole lines."""

    target: str
    headers: str
    sent: Sequence[Sent]


class Rough:
    """One visit's connection."""

    def __init__(self, port: int, visit: Visit) -> None:
        self.visit = visit
        self.told = 0
        self._parting = any(each.opcode == CLOSE for each in visit.sent)
        self._raw = RawSocket(port, visit.target, headers=visit.headers)
        self._raw.sock.settimeout(PATIENCE)

    def send(self) -> None:
        """Everything at once, if it was let in; the last is a question whether the socket lives."""
        self._head = self._raw.shake_hands()  # nothing may be sent before it has come
        self._status = int(self._head.split(maxsplit=2)[1])
        if self._status != 101:
            return
        barrier = frame(TEXT, b'{"type":"ping","timestamp":"barrier"}')
        try:
            self._raw.sock.sendall(b"".join(frame(each.opcode, each.payload, fin=each.fin) for each in self.visit.sent) + barrier)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was closed

    def outcome(self) -> str:
        """How it ended: `HTTP 401`, `closed 4401`, or `alive`. Raises AssertionError for what is not described."""
        if self._status != 101:
            return self._refused(self._status, self._head)
        while True:
            try:
                opcode, payload = self._raw.receive()
            except (EOFError, ConnectionResetError):
                assert self._parting, "it ended without a close frame"
                return "hung up"
            if opcode == CLOSE:
                return self._closed(payload)
            if opcode == TEXT and self._is_answered(payload):
                return "alive"
            assert opcode in (TEXT, PING, PONG), f"a frame of opcode {opcode}"

    def close(self) -> None:
        self._raw.sock.close()

    def _refused(self, status: int, head: str) -> str:
        assert status in REFUSALS, head
        code = re.search(r"(?im)^x-websocket-error-code: (.*?)\r?$", head)
        assert code is None or REASONS[code[1]].http == status, head
        assert status != 503 or code, head
        return f"HTTP {status}"

    def _closed(self, payload: bytes) -> str:
        code = int.from_bytes(payload[:2])
        assert code in CLOSES or self._parting, f"closed with {code} {payload[2:]!r}"
        assert code != 4201, "it was answered nothing"
        return f"closed {code}"

    def _is_answered(self, payload: bytes) -> bool:
        self.told += 1
        text = payload.decode()
        frames.told(self.visit.target, text)
        assert frames.taken() == []
        held = json.loads(text)
        assert held.get("error_code") != "MESSAGE_PROCESSING_ERROR", held
        return held["type"] == "pong" and held["client_timestamp"] == "barrier"
