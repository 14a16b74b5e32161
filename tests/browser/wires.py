"""What goes over the sockets of pages, in both directions, is what is described."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, WebSocket

from tests import frames


def watched(browser: Browser) -> Browser:
    """The browser, in whose contexts each frame is checked."""
    new = browser.new_context

    def new_context(**options: Any) -> BrowserContext:
        context = new(**options)
        context.on("page", _watch)
        return context

    browser.new_context = new_context  # type: ignore[method-assign]
    return browser


def _watch(page: Page) -> None:
    page.on("websocket", _check)


def _check(socket: WebSocket) -> None:
    path = urlsplit(socket.url).path
    socket.on("framereceived", lambda frame: frames.told(path, frame))
    socket.on("framesent", lambda frame: frames.asked(path, frame))
