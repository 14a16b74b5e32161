"""HTTP requests, counted: how many, how they ended and how long they took."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase

from accounts.counting import Counter, Histogram, Level

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

REQUESTS: Final = Counter(
    "switchboard_http_requests_total", "Requests by HTTP, by route and status; 0: the client went before there was an answer.", "route", "status"
)
SECONDS: Final = Histogram("switchboard_http_request_seconds", "From a request's arrival until its answer begins, waiting for its turn included.", "route")
IN_PROGRESS: Final = Level("switchboard_http_requests_in_progress", "Requests by HTTP that are not answered yet, those that wait for their turn included.")

NO_ROUTE: Final = "none"
_DEPTH: Final = 3  # parts of a route's address that make its class: api/v1/notifications


class CountedRequests:
    """Counts the requests of an application, by the class of the route that `note_route` has noted."""

    def __init__(self, application: Callable[[Any, Receive, Send], Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        began, status, seconds = time.perf_counter(), 0, 0.0

        async def noting(message: Any) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - began
            await send(message)

        IN_PROGRESS.add()
        try:
            await self.application(scope, receive, noting)
        finally:
            IN_PROGRESS.add(by=-1)
            route = scope.get("route_class", NO_ROUTE)
            REQUESTS.add(route, str(status))
            SECONDS.observe(seconds or time.perf_counter() - began, route)


def note_route(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that tells CountedRequests which route was found. Of the address only what we have declared is told."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        scope = getattr(request, "scope", None)
        if scope is not None:
            match = request.resolver_match
            scope["route_class"] = class_of(match.route) if match else "static" if request.path_info.startswith("/static/") else NO_ROUTE
        return response

    return middleware


def class_of(route: str) -> str:
    """The first parts of a route's declared address, up to its first parameter."""
    parts = route.lstrip("^").strip("/").split("/")
    fixed = parts[: next((number for number, part in enumerate(parts) if "<" in part or "(" in part), len(parts))]
    if fixed and fixed[0] != "api":
        return fixed[0] or "/"
    return "/".join(fixed[:_DEPTH]) or NO_ROUTE
