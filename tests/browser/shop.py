"""A shop on a site of its own, whose pages forbid nearly everything, and the chat that it embeds with one line."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, Frame, FrameLocator, Locator, Page, expect


class Shop:
    """Serves one page in a `with` block. It is another site than the server's, so what the browser forbids to frames of others holds.

    `attributes` stand on the loader's tag, `lang` on the page. `script` is the shop's own and comes first.
    """

    def __init__(self, server: str = "") -> None:
        self.server = server
        self.plain()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = shop._answer(self.path)
                self.send_response(200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Security-Policy", shop.policy)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def plain(self) -> None:
        """As it is without anything that a test has changed."""
        self.attributes, self.lang, self.script, self.style = 'data-channel="WEB"', "en", "", ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}/"

    @property
    def policy(self) -> str:
        return f"default-src 'none'; script-src 'self' {self.server}; frame-src {self.server}; style-src 'self'; require-trusted-types-for 'script'"

    def _answer(self, path: str) -> tuple[str, str]:
        if path == "/shop.js":
            return "text/javascript", self.script
        if path == "/shop.css":
            return "text/css", f"body {{ font: 16px serif }} {self.style}"
        return "text/html", (
            f'<!doctype html><html lang="{self.lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            '<title>Tea</title><link rel="stylesheet" href="/shop.css"><script src="/shop.js"></script></head>'
            f'<body><main><h1>Tea</h1><p>Green, black, white.</p></main><script src="{self.server}/widget.js" {self.attributes} async></script></body></html>'
        )

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class Visitor:
    """Somebody on the shop's page, with a browser of her own. What goes wrong in scripts, or against the policy, is in `errors`."""

    def __init__(self, browser: Browser, shop: Shop, **context: Any) -> None:
        self.shop = shop
        self.context: BrowserContext = browser.new_context(**{"viewport": {"width": 1000, "height": 760}, **context})
        self.errors: list[str] = []
        self.page = self.come()

    def come(self) -> Page:
        """Open the shop's page in another tab."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(self.shop.url)
        return page

    @property
    def button(self) -> Locator:
        return self.page.locator("switchboard-widget button")

    @property
    def chat(self) -> FrameLocator:
        """Where to look for what the chat shows."""
        return self.page.frame_locator("switchboard-widget iframe")

    @property
    def frame(self) -> Frame:
        """The chat's own frame."""
        expect(self.field).to_be_attached()
        return next(each for each in self.page.frames if each.url.startswith(f"{self.shop.server}/widget"))

    @property
    def field(self) -> Locator:
        return self.chat.get_by_role("textbox", name="Write a message")

    def open(self) -> None:
        self.button.click()
        expect(self.field).to_be_focused()

    def say(self, text: str) -> None:
        """Write something, and wait until the server has it."""
        before = self.chat.locator(".own").count()
        self.field.fill(text)
        self.field.press("Enter")
        expect(self.chat.locator(".own")).to_have_count(before + 1)
        expect(self.chat.locator(".own .state").last).to_have_text(re.compile("Sent|Read"), timeout=15_000)

    def kept(self) -> dict[str, Any]:
        """The customer, as the shop's page keeps it."""
        text = self.page.evaluate("localStorage.getItem('switchboard:customer:WEB')")
        found: dict[str, Any] = json.loads(text) if text else {}
        return found
