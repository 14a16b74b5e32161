"""Which socket answers at which address, with and without a trailing slash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.utils import translation

from realtime.handshake import language
from realtime.places import Places
from realtime.refusals import OldClients, Refusal, refuse
from realtime.sockets import SOCKETS

_APPLICATIONS = {path: consumer.as_asgi() for path, consumer in SOCKETS.items()}
_places = Places(settings.SWITCHBOARD.ws_max_sockets)


async def sockets(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """The ASGI application for every WebSocket."""
    application = _APPLICATIONS.get(scope["path"].strip("/"))
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
