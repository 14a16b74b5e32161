"""A round trip against a running server, as a browser makes it: from the health check to a notification that arrives.

Nothing here knows the server but by its address, so it goes through whatever stands before it.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from realtime.refusals import PROTOCOL
from realtime.sockets import STREAM

SOCKET: Final = "api/ws/notifications"
TYPE: Final = "probe"
PINGS: Final = 10
_CLOSE_WAIT: Final = 2.0  # seconds that a server has to say goodbye
_MOST: Final = 1 << 20
"""Bytes of an answer that are looked at."""


class ProbeFailed(Exception):
    """What went wrong, and what to do about it. Holds no credential."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried: how long it took in seconds, and what was found. `ok` is None for one that was left out."""

    name: str
    ok: bool | None
    seconds: float
    said: str


class Probe:
    """Tries the server at `url`. `log_in` returns a bearer token; `service_key` may be empty; all of it takes `patience` seconds at most."""

    def __init__(self, url: str, *, log_in: Callable[[Probe], str], service_key: str = "", patience: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ProbeFailed("The address should look like https://shop.example, without a path, a name or a password.")
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self.ok = True
        self._ends = time.monotonic() + patience
        self._log_in, self._key = log_in, service_key
        self._bearer = self._epoch = ""
        self._user_id = self._seq = 0
        self._sent: list[int] = []
        self._socket: ClientConnection | None = None
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def run(self) -> Iterator[Step]:
        """Try one thing after the other. The first that fails is the last, but for what has to be put away."""
        steps: tuple[tuple[str, Callable[[], str | None]], ...] = (
            ("live", self._live),
            ("ready", self._ready),
            ("login", self._login),
            ("ticket and socket", self._connect),
            ("ping", self._ping),
            ("notify", self._notify),
            ("resume", self._resume),
            ("stream", self._stream),
        )
        try:
            for name, step in steps:
                yield self._timed(name, step)
                if not self.ok:
                    return
        finally:
            self._hang_up()
            if self._sent:
                yield self._timed("tidy up", self._tidy_up)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, bearer: str = "") -> Any:
        """The JSON that a call is answered with. Raises ProbeFailed."""
        with self._open(method, path, body, headers={"Authorization": f"Bearer {bearer}"} if bearer else {}) as response:
            text = response.read(_MOST)
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise ProbeFailed(f"{method} {path} is answered with something else than JSON: is this Switchboard?") from None

    # The steps; each says what it has found, or None if it was left out

    def _live(self) -> str:
        return f"version {self.call('GET', '/health/live')['version']}"

    def _ready(self) -> str:
        return str(self.call("GET", "/health/ready")["status"])

    def _login(self) -> str:
        self._bearer = self._log_in(self)
        found = self.call("GET", "/api/v1/ws/status", bearer=self._bearer)
        self._user_id = found["user_id"]
        return f"user {self._user_id}, {found['role']}"

    def _connect(self) -> str:
        data = self._opened()
        self._seq, self._epoch = data["seq"], data["epoch"]
        return f"worker {data['connection_id'].split('-')[0]}, at {self._seq}"

    def _ping(self) -> str:
        assert self._socket is not None  # noqa: S101 - the step before
        took = []
        for _ in range(PINGS):
            began = time.monotonic()
            self._socket.send('{"type": "ping"}')
            self._until("pong")
            took.append(time.monotonic() - began)
        return f"{1000 * statistics.median(took):.1f} ms there and back (median of {PINGS}, at most {1000 * max(took):.1f})"

    def _notify(self) -> str | None:
        message = {"user_id": self._user_id, "type": TYPE, "title": "Probe", "message": "The operator tries whether messages arrive.", "source": TYPE}
        began = time.monotonic()
        try:
            self._sent = self.call("POST", "/api/v1/notifications", message, bearer=self._key or self._bearer)["ids"]
        except Refused as refused:
            if refused.status == 403 and not self._key:
                return None
            raise
        answered = time.monotonic() - began
        if not self._sent:
            raise ProbeFailed(f"The server took the notification, but user {self._user_id} has turned the type “{TYPE}” off: use another user.")
        self._until("notification", self._is_ours)
        return f"answered after {1000 * answered:.1f} ms, arrived after {1000 * (time.monotonic() - began):.1f} ms"

    def _resume(self) -> str:
        self._hang_up()
        if not self._opened(since=f"{self._epoch}:{self._seq}")["resumed"]:
            raise ProbeFailed("The server would not go on where the socket before had ended: was its database restored a moment ago?")
        if not self._sent:
            return "from where the first socket ended"
        self._until("notification", self._is_ours)
        return "what the first socket had got came again"

    def _stream(self) -> str:
        headers = {"Authorization": f"Bearer {self._bearer}", "Last-Event-ID": f"{self._epoch}:{self._seq}", "Accept": "text/event-stream"}
        wanted = b"event: notification\n" if self._sent else b"event: connected\n"
        with self._open("GET", f"/{STREAM}", headers=headers) as response:
            while line := self._line(response):
                if line == wanted and self._is_ours({"data": json.loads(self._line(response).removeprefix(b"data: "))}):
                    return "resumed by Last-Event-ID" if self._sent else "connected"
        raise ProbeFailed("The stream ended before anything came: does a proxy keep it in a buffer, or end it?")

    def _tidy_up(self) -> str:
        while self._sent:
            self.call("DELETE", f"/api/v1/notifications/{self._sent[0]}", bearer=self._bearer)
            self._sent.pop(0)
        return "the notification is deleted; two entries of the user's stream stay until RETENTION has passed"

    # What they are made of

    def _timed(self, name: str, step: Callable[[], str | None]) -> Step:
        began = time.monotonic()
        try:
            said, ok = step(), True
        except ProbeFailed as failed:
            said, ok = str(failed), False
        except (KeyError, TypeError, ValueError) as error:
            said, ok = f"The answer is not what Switchboard says ({type(error).__name__}): is this Switchboard, and of this version?", False
        self.ok = self.ok and ok
        if said is None:
            return Step(name, None, 0.0, "left out: this user may not send. Set SERVICE_KEY to a key with the scope notifications.")
        return Step(name, ok, time.monotonic() - began, said)

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise ProbeFailed("There was no time left for this. --timeout gives more.")
        return left

    def _open(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, headers: Mapping[str, str]) -> HTTPResponse:
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.url + path, data, {**headers, "Content-Type": "application/json"}, method=method)  # noqa: S310 - the scheme was looked at
        try:
            response: HTTPResponse = self._opener.open(request, timeout=self._left())
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(f"{method} {path}", error.code, error.read(_MOST), error.headers.get("Location", "")) from None
        except (OSError, HTTPException) as error:
            raise ProbeFailed(f"{method} {path} is not answered: {getattr(error, 'reason', error) or type(error).__name__}") from None
        return response

    def _opened(self, **query: str) -> Mapping[str, Any]:
        """Open a socket with a ticket; returns the data of its `connected`."""
        ticket = self.call("POST", "/api/v1/ws/ticket", bearer=self._bearer)["ticket"]
        address = f"{self.url.replace('http', 'ws', 1)}/{SOCKET}?{urlencode({'ticket': ticket, **query}, quote_via=quote)}"
        try:
            bounds: Any = {"open_timeout": self._left(), "close_timeout": _CLOSE_WAIT, "max_size": _MOST}
            self._socket = connect(address, subprotocols=[PROTOCOL], compression=None, proxy=None, **bounds)  # type: ignore[list-item]
        except InvalidStatus as error:
            code = error.response.headers.get("X-WebSocket-Error-Code", "no code of ours: does the proxy let upgrades through?")
            raise ProbeFailed(f"The socket is refused with {error.response.status_code} ({code}).") from None
        except (OSError, WebSocketException, TimeoutError) as error:
            raise ProbeFailed(f"The socket does not open: {type(error).__name__}. Does the proxy let upgrades through?") from None
        data: Mapping[str, Any] = self._until("connected")["data"]
        return data

    def _until(self, kind: str, wanted: Callable[[Mapping[str, Any]], bool] = lambda frame: True) -> Mapping[str, Any]:
        assert self._socket is not None  # noqa: S101
        try:
            while True:
                frame: Mapping[str, Any] = json.loads(self._socket.recv(timeout=self._left()))
                if frame["type"] == kind and wanted(frame):
                    return frame
        except TimeoutError:
            raise ProbeFailed(f"No {kind} came in time.") from None
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else "no code"
            raise ProbeFailed(f"The socket was closed ({code}) before {kind} came.") from None

    def _line(self, response: HTTPResponse) -> bytes:
        self._left()
        try:
            return response.readline(_MOST)
        except (OSError, HTTPException):
            raise ProbeFailed("The stream broke off, or nothing came in time: does a proxy keep it in a buffer?") from None

    def _is_ours(self, frame: Mapping[str, Any]) -> bool:
        return not self._sent or frame["data"].get("id") in self._sent

    def _hang_up(self) -> None:
        if self._socket is not None:
            # Beside us, for what is not answered in its time is then waited for without a bound.
            closing = threading.Thread(target=self._socket.close, daemon=True)
            closing.start()
            closing.join(2 * _CLOSE_WAIT)
            self._socket = None


class Refused(ProbeFailed):
    """A call was answered with an error."""

    def __init__(self, call: str, status: int, body: bytes, location: str) -> None:
        self.status = status
        try:
            document = json.loads(body)
            code = document.get("code") or document.get("error_code") or ", ".join(document.get("failing", ()))
            said = f"{code}: {document.get('detail') or document.get('message') or 'see docs/operations.md, Health'}"
        except (ValueError, AttributeError):
            said = {400: "is this name in ALLOWED_HOSTS?", 502: "the proxy reaches no worker", 504: "the proxy got no answer from a worker"}.get(
                status, "not by us"
            )
        super().__init__(f"{call} sends us on to {location}: probe that address." if location else f"{call} is answered {status} ({said})")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None
