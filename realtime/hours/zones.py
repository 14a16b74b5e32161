"""Time zones by their IANA names."""

from __future__ import annotations

import logging
from datetime import UTC, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

logger = logging.getLogger(__name__)

_NO_ZONES: Final = {"localtime", "Factory"}
"""Lie among the others, but say nothing about a place: what they mean depends on the machine."""


@cache
def names() -> frozenset[str]:
    """All that this machine knows. `UTC` is always among them."""
    return frozenset(available_timezones() - _NO_ZONES | {"UTC"})


def find(name: str | None) -> tzinfo | None:
    """The zone of that name; None if there is none such, or no name."""
    if name == "UTC":
        return UTC  # also where the machine has no zones at all
    return ZoneInfo(name) if name in names() else None


def find_or_utc(name: str) -> tzinfo:
    """The same for a name that was checked when it was stored. A machine that lacks it says so and goes on with UTC."""
    found = find(name)
    if found is None:
        logger.error("This machine does not know the time zone %s of the business hours, which are taken for UTC. Install tzdata.", name)
    return found or UTC
