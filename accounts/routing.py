"""Addresses that may end in a slash or not, each registered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.urls.resolvers import RoutePattern


class EitherSlash(RoutePattern):
    """A whole path, with or without a slash at its end. Its reverse has none."""

    def match(self, path: str) -> Any:
        return super().match(path.removesuffix("/"))


def route(path: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    """What `django.urls.path` is, but answering `path` and `path/` alike.

    There is no redirect from one to the other: it would lose a POST's body.
    """
    return URLPattern(EitherSlash(path, name=name, is_endpoint=True), view, None, name)
