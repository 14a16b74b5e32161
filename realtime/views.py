"""Answers to plain HTTP at the sockets' addresses, and whether this worker is well."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from realtime.refusals import Refusal, http_body, http_headers


@csrf_exempt
def upgrade_required(request: HttpRequest) -> HttpResponse:
    """A plain request to a socket's address."""
    refusal = Refusal("INVALID_REQUEST")
    return HttpResponse(http_body(refusal), status=refusal.reason.http, headers=http_headers(refusal), content_type="application/json")
