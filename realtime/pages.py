"""The pages that people open. Each is a template with modules of its own in `static/`; what is in git is what the browser runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from realtime.headers import policy
from realtime.modules import imported_by

STATIC: Final = Path(__file__).parent / "static"
DEBUG_SITES = ("http://localhost:*", "http://127.0.0.1:*", "http://*.localhost:*")
"""Who else may frame a page of ours in DEBUG, as any localhost may open sockets there."""


def page(request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, framed_by: Iterable[str] = ()) -> HttpResponse:
    """A page of ours. It loads nothing from elsewhere, runs no script that stands in it, and only `framed_by` may frame it: origins, or nobody."""
    response = render(request, template, dict(context or {}))
    response["Content-Security-Policy"] = policy(request, framed_by=framed_by)
    if framed_by:
        response.xframe_options_exempt = True  # it knows no list, and is not asked where frame-ancestors is given
    return response


def allowed_sites() -> tuple[str, ...]:
    """The sites that may frame the widget: those whose pages may open sockets."""
    return ("'self'", *settings.SWITCHBOARD.ws_allowed_origins, *(DEBUG_SITES if settings.DEBUG else ()))


@require_safe
@never_cache
def console(request: HttpRequest) -> HttpResponse:
    """Where agents answer. Whoever opens it logs in on the page itself."""
    return page(request, "realtime/console.html", {"modules": imported_by(STATIC, "realtime/console/console.js")})
