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

_ROUTES = [route(path, cast("Any", consumer.as_asgi()), name=path) for path, consumer in SOCKETS.items()]
_places = Places(settings.SWITCHBOARD.ws_max_sockets)


async def sockets(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """The ASGI application for every WebSocket."""
    found = next(filter(None, (each.resolve(scope["path"].lstrip("/")) for each in _ROUTES)), None)
    if found is not None:
        scope["url_route"] = {"args": found.args, "kwargs": found.kwargs}  # where Channels' own router puts them
        placed = _places.take()
        scope["overloaded"] = not placed  # the consumer refuses it, who knows how its client understands that
        try:
            await found.func(scope, receive, send)
        finally:
            if placed:
                _places.give_back()
        return
    await receive()
    with translation.override(language(scope) or settings.LANGUAGE_CODE):
        await refuse(scope, send, Refusal("NOT_FOUND"), OldClients.BY_HTTP)
