"""A shop of its own: pages at another origin than ours, and tokens for whom its own login knows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from playwright.sync_api import BrowserContext, Page

from tests.markdown import Document
from tests.servers.workers import CHECKOUT

TOKEN = "/switchboard/token"
ADDRESS = "https://switchboard.example"


class Answer(NamedTuple):
    """What stands at an address."""

    body: str
    kind: str = "text/html"
    headers: tuple[tuple[str, str], ...] = ()


def shown_in_docs(kind: str, holding: str, server: str) -> str:
    """The block of that kind in docs/elements.md that holds these words, with the server's address in place of the one that stands there."""
    [found] = [block.text for block in Document(CHECKOUT, "docs/elements.md").blocks if block.kind == kind and holding in block.text]
    return found.replace(ADDRESS, server)


class HostSite:
    """`site.pages["/bell.html"] = Answer(…)`. Who is logged in stands in the cookie `who`, and its token in `site.tokens[who]`, of several the last first."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.pages: dict[str, Answer] = {}
        self.tokens: dict[str, str | list[str]] = {}
        self.broken = False

    def answer(self, path: str, who: str) -> tuple[int, Answer]:
        if path == TOKEN:
            if self.broken:
                return 500, Answer("")
            known = self.tokens.get(who)
            token = known.pop() if isinstance(known, list) else known
            return (200 if token else 401), Answer(json.dumps({"token": token}), "application/json")
        found = self.pages.get(path)
        return (200, found) if found else (404, Answer("There is nothing here."))

    def open(self, context: BrowserContext, path: str, who: str = "") -> Page:
        """Open a page as somebody."""
        context.add_cookies([{"name": "who", "value": who, "url": self.url}])
        page = context.new_page()
        page.goto(f"{self.url}{path}")
        return page


@contextmanager
def host_site() -> Iterator[HostSite]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            who = SimpleCookie(self.headers.get("Cookie", "")).get("who")
            status, answer = site.answer(self.path.partition("?")[0], who.value if who else "")
            body = answer.body.encode()
            self.send_response(status)
            for name, value in (("Content-Type", f"{answer.kind}; charset=utf-8"), ("Content-Length", str(len(body))), *answer.headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        site = HostSite(running.server_port)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield site
        running.shutdown()
