"""What people load: bytes over the wire, and how long the chat takes from the first click until one can write."""

from __future__ import annotations

import importlib
import math
import statistics
import threading
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from bench.browser import chromium
from bench.contestants import Contestant
from bench.grounds import Grounds
from bench.machine import Meter
from bench.measures import Figures, Scale, shares
from bench.results import Results, number, table

KIB = "{:,.1f}"
LINES: Mapping[str, Mapping[str, float] | None] = {
    "free": None,
    "throttled": {"latency": 150, "downloadThroughput": 1_638_400 / 8, "uploadThroughput": 750_000 / 8},
}
"""The throttled one is what Lighthouse takes for a phone: 150 ms to and fro, 1.6 Mbit/s down."""
RIVALS = (
    ("(Chatwoot's widget script, as somebody measured it in 2021)", 170.4, "https://github.com/chatwoot/chatwoot/issues/2658"),
    ("(… the most that its build allows since 2024)", 300.0, "https://github.com/chatwoot/chatwoot/pull/9289"),
    ("(Crisp's chat box, as its maker says)", 130.0, "https://help.crisp.chat/en/article/will-crisp-slow-down-my-website-1wfqufw"),
)


FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-features=IsolateOrigins,site-per-process", "--disable-site-isolation-trials")
"""The chat's frame in the process of the shop's page: one session of the developer tools then sees and throttles both."""


def pages(grounds: Grounds, contestant: Contestant, scale: Scale) -> Figures:
    """The loader, the chat and the console as a browser loads them for the first time."""
    api = importlib.import_module("playwright.sync_api")  # the rest of the bench runs without it
    figures: Figures = {}
    with (
        _Shop() as shop,
        grounds.serving(contestant, WS_ALLOWED_ORIGINS=shop.url, RATE_CUSTOMERS="0/m") as (server, place),
        api.sync_playwright() as playwright,
    ):
        shop.server = f"http://127.0.0.1:{place.port}"
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        meter = Meter(server.pids, grounds.redis_pid)
        for name, line in LINES.items():
            turns = [_visited(browser, shop, line) for _ in range(scale.visits)]
            figures |= {f"{name} {what}": statistics.median(turn[what] for turn in turns) for what in turns[0]}
        figures |= _opened(browser, shop.server)
        figures["pages others"] = shares("pages", meter.stop())["pages others"]
        browser.close()
    return figures


class _Shop:
    """A shop's page on a site of its own, in a `with` block."""

    def __init__(self) -> None:
        self.server = ""
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                page = f'<!doctype html><title>Tea</title><link rel="icon" href="data:,"><script src="{shop.server}/widget.js" async></script>'
                self.wfile.write(page.encode())

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def _visited(browser: Any, shop: _Shop, line: Mapping[str, float] | None) -> Figures:
    """Somebody comes for the first time, clicks, and could write as soon as the field has the focus; then the same with all of it loaded."""
    context = browser.new_context()
    try:
        page = context.new_page()
        tally = _Tally(context, page, shop.server, line)
        page.goto(shop.url)
        page.locator("switchboard-widget button").wait_for()
        page.wait_for_load_state("networkidle")
        shown, files = tally.bytes, tally.files
        first = _clicked(page)
        page.wait_for_load_state("networkidle")
        figures = {"first": first, "loader": shown, "chat": tally.bytes - shown, "files": tally.files - files}
        page.locator("switchboard-widget button").click()
        return {**figures, "again": _clicked(page)}
    finally:
        context.close()


def _clicked(page: Any) -> float:
    """Milliseconds from the click until the chat's field has the focus, by the page's own clock: the way to Playwright and back is not the visitor's."""
    page.evaluate(WATCHED)
    page.locator("switchboard-widget button").click()
    frame = page.frame_locator("switchboard-widget iframe")
    frame.locator("textarea:focus").wait_for()
    clicked = page.evaluate("clicked")
    focused = frame.locator("textarea").evaluate("field => performance.timeOrigin + (window.focused ?? performance.now())")
    return float(focused - clicked)


WATCHED = """() => addEventListener("click", () => (window.clicked = performance.timeOrigin + performance.now()), { once: true, capture: true })"""


def _opened(browser: Any, server: str) -> Figures:
    context = browser.new_context()
    try:
        page = context.new_page()
        tally = _Tally(context, page, server)
        page.goto(f"{server}/console/")
        page.wait_for_load_state("networkidle")
        return {"console": tally.bytes, "console files": tally.files}
    finally:
        context.close()


class _Tally:
    """What came over the wire to a page and its frames from a server, headers included."""

    def __init__(self, context: Any, page: Any, server: str, line: Mapping[str, float] | None = None) -> None:
        self.bytes, self.files = 0.0, 0
        self._server = server
        self._asked: set[str] = set()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        if line:
            session.send("Network.emulateNetworkConditions", {"offline": False, **line})
        session.on("Network.responseReceived", self._begun)
        session.on("Network.loadingFinished", self._ended)

    def _begun(self, event: dict[str, Any]) -> None:
        if event["response"]["url"].startswith(self._server):
            self._asked.add(event["requestId"])

    def _ended(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self._asked:
            self.bytes += event["encodedDataLength"]
            self.files += 1


def shown_pages(results: Results) -> str:
    """The tables."""
    get = partial(results.get, "seen")
    if math.isnan(get("console")):
        return ""
    lines = [
        ("the button on a shop's page", number(get("free loader") / 1024, KIB), "1", "", ""),
        (
            "the chat, when it is opened",
            number(get("free chat") / 1024, KIB),
            number(get("free files")),
            number(get("free first")),
            number(get("throttled first")),
        ),
        ("… opened again", "0.0", "0", number(get("free again")), number(get("throttled again"))),
        ("the console, up to its login", number(get("console") / 1024, KIB), number(get("console files")), "", ""),
        *((what, number(kib, KIB), "", "", "") for what, kib, _ in RIVALS),
    ]
    head = ("", "over the wire (KiB)", "files", "click to field (ms)", "… throttled (ms)")
    return table(head, lines) + "\n\n" + "\n".join(f"* {what.strip('(…) ')}: {where}" for what, _, where in RIVALS)
