"""`manage.py routes`: every address that answers, each of them once."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.urls import URLPattern, URLResolver, get_resolver

from realtime.sockets import SOCKETS

ADMIN: Final = "admin/"
_PARAMETER: Final = re.compile(r"\(\?P<\w+>(?P<regex>[^()]*)\)|<(?:(?P<converter>\w+):)?\w+>")
_SAME: Final = {r"\d+": "int", "[0-9]+": "int", "[^/]+": "str", ".+": "path"}
_REPEATED: Final = re.compile(r"(?:^|/)([^/<>]+(?:/[^/<>]+)*)/\1(?:/|$)")
_METHODS: Final = ("get", "post", "put", "patch", "delete")


class Command(BaseCommand):
    help = (
        "Lists all HTTP and socket addresses with their methods, those of the admin with --admin; fails on one that is registered twice or repeats its prefix."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--admin", action="store_true", help="list the addresses of the admin, too")

    def handle(self, *, admin: bool, **options: Any) -> None:
        http = dict(addresses(get_resolver().url_patterns))
        listed = {path: methods for path, methods in http.items() if admin or not path.startswith(ADMIN)}
        for path, methods in sorted(listed.items()):
            self.stdout.write(f"http  /{path}  {methods}".rstrip())
        for path in sorted(SOCKETS):
            self.stdout.write(f"ws    /{path}")
        every = [path for path, _ in addresses(get_resolver().url_patterns)]
        if wrong := [*complaints(every), *complaints(SOCKETS)]:
            raise CommandError("; ".join(wrong))


def addresses(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The full address of every pattern, as it is written in the URL configuration, and the methods of its view if it names them."""
    for pattern in patterns:
        path = prefix + re.sub(r"^\^|\$$|\\Z$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, path)
        else:
            view: Any = getattr(pattern.callback, "view_class", None)
            yield path, ",".join(method.upper() for method in _METHODS if hasattr(view, method) and method in view.http_method_names)


def complaints(paths: Iterable[str]) -> Iterator[str]:
    """What is registered twice, however its parameters are called, and what repeats its prefix."""
    alike = defaultdict(list)
    for path in paths:
        alike[_PARAMETER.sub(_kind, path).strip("/").removesuffix("/?")].append(path)
    for shape, found in alike.items():
        if len(found) > 1:
            yield f"/{found[0]} is registered {len(found)} times" + (f", also as /{found[1]}" if found[1] != found[0] else "")
        if _REPEATED.search(shape):
            yield f"/{found[0]} repeats its prefix"


def _kind(found: re.Match[str]) -> str:
    kind = found["converter"] or found["regex"] or "str"
    return f"<{_SAME.get(kind, kind)}>"
