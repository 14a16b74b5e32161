"""The ASGI application: HTTP by Django, sockets and streams by the consumers."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
http = get_asgi_application()  # before what follows, which needs the apps to be loaded

from django.conf import settings  # noqa: E402

import realtime.stats  # noqa: E402, F401 - a worker writes down from its start what it counts
from realtime.headers import SecurityHeaders  # noqa: E402
from realtime.middleware import BoundedBody, BoundedRequests, LegibleAddress  # noqa: E402
from realtime.requests import CountedRequests  # noqa: E402
from realtime.routing import sockets  # noqa: E402
from realtime.sse import EventStreams  # noqa: E402

# How the process is has to be told also while all places are taken.
in_turn = BoundedRequests(http, limit=settings.SWITCHBOARD.http_requests, needless={"/health/live", "/metrics"})
counted = CountedRequests(BoundedBody(in_turn, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE))

# Whose word on the client's address is believed is one option for HTTP and sockets, under every server.
application = ProxyHeadersMiddleware(
    ProtocolTypeRouter({"http": SecurityHeaders(LegibleAddress(EventStreams(counted))), "websocket": sockets}),  # type: ignore[arg-type]
    trusted_hosts=list(settings.SWITCHBOARD.trusted_proxies),
)
