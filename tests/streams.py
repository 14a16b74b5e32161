"""A client for the tests' event streams, as a browser's `EventSource` reads them: plain calls, deadlines, and failures that show what arrived.

    with listen(server, token=token(mia)) as stream:
        stream.until("connected")

A refused stream is a value as much as an endless one: see `status`, `headers` and `rest`.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from tests import frames
from tests.servers.nginx import Nginx
from tests.servers.workers import Site
from tests.sockets import DEADLINE

PATH = "/api/notifications/stream"


@dataclass(frozen=True)
class Event:
    """One event. `data` is as it stands there, on one line."""

    name: str
    id: str
    data: str

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def seq(self) -> int:
        return int(self.id.rpartition(":")[2])


class Stream:
    """An answer that is read event by event. `events` is all that was read so far, oldest first."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        assert connection.sock is not None
        self.sock = connection.sock  # the connection lets go of it, because the server will close
        self.connection = connection
        self.response = connection.getresponse()
        self.events: list[Event] = []
        self.retries: list[int] = []
        """Each time in milliseconds after which it said that one shall come back."""
        self.comments: list[str] = []
        self.ended = False
        self._looked_at = 0

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    @property
    def last_id(self) -> str:
        """What a browser would send as `Last-Event-ID`."""
        return next((event.id for event in reversed(self.events) if event.id), "")

    def opened(self) -> bool:
        """Whether it begins with an event, and is not just told to come back."""
        while not (self.ended or self.events):
            self._read(time.monotonic() + DEADLINE)
        return bool(self.events)

    def until(self, name: str, *, seconds: float = DEADLINE) -> Event:
        """The next event of that name. What was returned once is not looked at again."""
        deadline = time.monotonic() + seconds
        while True:
            while self._looked_at < len(self.events):
                event = self.events[self._looked_at]
                self._looked_at += 1
                if event.name == name:
                    return event
            assert not self.ended, f"{name}: ended before it came. {self._story()}"
            self._read(deadline)

    def take(self, count: int, name: str) -> list[Event]:
        """The next `count` such events."""
        return [self.until(name) for _ in range(count)]

    def rest(self, *, seconds: float = DEADLINE) -> list[Event]:
        """Read on until the server ends it; all events that came."""
        deadline = time.monotonic() + seconds
        while not self.ended:
            self._read(deadline)
        return self.events

    def close(self) -> None:
        self.connection.close()
        self.response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read(self, deadline: float) -> None:
        """Read one block, as far as the empty line behind it."""
        fields: dict[str, str] = {}
        while line := self._line(deadline):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        if "data" in fields:
            self.events.append(Event(fields.get("event", "message"), fields.get("id", ""), fields["data"]))
            frames.streamed(self.events[-1].name, self.events[-1].data)
        if "retry" in fields:
            self.retries.append(int(fields["retry"]))
        if "" in fields:
            self.comments.append(fields[""])

    def _line(self, deadline: float) -> str:
        try:
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            line = self.response.readline()
        except TimeoutError:
            raise AssertionError(f"nothing more came in time. {self._story()}") from None
        except ConnectionError:
            line = b""
        self.ended = line == b""
        return line.decode().removesuffix("\n")

    def _story(self) -> str:
        arrived = "\n  ".join(f"{event.id} {event.name} {event.data[:200]}" for event in self.events[-20:]) or "nothing"
        return f"What arrived ({len(self.events)} events, at most the last 20):\n  {arrived}"


def listen(
    site: Site | Nginx,
    *,
    token: str | None = None,
    last_id: str | None = None,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    path: str = PATH,
    receive_buffer: int = 0,
) -> Stream:
    """Ask for a stream, with the token in the query, as a page has to, and `last_id` as a browser adds it by itself."""
    parameters = {**({} if token is None else {"token": token}), **(query or {})}
    scheme, _, host = site.url.partition("://")
    connection = (http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection)(host, timeout=DEADLINE)
    if receive_buffer:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(DEADLINE)
        sock.connect(("127.0.0.1", site.port))
        connection.sock = sock
    more = {} if last_id is None else {"Last-Event-ID": last_id}
    connection.request("GET", f"{path}?{urlencode(parameters)}" if parameters else path, headers={"Accept": "text/event-stream", **more, **(headers or {})})
    return Stream(connection)
