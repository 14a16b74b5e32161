"""Which socket answers at which address, with and without a trailing slash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from django.conf import settings
from django.utils import translation

from accounts.routing import route
from realtime.handshake import language
from realtime.places import Places
from realtime.refusals import OldClients, Refusal, refuse
from realtime.sockets import SOCKETS

_PLAIN = {path: consumer.as_asgi() for path, consumer in SOCKETS.items() if "<" not in path}
_WITH_PARAMETERS = [route(path, cast("Any", consumer.as_asgi()), name=path) for path, consumer in SOCKETS.items() if "<" in path]
_places = Places(settings.SWITCHBOARD.ws_max_sockets)


async def sockets(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """The ASGI application for every WebSocket."""
    path = scope["path"].strip("/")
    application: Any = _PLAIN.get(path)
    scope["address"] = path
    if application is None and (found := next(filter(None, (each.resolve(path) for each in _WITH_PARAMETERS)), None)):
        application = found.func
        scope["url_route"] = {"args": found.args, "kwargs": found.kwargs}  # where Channels' own router puts them
        scope["address"] = found.url_name
    if application is not None:
        await in_place(application, scope, receive, send)
        return
    await receive()
    with translation.override(language(scope) or settings.LANGUAGE_CODE):
        await refuse(scope, send, Refusal("NOT_FOUND"), OldClients.BY_HTTP)


async def in_place(application: Any, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Run the application of one connection in one of this process's places, or let it refuse for want of one."""
    placed = _places.take()
    scope["overloaded"] = not placed  # the consumer refuses it, who knows how its client understands that
    try:
        await application(scope, receive, send)
    finally:
        if placed:
            _places.give_back()
