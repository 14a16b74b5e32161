"""Whether this worker is well: what load balancers and operators ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from accounts.groups import all_hosts_answer
from accounts.redis import RedisAway, ask
from realtime.worker import draining


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


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis() -> bool:
    try:
        return bool(ask(lambda redis: redis.ping()))
    except RedisAway:
        return False


def _layer() -> bool:
    return not settings.SWITCHBOARD.layer_redis_urls or all_hosts_answer()


_PARTS: Final[Mapping[str, Callable[[], bool]]] = {"database": _database, "redis": _redis, "layer": _layer, "worker": lambda: not draining.is_set()}
