"""Why a socket is refused or closed, and how each kind of client is told so.

A new client (one that offers `switchboard.v1`) decides by the range of the close code. The old ones
each have their own idea of what an HTTP refusal or a close code means, so each path names the way in
which its old clients stop or calm down.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import quote

import msgspec
from django.http import HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from msgspec import UNSET

from accounts.problems import Problem, answer
from notifications.wire import encode
from realtime.events import Error
from realtime.traffic import HANDSHAKES

logger = logging.getLogger(__name__)

PROTOCOL: Final = "switchboard.v1"
SERVICE_RESTART: Final = 1012
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of the contract with its HTTP status, its close code and what a person reads."""

    http: int
    close: int
    text: Any


REASONS: Final[Mapping[str, Reason]] = {
    "MISSING_TOKEN": Reason(401, 4401, _("Sign in first: this address needs a token.")),
    "TOKEN_EXPIRED": Reason(401, 4001, _("Your token is not valid any more. Get a new one.")),
    "INVALID_REQUEST": Reason(400, 4400, _("This address is for WebSocket connections; check the request's headers and parameters.")),
    "FORBIDDEN": Reason(403, 4403, _("You may not open this connection.")),
    "NOT_FOUND": Reason(404, 4404, _("There is nothing at this address.")),
    "CONNECTION_LIMIT": Reason(429, 4102, _("You have too many connections open. Close one.")),
    "RATE_LIMITED": Reason(429, 4102, _("Too many attempts. Wait a little.")),
    "OVERLOADED": Reason(503, 4101, _("The server is busy. Try again in a moment.")),
    "DEPENDENCY_DOWN": Reason(503, 4103, _("Something we depend on does not answer. Try again in a moment.")),
    # On an open socket only:
    "PING_TIMEOUT": Reason(0, 4201, _("Nothing was heard from you. Connect again.")),
    "SLOW_CONSUMER": Reason(0, 4203, _("You read too slowly. Connect again.")),
    "REPLACED": Reason(0, 4409, _("A newer connection has taken the place of this one.")),
    "SESSION_REVOKED": Reason(0, 4410, _("You have been signed out.")),
    "MESSAGE_TOO_BIG": Reason(0, 4413, _("This frame is too big.")),
}

TOO_FAST: Final = _("You send too fast. Wait a little.")
TEMPORARY: Final = frozenset({"RATE_LIMITED", "OVERLOADED", "DEPENDENCY_DOWN", "CONNECTION_LIMIT"})


class Refusal(Exception):
    """A socket is not opened, or not kept open. `detail` replaces the reason's own text."""

    def __init__(self, code: str, *, detail: Any = None, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.reason = REASONS[code]
        self.text = detail or self.reason.text
        self.retry_after = retry_after

    def close_code(self, *, new_client: bool) -> int:
        """With which code an open socket is closed. An old client comes back on any but 1000, and would push out the one that replaced it."""
        return 1000 if self.code == "REPLACED" and not new_client else self.reason.close


class OldClients(Enum):
    """How a path tells a client that does not know `switchboard.v1`."""

    BY_HTTP = "always by HTTP: its client would take an accepted socket for a success and count from zero"
    MIXED = "by HTTP where a new token helps, because that is what its client does then; else by close"
    STAY_AWAY = "by close with 1000, the only code its client does not hammer on; 41xx if it is temporary"
    BY_CLOSE = "by close with the code itself"


_TOKEN_HELPS: Final = frozenset({"MISSING_TOKEN", "TOKEN_EXPIRED", "INVALID_REQUEST"})


class Advice(Enum):
    """What a close code tells a new client to do."""

    STOP = "stop"
    BACK_OFF = "back off"
    REFRESH = "refresh"  # with a new credential, once
    AT_ONCE = "at once"  # with its cursor


ADVICE: Final = (
    (1000, 1000, Advice.STOP),
    (1003, 1003, Advice.STOP),
    (1009, 1009, Advice.STOP),
    (4000, 4099, Advice.REFRESH),
    (4100, 4199, Advice.BACK_OFF),
    (4200, 4299, Advice.AT_ONCE),
    (4400, 4499, Advice.STOP),
)
"""The first and the last code of each range, and its advice. With any other code: back off."""


def reconnects(close_code: int) -> bool:
    """Whether the range of a close code invites the client back."""
    return all(advice is not Advice.STOP for first, last, advice in ADVICE if first <= close_code <= last)


def error_frame(refusal: Refusal, *, close_code: int | None = None) -> str:
    """The `error` frame that precedes a close, in the active language."""
    close_code = refusal.reason.close if close_code is None else close_code
    return encode(
        Error(
            error_code=refusal.code,
            message=str(refusal.text),
            timestamp=timezone.now(),
            close_code=close_code,
            reconnect=reconnects(close_code),
            retry_after_ms=UNSET if refusal.retry_after is None else int(refusal.retry_after * 1000),
        )
    )


def restart_frame(retry_after_ms: int) -> str:
    """The `error` frame, in the active language, that tells a client to come back because this worker restarts."""
    return encode(
        Error(
            error_code="OVERLOADED",
            message=gettext("The server restarts. Connect again."),
            timestamp=timezone.now(),
            close_code=SERVICE_RESTART,
            reconnect=True,
            retry_after_ms=retry_after_ms,
        )
    )


async def refuse(scope: Mapping[str, Any], send: Send, refusal: Refusal, old_clients: OldClients) -> None:
    """Refuse a socket that is not accepted yet, in the way its client understands."""
    logger.info("A socket is refused at %s: %s", quote(scope["path"]), refusal.code)
    HANDSHAKES.add(refusal.code)
    new_client = PROTOCOL in scope["subprotocols"]
    if not new_client and (old_clients is OldClients.BY_HTTP or (old_clients is OldClients.MIXED and refusal.code in _TOKEN_HELPS)):
        await _deny(scope, send, refusal)
        return
    close_code = refusal.reason.close
    if not new_client and not (old_clients is OldClients.BY_CLOSE or refusal.code in TEMPORARY):
        close_code = 1000
    await send({"type": "websocket.accept", "subprotocol": PROTOCOL if new_client else None})
    await send({"type": "websocket.send", "text": error_frame(refusal, close_code=close_code)})
    await send({"type": "websocket.close", "code": close_code})


async def _deny(scope: Mapping[str, Any], send: Send, refusal: Refusal) -> None:
    """Answer the handshake with an HTTP response (the ASGI extension that both our servers have)."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    body = http_body(refusal)
    headers = [(name.encode(), value.encode()) for name, value in http_headers(refusal).items()]
    headers.append((b"content-type", b"application/json"))
    await send({"type": "websocket.http.response.start", "status": refusal.reason.http, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


def http_problem(refusal: Refusal) -> HttpResponse:
    """The same for who has asked over plain HTTP: a problem document, with the members that a handshake's body has."""
    problem = Problem(refusal.code, detail=refusal.text, wait=refusal.retry_after)
    response = answer(problem, error_code=refusal.code, message=str(refusal.text))
    for name, value in http_headers(refusal).items():
        response[name] = value
    return response


def http_headers(refusal: Refusal) -> dict[str, str]:
    """The headers of a refusal by HTTP; their text is English, because a header is ASCII."""
    with translation.override("en"):
        headers = {"X-WebSocket-Error-Code": refusal.code, "X-WebSocket-Error-Message": str(refusal.text)}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
    return headers


def http_body(refusal: Refusal) -> bytes:
    """The JSON body of a refusal by HTTP, in the active language."""
    return msgspec.json.encode({"error_code": refusal.code, "message": str(refusal.text)})
