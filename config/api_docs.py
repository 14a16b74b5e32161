"""The REST API described: the OpenAPI document, and Swagger UI to read it and try it out, both served by us."""

from __future__ import annotations

import hashlib
from functools import cache
from threading import Lock
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from rest_framework.renderers import BaseRenderer

from realtime.pages import page

KEPT: Final = 300
"""Seconds for which nobody on the way asks again: so long the description of an older release may be shown."""

_FORMS: Final[dict[str, tuple[type[BaseRenderer], str]]] = {
    "json": (OpenApiJsonRenderer, "application/json"),
    "yaml": (OpenApiYamlRenderer, "application/yaml"),
}


@csrf_exempt
@require_safe
def document(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document, as JSON, or as YAML for who asks for it by `?format=yaml` or in `Accept`."""
    wanted = request.GET.get("format", "yaml" if "yaml" in request.headers.get("Accept", "") else "json")
    form = wanted if wanted in _FORMS else "json"
    body, etag = _rendered(form)
    response = HttpResponse(body, content_type=f"{_FORMS[form][1]}; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={KEPT}"
    response["Vary"] = "Accept"
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response


@csrf_exempt
@require_safe
@never_cache
def reader(request: HttpRequest) -> HttpResponse:
    """Swagger UI."""
    return page(request, "realtime/api_docs.html")


def _rendered(form: str) -> tuple[bytes, str]:
    """The document in that form and its ETag. It is the same for everybody, and takes a second to make."""
    with _one_at_a_time:  # two generators at once trip over what they keep at the views
        return _made(form)


_one_at_a_time: Final = Lock()


@cache
def _made(form: str) -> tuple[bytes, str]:
    with translation.override("en"):
        described = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        body: bytes = _FORMS[form][0]().render(described, renderer_context={})
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'
