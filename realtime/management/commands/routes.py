"""`manage.py routes`: every address that answers, each of them once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import URLPattern, URLResolver, get_resolver

from realtime.sockets import SOCKETS


class Command(BaseCommand):
    """Lists HTTP and socket addresses; fails on one that is registered twice or has its prefix twice."""

    help = "Lists all HTTP and socket addresses; fails on duplicates."

    def handle(self, **options: Any) -> None:
        http = [path for path in addresses(get_resolver().url_patterns) if not path.startswith("admin/")]
        for path in sorted(http):
            self.stdout.write(f"http  /{path}")
        for path in sorted(SOCKETS):
            self.stdout.write(f"ws    /{path}")
        wrong = duplicates(http) | duplicates(list(SOCKETS))
        if wrong:
            raise CommandError("Registered twice: " + ", ".join(sorted(wrong)))


def addresses(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """The full address of every pattern, as it is written in the URL configuration."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, path)
        else:
            yield path


def duplicates(paths: list[str]) -> set[str]:
    """Addresses that stand there twice, a slash at the end apart, and those whose prefix was applied twice."""
    counts = Counter(path.rstrip("/") for path in paths)
    return {path for path, count in counts.items() if count > 1 or path.count("api/v1/") > 1}
