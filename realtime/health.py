"""Whether this worker is well: what load balancers and operators ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import resolve
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from accounts.groups import all_hosts_answer
from accounts.redis import RedisAway, ask
from realtime.questions import Question
from realtime.worker import draining

PATIENCE: Final = 3.0
"""Seconds that the database has to answer."""
ASKED_BY_MACHINES: Final = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""Addresses of load balancers, supervisors and Prometheus, who call a worker by whatever name or number they have."""


def for_any_host(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that answers ASKED_BY_MACHINES at once: ALLOWED_HOSTS and cookies do not concern them."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.removesuffix("/") not in ASKED_BY_MACHINES:
            return get_response(request)
        request.resolver_match = match = resolve(request.path_info)
        response: HttpResponseBase = match.func(request)
        return response

    return middleware


@csrf_exempt
@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Touches nothing, so that a database that is away restarts nobody."""
    return JsonResponse({"status": "healthy", "version": settings.VERSION})


@csrf_exempt
@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """This worker should be sent traffic: 200, or 503 naming what does not answer."""
    failing = [name for name, answers in _PARTS.items() if not answers()]
    if failing:
        return JsonResponse({"status": "degraded", "version": settings.VERSION, "failing": failing}, status=503)
    return JsonResponse({"status": "healthy", "version": settings.VERSION})


def _ask_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


_database_answers: Final = Question(_ask_database, patience=PATIENCE)


def _database() -> bool:
    return _database_answers.ask() is not None


def _redis() -> bool:
    try:
        return bool(ask(lambda redis: redis.ping()))
    except RedisAway:
        return False


def _layer() -> bool:
    return not settings.SWITCHBOARD.layer_redis_urls or all_hosts_answer()


_PARTS: Final[Mapping[str, Callable[[], bool]]] = {"database": _database, "redis": _redis, "layer": _layer, "worker": lambda: not draining.is_set()}
