"""How a text becomes a WebSocket frame."""

from __future__ import annotations

_TEXT = 0x81  # the only fragment of a text message

_last: tuple[str, bytes] = ("", bytes((_TEXT, 0)))


def framed(text: str) -> bytes:
    """A text as one unmasked frame (RFC 6455, section 5.2). What is sent to many sockets in a row is built once."""
    global _last  # noqa: PLW0603 - there is one, for all sockets
    if text is _last[0]:
        return _last[1]
    payload = text.encode()
    size = len(payload)
    if size < 126:
        header = bytes((_TEXT, size))
    elif size < 65536:
        header = bytes((_TEXT, 126)) + size.to_bytes(2)
    else:
        header = bytes((_TEXT, 127)) + size.to_bytes(8)
    frame = header + payload
    _last = (text, frame)
    return frame
