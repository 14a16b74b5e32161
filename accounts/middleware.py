"""Request lines in the log, without what must not stand there."""

from __future__ import annotations

import structlog
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

from accounts.addresses import client_address


class RequestLog(RequestMiddleware):
    """django-structlog's lines, but without the query string, which may hold a token, and with the address that we believe."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(ip=client_address(request))
