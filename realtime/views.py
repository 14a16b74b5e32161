"""The demo page, and the answer to plain HTTP at a socket's address."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from realtime.refusals import Refusal, http_body, http_headers


@csrf_exempt
def upgrade_required(request: HttpRequest) -> HttpResponse:
    """A plain request to a socket's address."""
    refusal = Refusal("INVALID_REQUEST")
    return HttpResponse(http_body(refusal), status=refusal.reason.http, headers=http_headers(refusal), content_type="application/json")


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
    return render(request, "realtime/demo.html", {"people": people, "texts": texts})
