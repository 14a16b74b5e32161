"""A browser, where this machine has one."""

from __future__ import annotations

import importlib.util
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing() -> str:
    """What this machine lacks to measure pages, or an empty text."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed"
    return "" if chromium() else "there is no Chromium"


def chromium() -> str | None:
    """The path of the browser."""
    return next(filter(None, map(shutil.which, NAMES)), None)
