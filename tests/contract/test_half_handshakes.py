"""Requests that want to open a socket and do not say all that this takes."""

from __future__ import annotations

import httpx
import pytest

from realtime.sockets import SOCKETS
from tests.servers.workers import Site

PATHS = [f"/{path}" for path in SOCKETS if "<" not in path]
HANDSHAKE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"Sec-WebSocket-Key": None},
        {"Sec-WebSocket-Key": "AAAA"},
        {"Sec-WebSocket-Key": "no base64"},
        {"Sec-WebSocket-Version": None},
        {"Sec-WebSocket-Version": "12"},
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_half_a_handshake_is_an_invalid_request(server: Site, path: str, wrong: dict[str, str | None]) -> None:
    headers = {name: value for name, value in {**HANDSHAKE, **wrong}.items() if value is not None}
    response = httpx.get(server.url + path, headers=headers, timeout=30)
    assert (response.status_code, response.headers["X-WebSocket-Error-Code"]) == (400, "INVALID_REQUEST")
    assert response.json() == {"error_code": "INVALID_REQUEST", "message": response.headers["X-WebSocket-Error-Message"]}
