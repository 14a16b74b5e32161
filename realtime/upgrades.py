"""What a request must be to open a WebSocket, before any of the sockets sees it."""

from __future__ import annotations

import base64

from websockets.datastructures import Headers
from websockets.http11 import Request


def mistake(request: Request) -> str | None:
    """What is wrong with it, in ASCII English for a header; None if nothing is (RFC 6455, section 4.2.1).

    `websockets` sees most of it, too, but refuses in plain text, of which no client learns a code.
    """
    if not request.path.isascii():
        return "An address must be percent-encoded."
    if not _is_whole(request.headers):
        return "The handshake needs a Sec-WebSocket-Key of 16 bytes and Sec-WebSocket-Version 13."
    return None


def _is_whole(headers: Headers) -> bool:
    try:
        key = base64.b64decode(headers["Sec-WebSocket-Key"], validate=True)
        return len(key) == 16 and headers["Sec-WebSocket-Version"] == "13"
    except (LookupError, ValueError):  # missing, twice, or no base64
        return False
