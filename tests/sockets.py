"""A client for the tests' sockets: plain calls, deadlines, and failures that show what arrived.

    with connect(server.ws_url + "/api/ws/notifications", token=token(mia)) as socket:
        socket.until("connected")

A refused handshake is a value as much as an accepted one: see `ending`.
"""

from __future__ import annotations

import json
import os
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync import client

from tests import discretion, frames

PROTOCOL = "switchboard.v1"
DEADLINE = 20.0
"""Seconds a test waits for what must come; on a healthy machine it takes milliseconds."""

Frame = dict[str, Any]
Wanted = str | Callable[[Frame], bool]


@dataclass(frozen=True)
class Ending:
    """How a handshake was refused: by HTTP (`status` is not 101), or accepted, told in `frames` and closed with `code`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    subprotocol: str | None = None
    frames: Sequence[Frame] = field(default_factory=list)
    code: int | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


not_for_customers: list[str] = []
"""What sockets opened with a customer's token were told of other people; the session fails if there is any."""
agents_of_customers: set[tuple[int, int]] = set()
"""Customers, and of whom they were told how it is or that it types; the session fails if one of these was never the customer's agent."""
taken_over: dict[int, int] = {}
"""Customers whose sessions went over to another one, and to whom: their agents are the other one's in the database."""


def tells_of_people(frame: Frame) -> bool:
    """Whether a frame says anything about who is here, how they are, or that they type."""
    return frame["type"] in ("user_status", "presence", "typing") or "online_count" in frame.get("data", {})


class HttpRefusal(AssertionError):
    """A socket that should have opened was refused by HTTP."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(f"refused by HTTP {ending.status}: {dict(ending.headers)} {ending.body!r}")
        self.ending = ending


class Socket:
    """An open socket. `frames` is all that was read so far, oldest first."""

    def __init__(self, connection: client.ClientConnection, *, customer: int | None = None) -> None:
        self.connection = connection
        self.customer = customer
        self.address = connection.request.path if connection.request is not None else ""
        self.frames: list[Frame] = []
        self._looked_at = 0

    @property
    def subprotocol(self) -> str | None:
        return self.connection.subprotocol

    @property
    def response_headers(self) -> Mapping[str, str]:
        assert self.connection.response is not None
        return self.connection.response.headers

    @property
    def code(self) -> int | None:
        """The close code, or None while it is open."""
        return self.connection.close_code

    @property
    def reason(self) -> str | None:
        return self.connection.close_reason

    def send(self, frame: Frame | str | bytes, *, text: bool | None = None) -> None:
        """Send an object as JSON, a text as it is, and bytes as a binary frame (or, with `text`, as a text frame)."""
        discretion.everywhere.remember(frame)
        self.connection.send(json.dumps(frame) if isinstance(frame, dict) else frame, text=text)

    def until(self, wanted: Wanted, *, seconds: float = DEADLINE) -> Frame:
        """The next frame of that type, or for which `wanted` is true. What was returned once is not looked at again."""
        matches = (lambda frame: frame["type"] == wanted) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + seconds
        while True:
            while self._looked_at < len(self.frames):
                frame = self.frames[self._looked_at]
                self._looked_at += 1
                if matches(frame):
                    return frame
            try:
                self._read(deadline)
            except TimeoutError:
                raise AssertionError(f"{_name(wanted)}: not within {seconds:g} s. {self._story()}") from None
            except ConnectionClosed:
                raise AssertionError(f"{_name(wanted)}: closed before it came. {self._story()}") from None

    def take(self, count: int, wanted: Wanted, *, seconds: float = DEADLINE) -> list[Frame]:
        """The next `count` such frames."""
        return [self.until(wanted, seconds=seconds) for _ in range(count)]

    def sync(self) -> list[Frame]:
        """Whatever the server sent before it answered a ping sent now, as far as `until` has not returned it.

        Heartbeats, and who comes and goes in other tests, may fall anywhere and are left out.
        """
        mark = time.perf_counter_ns() % 10**12
        begin = self._looked_at
        self.send({"type": "ping", "timestamp": mark})
        self.until(lambda frame: frame["type"] == "pong" and frame["client_timestamp"] == mark)
        return [frame for frame in self.frames[begin : self._looked_at - 1] if frame["type"] not in ("heartbeat", "user_status", "presence")]

    def forget(self) -> None:
        """Let go of all that was read, for tests that read very much."""
        self.frames.clear()
        self._looked_at = 0

    def ended(self, *, seconds: float = DEADLINE) -> int | None:
        """Wait until the server has closed it; the close code (1006: without a close frame)."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                self._read(deadline)
        except ConnectionClosed:
            return self.code
        except TimeoutError:
            raise AssertionError(f"still open after {seconds:g} s. {self._story()}") from None

    def close(self) -> None:
        try:
            while self.customer is not None:  # what was not looked at must not be about other people either
                self._read(time.monotonic())
        except (TimeoutError, ConnectionClosed):
            pass
        self.connection.close()

    def hang_up(self) -> None:
        """Break the connection without a close frame, as a lost network would."""
        self.connection.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read(self, deadline: float) -> None:
        frame = json.loads(self.connection.recv(max(0.0, deadline - time.monotonic())))
        self.frames.append(frame)
        frames.told(self.address, frame)
        if self.customer is None or not isinstance(frame, dict) or not tells_of_people(frame):
            return
        if frame["type"] in ("presence", "typing"):
            agents_of_customers.add((self.customer, frame["data"]["user_id"]))
        else:
            not_for_customers.append(f"{os.environ.get('PYTEST_CURRENT_TEST')}: {json.dumps(frame)}")

    def _story(self) -> str:
        arrived = "\n  ".join(json.dumps(frame, ensure_ascii=False)[:300] for frame in self.frames[-20:]) or "nothing"
        closed = "" if self.code is None else f"\nClosed with {self.code} {self.reason!r}."
        return f"What arrived ({len(self.frames)} frames, at most the last 20):\n  {arrived}{closed}"


def connect(
    url: str,
    *,
    token: str | None = None,
    new: bool = False,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    origin: str | None = None,
) -> Socket:
    """Open a socket. Raises HttpRefusal.

    `token` goes into the query, as the old clients do it; `new` offers `switchboard.v1`.
    """
    parameters = {**({} if token is None else {"token": token}), **(query or {})}
    try:
        connection = client.connect(
            f"{url}?{urlencode(parameters)}" if parameters else url,
            additional_headers=headers,
            subprotocols=[*([PROTOCOL] if new else []), *subprotocols] or None,  # type: ignore[list-item]
            origin=origin,  # type: ignore[arg-type]
            compression=None,
            proxy=None,
            open_timeout=DEADLINE,
            # The server asks for signs of life; a client that does so too would hide that it does not.
            ping_interval=None,
            # Without a bound, so that pings are answered while a test looks elsewhere.
            max_queue=None,
            max_size=None,
            close_timeout=DEADLINE,
            legacy=True,  # a connection that is not bound to a `with` block of its own
        )
    except InvalidStatus as error:
        response = error.response
        raise HttpRefusal(Ending(response.status_code, response.headers, bytes(response.body or b""))) from None
    bearers = [token or "", *(str(value) for value in parameters.values()), *(headers or {}).values(), *subprotocols]
    return Socket(connection, customer=next((found for bearer in bearers if (found := _customer(bearer))), None))


def ending(url: str, **how: Any) -> Ending:
    """How a handshake that must be refused is refused. Takes what `connect` takes."""
    try:
        socket = connect(url, **how)
    except HttpRefusal as refusal:
        return refusal.ending
    with socket:
        code = socket.ended()
        return Ending(101, socket.response_headers, b"", socket.subprotocol, socket.frames, code)


def _customer(bearer: str) -> int | None:
    """Whose that is, or ends with, if it is a customer's token."""
    parts = bearer.split(".")
    try:
        payload = json.loads(urlsafe_b64decode(parts[-2] + "==")) if len(parts) >= 3 else {}
    except ValueError:
        return None
    return int(payload["user_id"]) if isinstance(payload, dict) and payload.get("role") == "customer" else None


def _name(wanted: Wanted) -> str:
    return wanted if isinstance(wanted, str) else "the wanted frame"
