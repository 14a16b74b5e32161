"""Time zones by their names."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo, available_timezones


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone with this name, such as Europe/Berlin; None: there is none."""
    return ZoneInfo(name) if name in _names() else None


@cache
def _names() -> frozenset[str]:
    # Not by trying: a name is a path below the system's folder, and some are folders themselves.
    return frozenset(available_timezones())
