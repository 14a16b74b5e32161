"""A real Chromium."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page, sync_playwright
from rest_framework.test import APIClient

from accounts.models import User
from realtime.chat.models import Session
from tests.browser.host_site import HostSite, host_site
from tests.browser.office import Office
from tests.browser.shop import Shop, Visitor
from tests.browser.wires import watched
from tests.realtime.chat.conftest import empty_the_floor
from tests.servers.fleet import Servers
from tests.servers.workers import Site
from tests.sockets import connect

AXE = Path(__file__).parents[1] / "node/node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The path of the Chromium of this machine."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "These tests need a Chromium. Debian: apt install chromium; or set CHROMIUM to the path of one."
    return found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium without a window.

    It ends with the tests of this folder: Playwright's event loop lives in the main thread, where the
    asynchronous tests of other folders need theirs. Django, which sees that loop, is told that nobody
    runs in it while a test does.
    """
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        running = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        yield watched(running)
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page in a browser of its own, which minds no policy of ours; what goes wrong in its scripts fails the test."""
    context = browser.new_context(bypass_csp=True)
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert errors == []


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """`contexts(locale="zh-CN")`: a browser of its own, as often as one likes; what goes wrong in its scripts fails the test."""
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def new(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        opened.append(context)
        return context

    yield new
    for context in opened:
        context.close()
    assert errors == []


@pytest.fixture(scope="package")
def trial(servers: Servers) -> Iterator[Site]:
    """Two workers as `make run` has them: in DEBUG, with the demo's shop, and pages of any localhost let in."""
    with servers.serve(workers=2, env={"DEBUG": "1"}) as running:
        yield running


@pytest.fixture
def host(trial: Site) -> Iterator[HostSite]:
    """A site of its own, at another origin than `trial`."""
    with host_site() as site:
        yield site


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page of another site."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<!doctype html><title>Elsewhere</title>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{other.server_port}/"
        other.shutdown()


@pytest.fixture(scope="module")
def shop(servers: Servers) -> Iterator[Shop]:
    """A shop on another site, which a server of its own allows to embed the chat."""
    with Shop() as running, servers.serve(workers=2, env={"WS_ALLOWED_ORIGINS": running.url.rstrip("/")}) as server:
        running.server, running.workers = server.url, server.workers
        yield running


@pytest.fixture
def visit(shop: Shop, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visit()`: somebody comes to the shop, with a browser of her own; `visit(viewport=…)`, or what else a context takes."""
    visitors: list[Visitor] = []

    def come(**context: Any) -> Visitor:
        visitors.append(Visitor(browser, shop, **context))
        return visitors[-1]

    yield come
    for each in visitors:
        each.context.close()
    shop.plain()
    assert [error for each in visitors for error in each.errors] == []


@pytest.fixture
def office(server: Site, browser: Browser) -> Iterator[Office]:
    """`office.console(bob)`: an agent at the console, to whom nothing is given that other tests have left."""
    empty_the_floor()
    made = Office(browser, server.url)
    yield made
    assert made.close() == []


@pytest.fixture
def claim(shop: Shop, token: Callable[[User], str], api: Callable[..., APIClient]) -> Iterator[Callable[[Visitor, User], str]]:
    """`claim(visitor, bob)`: the path of that visitor's session, which bob has from then on. He stays connected, or it would be taken away from him."""
    with ExitStack() as desks:

        def take(visitor: Visitor, agent: User) -> str:
            desks.enter_context(connect(f"{shop.server.replace('http', 'ws')}/ws/chat", token=token(agent), new=True))
            session = Session.objects.filter(customer=visitor.kept()["userId"]).latest("opened_at")
            path = f"/api/v1/sessions/{session.public_id}"
            assert api(agent).post(f"{path}/claim").status_code == 200
            return path

        yield take


@pytest.fixture(scope="session")
def axe() -> Callable[[Page | Frame], None]:
    """`axe(page)`: axe-core finds nothing wrong there; a frame is looked at by itself."""
    source = AXE.read_text()

    def check(where: Page | Frame) -> None:
        where.evaluate(source)
        found = where.evaluate("async () => (await axe.run(document, { iframes: false })).violations")
        wrong = [f"{each['id']}: {each['help']}: {[node['html'] for node in each['nodes']]}" for each in found]
        assert wrong == [], "\n".join(wrong)

    return check


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass
