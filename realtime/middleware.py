"""What stands before Django: a bound on what a request may bring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.utils import translation

from accounts import languages
from accounts.problems import Problem, answer

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]


class BoundedBody:
    """Answers 413 to a body of more than `limit` bytes, as soon as that shows.

    Django would first write all of it to the disk, whoever sends it, and only then look at its size.
    """

    def __init__(self, application: Application, *, limit: int) -> None:
        self.application = application
        self.limit = limit

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if int(headers.get(b"content-length", b"0")) > self.limit:  # servers let nothing but digits pass
            await _refuse(headers, send)
            return
        taken, refused = 0, False

        async def bounded() -> Any:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken <= self.limit:
                return message
            if not refused:
                refused = True
                await _refuse(headers, send)
            return {"type": "http.disconnect"}

        async def unless_refused(message: Any) -> None:
            if not refused:
                await send(message)

        await self.application(scope, bounded, unless_refused)


async def _refuse(headers: dict[bytes, bytes], send: Send) -> None:
    with translation.override(languages.wanted(headers.get(b"accept-language", b"").decode("latin-1")) or None):
        response = answer(Problem("TOO_LARGE"))
    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": [*lines, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": response.content})
