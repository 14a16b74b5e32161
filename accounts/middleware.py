"""What stands around every request: its lines in the log, and its errors."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django_structlog.middlewares import RequestMiddleware

from accounts import languages, problems


class RequestLog(RequestMiddleware):
    """django-structlog's lines, but without the query string, which may hold a token."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"


def problems_for_programs(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Make every error at a program's address a problem document, whoever answered it: a wrong method, a bad host, DEBUG's own pages."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code < 400 or not problems.is_for_programs(request.path_info):
            return response
        # It may come from before the request's language was found out.
        with translation.override(languages.wanted(request.headers.get("Accept-Language", "")) or None):
            return problems.instead_of(response) or response

    return middleware
