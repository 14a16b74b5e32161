"""What a shop embeds: the loader at a stable address, and the page that it frames."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.http import require_safe

from realtime.modules import imported_by
from realtime.pages import STATIC, allowed_sites, page

LOADER: Final = STATIC / "realtime/widget/loader.js"
FRAME: Final = "realtime/widget/frame.js"
KEPT: Final = 300
"""Seconds for which a browser does not ask again: a shop's page names no version, so this is how long a new one takes."""


@require_safe
def loader(request: HttpRequest) -> HttpResponse:
    """The script, for pages of any site; it opens nothing that they could not open without it."""
    etag, plain, small = _loader(LOADER.stat().st_mtime)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(small if zipped else plain, content_type="text/javascript; charset=utf-8")
    if zipped:
        response["Content-Encoding"] = "gzip"
    response["Cache-Control"] = f"public, max-age={KEPT}"
    response["ETag"] = etag
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    patch_vary_headers(response, ["Accept-Encoding"])
    return get_conditional_response(request, etag=etag, response=response) or response


@require_safe
def frame(request: HttpRequest) -> HttpResponse:
    """The chat. Whose visitor it is the page around it says; without one it is a page of its own."""
    response = page(request, "realtime/widget.html", {"modules": imported_by(STATIC, FRAME)}, framed_by=allowed_sites())
    # What is stored for it stands in the page around it, so it is the same for everybody.
    response["Cache-Control"] = f"private, max-age={KEPT}"
    response["Referrer-Policy"] = "no-referrer"
    return response


@lru_cache(maxsize=1)
def _loader(_changed_at: float) -> tuple[str, bytes, bytes]:
    """Its ETag, which is weak as both forms have it, and both forms."""
    plain = LOADER.read_bytes()
    return f'W/"{hashlib.sha256(plain).hexdigest()[:16]}"', plain, gzip.compress(plain, 9, mtime=0)
