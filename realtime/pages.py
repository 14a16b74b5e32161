"""The pages that people open. Each is a template with modules of its own in `static/`; what is in git is what the browser runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

DEBUG_SITES = ("http://localhost:*", "http://127.0.0.1:*", "http://*.localhost:*")
"""Who else may frame a page of ours in DEBUG, as any localhost may open sockets there."""


def page(request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, framed_by: Iterable[str] = ()) -> HttpResponse:
    """A page of ours. It loads nothing from elsewhere, runs no script that stands in it, and only `framed_by` may frame it: origins, or nobody."""
    response = render(request, template, dict(context or {}))
    host = request.get_host()
    response["Content-Security-Policy"] = "; ".join(
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
    if framed_by:
        response.xframe_options_exempt = True  # it knows no list, and is not asked where frame-ancestors is given
    return response


def allowed_sites() -> tuple[str, ...]:
    """The sites that may frame the widget: those whose pages may open sockets."""
    return ("'self'", *settings.SWITCHBOARD.ws_allowed_origins, *(DEBUG_SITES if settings.DEBUG else ()))


@never_cache
def demo(request: HttpRequest) -> HttpResponse:
    """Two people side by side, who see what they are told as it happens."""
    password = "password123" if settings.DEBUG else ""  # what `createdemo` sets
    people = [{"key": name, "username": name if settings.DEBUG else "", "password": password} for name in ("mia", "john")]
    texts = {
        "connecting": _("Connecting…"),
        "connected": _("Connected, to worker %(worker)s"),
        "waiting": _("No connection, trying again in %(seconds)s s"),
        "stopped": _("Not connected"),
        "signed_out": _("You have been signed out. Log in again."),
        "mark_read": _("Mark read"),
    }
    return page(request, "realtime/demo.html", {"people": people, "texts": texts})
