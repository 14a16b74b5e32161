"""How a text becomes a WebSocket frame."""

from __future__ import annotations

_last: tuple[str, bytes] = ("", b"\x81\x00")  # 0x81: the only fragment of a text message


def framed(text: str) -> bytes:
    """A text as one unmasked frame (RFC 6455, section 5.2). What is sent to many sockets in a row is built once."""
    global _last  # noqa: PLW0603 - there is one, for all sockets
    if text is _last[0]:
        return _last[1]
    payload = text.encode()
    size = len(payload)
    if 126 <= size < 65536:
        frame = b"\x81\x7e" + size.to_bytes(2) + payload
    elif size < 126:
        frame = bytes((0x81, size)) + payload
    else:
        frame = b"\x81\x7f" + size.to_bytes(8) + payload
    _last = (text, frame)
    return frame
