"""A page's own EventSource, as the stock site's old page uses it: nothing but what the browser does by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from playwright.sync_api import Page

from accounts.models import Revocation, User
from notifications.services import notify, read_all
from tests.browser.tab import OURS
from tests.markdown import Document
from tests.servers.fleet import Servers
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site
from tests.streams import PATH, listen
from tests.test_serve import replaced

LISTEN = """
(url) => {
  window.greetings = [];
  window.titles = [];
  window.source = new EventSource(url);
  source.addEventListener("connected", (event) => greetings.push(JSON.parse(event.data).resumed));
  source.addEventListener("notification", (event) => titles.push(JSON.parse(event.data).title));
}
"""
LISTEN_AS_SHOWN = """
([text, token]) => {
  window.eval(text);
  window.said = [];
  listen(token, {
    show: (notification) => said.push(["show", notification.title]),
    mark: (change) => said.push(["mark", change.status]),
    reload: () => said.push(["reload"]),
    signIn: () => said.push(["signIn"]),
  });
}
"""
CLOSED = "source.readyState === 2"
PATIENCE = 30_000  # ms


def come(page: Page, address: str, site: Site, bearer: str) -> None:
    """Let the page at that address listen."""
    page.goto(address)
    page.evaluate(LISTEN, f"{site.url}{PATH}?token={bearer}")


def greeted(page: Page) -> None:
    page.wait_for_function("greetings.length > 0", timeout=PATIENCE)


def test_a_page_sees_everything_once_and_in_order_while_workers_are_replaced_and_killed_and_the_server_is_restarted(
    servers: Servers, page: Page, mia: User, token: Callable[[User], str]
) -> None:
    told: list[str] = []

    def telling() -> bool:
        """Tell mia one thing more."""
        told.append(str(len(told)))
        notify(users=mia, type="system", title=told[-1], message="…")
        return True

    def been_greeted() -> int:
        return int(page.evaluate("greetings.length"))

    def is_back(after: int) -> None:
        """Go on until the page has been greeted more often than that."""
        until(lambda: telling() and been_greeted() > after, what="the page is back")

    env = {"WS_REPLAY_LIMIT": "10000"}  # however busy the machine is
    with servers.serve(workers=2, env=env) as first:
        come(page, first.url + OURS, first, token(mia))
        greeted(page)
        workers, before = first.workers(), been_greeted()
        os.kill(first.pid, signal.SIGHUP)
        until(lambda: telling() and replaced(first, workers), what="both workers are replaced")
        is_back(before)
        before = been_greeted()
        for worker in first.workers():
            os.kill(worker, signal.SIGKILL)
        is_back(before)
        before = been_greeted()
        first.process.terminate()
        until(lambda: telling() and first.process.poll() is not None, what="the server has gone")
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        starting = pool.submit(stack.enter_context, servers.serve(workers=2, port=first.port, env=env))
        until(lambda: telling() and starting.done(), what="the server is back")
        starting.result()
        is_back(before)
        page.wait_for_function(f"titles.at(-1) === '{told[-1]}'", timeout=PATIENCE)
        assert page.evaluate("titles") == told
        greetings = page.evaluate("greetings")
        assert greetings == [False] + [True] * (len(greetings) - 1)
        assert len(greetings) > 3
        page.evaluate("source.close()")
    assert len(told) > 20


def test_what_the_document_tells_a_page_to_do_works(server: Site, page: Page, mia: User, token: Callable[[User], str]) -> None:
    [listens] = [block.text for block in Document(CHECKOUT, "docs/sse.md").blocks if block.kind == "javascript"]
    page.goto(server.url + OURS)
    page.evaluate(LISTEN_AS_SHOWN, [listens, token(mia)])
    page.wait_for_function("said.length === 1", timeout=PATIENCE)
    notify(users=mia, type="system", title="hello", message="…")
    read_all(user_id=mia.pk)
    page.wait_for_function("said.length === 3", timeout=PATIENCE)
    Revocation.objects.revoke([mia.pk])
    page.wait_for_function("said.length === 4", timeout=PATIENCE)
    assert page.evaluate("said") == [["reload"], ["show", "hello"], ["mark", "read"], ["signIn"]]


def test_a_page_whose_user_signs_out_stops_for_good(server: Site, page: Page, mia: User, token: Callable[[User], str]) -> None:
    come(page, server.url + OURS, server, token(mia))
    greeted(page)
    Revocation.objects.revoke([mia.pk])
    page.wait_for_function(CLOSED, timeout=PATIENCE)
    assert page.evaluate("greetings") == [False]


def test_a_page_for_which_there_is_no_room_comes_back_by_itself(servers: Servers, page: Page, mia: User, eve: User, token: Callable[[User], str]) -> None:
    with servers.serve(env={"WS_MAX_SOCKETS": "1"}) as server:
        with listen(server, token=token(eve)) as taken:
            taken.until("connected")
            come(page, server.url + OURS, server, token(mia))
            until(lambda: "OVERLOADED" in server.log, what="the page is turned away")
            page.wait_for_function("source.readyState === 0", timeout=PATIENCE)
        greeted(page)


def test_a_page_of_a_listed_site_listens_and_one_of_a_foreign_site_does_not(
    servers: Servers, server: Site, elsewhere: str, page: Page, mia: User, token: Callable[[User], str]
) -> None:
    with servers.serve(env={"WS_ALLOWED_ORIGINS": elsewhere.rstrip("/")}) as welcoming:
        come(page, elsewhere, welcoming, token(mia))
        greeted(page)
        notify(users=mia, type="system", title="across sites", message="…")
        page.wait_for_function("titles.length === 1", timeout=PATIENCE)
    come(page, elsewhere, server, token(mia))
    page.wait_for_function(CLOSED, timeout=PATIENCE)
    assert page.evaluate("greetings") == []
