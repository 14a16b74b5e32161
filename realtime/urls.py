"""Addresses of the live side that answer plain HTTP."""

from accounts.routing import route
from realtime import health, metrics, pages, sockets_page, views, widget
from realtime.sockets import SOCKETS, STREAM

urlpatterns = [
    route("console", pages.console, name="console"),
    route("widget.js", widget.loader, name="widget-loader"),
    route("widget", widget.frame, name="widget"),
    route("health", health.ready, name="health"),
    route("health/live", health.live, name="health-live"),
    route("health/ready", health.ready, name="health-ready"),
    route("api/asyncapi.json", sockets_page.description, name="asyncapi"),
    route("api/sockets", sockets_page.readable, name="sockets"),
    route("metrics", metrics.metrics, name="metrics"),
    route("api/v1/ws/status", views.SocketStatusView.as_view(), name="ws-status"),
    route(STREAM, views.NotificationStreamView.as_view(), name="notification-stream"),
    *[route(socket, views.upgrade_required, name=f"socket-{socket.replace(':', '-')}") for socket in SOCKETS],
]
