"""What every answer has browsers refuse: scripts and frames from elsewhere, guessing at types, addresses given away, copies kept.

Each of these is set where an answer has none. A view that needs another one sets its own:
`response["Content-Security-Policy"] = policy(request)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of what is no page: an answer to a program, an error, a redirect."""
_TECHNICAL: Final = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
"""That of Django's own pages about an error, which are there in DEBUG only and hold their scripts in themselves."""

UNLESS_SET: Final[Mapping[str, str]] = {
    "Content-Security-Policy": NOTHING,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_LINES: Final = [(name.lower().encode(), value.encode()) for name, value in UNLESS_SET.items()]


class SecurityHeaders:
    """Adds to each answer by HTTP what it lacks of `UNLESS_SET`; also to those that Django never sees."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        async def completed(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                message = {**message, "headers": [*headers, *(line for line in _LINES if line[0] not in there)]}
            await send(message)

        await self.application(scope, receive, completed)


def policy(request: HttpRequest, *, framed_by: Iterable[str] = ()) -> str:
    """The policy of a page: it loads nothing from elsewhere, runs no script that stands in it, and only `framed_by` may frame it: origins, or nobody."""
    host = request.get_host()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            # Not every browser takes 'self' for sockets.
            f"connect-src 'self' ws://{host} wss://{host}",
            "frame-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            f"frame-ancestors {' '.join(framed_by) or chr(39) + 'none' + chr(39)}",
        )
    )


def pages_of_django(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: gives the admin the policy of a page, and in DEBUG lets Django show its own pages about errors."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not response.has_header("Content-Security-Policy"):
            if request.resolver_match is not None and request.resolver_match.app_name == "admin":
                response["Content-Security-Policy"] = policy(request)
            elif settings.DEBUG and response.status_code >= 400 and response.get("Content-Type", "").startswith("text/html"):
                response["Content-Security-Policy"] = _TECHNICAL
        return response

    return middleware
