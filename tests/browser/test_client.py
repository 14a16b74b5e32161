"""One connection of our client: how it begins, what it makes of each end, and what it does not lose."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute

from accounts.models import User
from notifications.services import notify
from tests.browser.tab import OURS, Tab
from tests.servers.fleet import Servers
from tests.servers.waiting import until
from tests.servers.workers import Site

BACK_OFF = [1001, 1006, 1012]
STOP = [1003, 1009, 4400, 4403, 4409, 4413]


class Wire:
    """Stands between a page and the server, and can end a connection as the server would."""

    def __init__(self, page: Page) -> None:
        self.routes: list[WebSocketRoute] = []
        self.servers: list[WebSocketRoute] = []
        self.at: list[float] = []
        self.refusing: int | None = None
        page.route_web_socket("**/*", self._opened)

    def _opened(self, route: WebSocketRoute) -> None:
        self.routes.append(route)
        self.at.append(time.monotonic())
        if self.refusing is None:
            self.servers.append(route.connect_to_server())
        else:
            route.close(code=self.refusing)

    def fall_silent(self) -> None:
        """Let nothing more of this connection through, and do not end it."""
        self.servers[-1].on_message(lambda _message: None)

    def end(self, code: int, **error: Any) -> None:
        """The server ends it, with such an `error` frame before."""
        if error:
            self.routes[-1].send(json.dumps({"type": "error", "error_code": "X", "message": "…", "timestamp": "…", "close_code": code, **error}))
        self.routes[-1].close(code=code)


@pytest.fixture
def wire(page: Page) -> Wire:
    return Wire(page)


def tell(user: User, title: str) -> None:
    notify(users=user, type="system", title=title, message="…")


def test_codes_that_say_stop_are_obeyed(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia, path="/api/ws/notifications")
    for count, code in enumerate(STOP, start=1):
        tab.connected()
        wire.end(code)
        tab.until("client.state.name === 'failed'")
        assert tab.run("client.state") == {"name": "failed", "code": code}
        assert not tab.run("client.send({ type: 'ping' })")
        tab.run("dispatchEvent(new Event('online'))")
        assert tab.run("asked.length") == len(wire.routes) == count
        tab.run("client.retry()")


def test_1000_is_an_end_and_no_failure(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia)
    tab.connected()
    wire.end(1000)
    tab.until("client.state.name === 'stopped'")
    assert len(wire.routes) == 1


def test_codes_that_say_come_back_bring_it_back_with_its_cursor_and_what_it_missed(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia)
    tab.connected()
    told = ["before"]
    tell(mia, told[0])
    tab.has(told)
    for count, code in enumerate(BACK_OFF, start=1):
        wire.end(code)
        tab.until("client.state.name !== 'connected'")
        told.append(f"meanwhile {code}")
        tell(mia, told[-1])
        tab.connected()
        tab.has(told)
        tab.until("(count) => said.caughtup.length === count", count)
        assert "since=" in wire.routes[count].url
        assert "token" not in wire.routes[count].url
    assert tab.run("said.caughtup") == [{"count": 1}] * len(BACK_OFF)
    assert tab.states() == ["connecting", "connected"] + ["waiting", "reconnecting", "connected"] * len(BACK_OFF)


def test_a_credential_that_is_no_good_is_asked_for_anew_once(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia)
    tab.connected()
    wire.end(4001)
    tab.until("asked.length === 2")
    tab.connected()
    assert tab.states() == ["connecting", "connected", "reconnecting", "connected"]
    wire.refusing = 4001
    wire.end(4001)
    tab.until("client.state.name === 'failed'")
    assert tab.run("asked") == [None, 4001, 4001]
    assert tab.run("client.state.code") == 4001


def test_the_server_may_say_when_to_come_back(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia)
    for code in (4102, 1012):
        tab.connected()
        wire.end(code, retry_after_ms=900)
        ended = time.monotonic()
        tab.until("client.state.name === 'waiting'")
        tab.run("dispatchEvent(new Event('online'))")
        tab.until("client.state.name === 'connected'")
        assert wire.at[-1] - ended >= 0.8


def test_it_comes_back_at_once_where_the_code_says_so_and_not_again_and_again(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia)
    for _ in range(3):
        tab.connected()
        wire.end(4203)
        tab.until("client.state.name !== 'connected'")
    tab.connected()
    assert tab.states() == ["connecting", "connected", "reconnecting", "connected"] + 2 * ["waiting", "reconnecting", "connected"]


def test_a_line_that_died_without_a_word_is_noticed_when_somebody_looks(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia, patience={"greeting": 15_000, "answer": 200})
    tab.connected()
    tab.hide()
    tab.show()
    tab.until("client.seat.hub.line.connection.probing === undefined")  # it was answered
    assert tab.states() == ["connecting", "connected"]
    tab.hide()
    wire.fall_silent()
    tell(mia, "into the void")
    tab.show()
    tab.has(["into the void"])
    assert tab.states() == ["connecting", "connected", "reconnecting", "connected"]


def test_a_line_that_died_without_a_word_is_noticed_after_two_heartbeats(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia)
    tab.connected()
    interval = tab.run("said.frame[0].data.heartbeat_interval")
    tab.until("said.frame.some((frame) => frame.type === 'heartbeat')")
    wire.fall_silent()
    fell = time.monotonic()
    tell(mia, "into the void")
    tab.has(["into the void"])
    assert interval < time.monotonic() - fell < 3 * interval


def test_a_page_without_a_credential_is_told_so(page: Page, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia, start=False)
    for count, status in enumerate((401, 403, 404), start=1):
        tab.run("(status) => { window.refuse = status; client.retry(); }", status)
        tab.until("(status) => client.state.code === status", status)
        assert (tab.run("client.state.name"), tab.run("asked.length")) == ("failed", count)
    tab.run("window.refuse = 0; client.retry()")
    tab.connected()


def test_what_else_keeps_a_credential_away_is_tried_again(page: Page, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia, start=False)
    tab.run("window.refuse = 503; client.start()")
    tab.until("asked.length === 3")
    tab.run("window.refuse = 0")
    tab.connected()


def test_a_token_may_be_offered_instead_of_a_ticket_and_stands_in_no_address(page: Page, wire: Wire, server: Site, mia: User) -> None:
    tab = Tab(page, server, mia, start=False, bearer=True)
    tab.run("client.start()")
    tab.connected()
    assert "?" not in wire.routes[0].url


def test_while_its_worker_is_killed_everything_comes_once_and_in_order(servers: Servers, page: Page, mia: User) -> None:
    told: list[str] = []

    def telling() -> bool:
        told.append(str(len(told)))
        tell(mia, told[-1])
        return True

    with servers.serve(workers=2, env={"WS_REPLAY_LIMIT": "10000"}) as server:
        tab = Tab(page, server, mia)
        tab.connected()
        telling()
        [worker] = tab.run("said.frame.filter((frame) => frame.type === 'connected').map((frame) => frame.data.connection_id.split('-')[0])")
        os.kill(int(worker), signal.SIGKILL)
        until(lambda: telling() and tab.run("said.frame.filter((frame) => frame.type === 'connected').length") == 2, what="the page is back")
        tab.has(told)
    assert len(told) > 2


def test_a_page_that_keeps_its_state_goes_on_from_where_it_was(page: Page, server: Site, mia: User, eve: User) -> None:
    tab = Tab(page, server, mia, keep=True)
    tab.connected()
    tell(mia, "seen")
    tab.has(["seen"])
    tab.page.goto("about:blank")
    tell(mia, "meanwhile")
    Tab(page, server, eve, keep=True).connected()
    tab = Tab(page, server, mia, keep=True)
    tab.has(["meanwhile"])
    tab.run("client.forget()")
    tab = Tab(page, server, mia, keep=True)
    tab.connected()
    assert tab.titles() == []


WAITS = """
async (lasted) => {
  const { Backoff } = await import("/static/realtime/backoff.js");
  let now = 0;
  const backoff = new Backoff({ random: () => 0.999, now: () => now });
  const waits = Array.from({ length: 8 }, () => Math.round(backoff.next()));
  backoff.began();
  now += lasted;
  backoff.ended();
  return [...waits, Math.round(backoff.next())];
}
"""


def test_waits_double_up_to_half_a_minute_and_are_short_again_after_a_calm_one(page: Page, server: Site, db: None) -> None:
    page.goto(server.url + OURS)
    doubling = [500, 999, 1998, 3996, 7992, 15984, 29970, 29970]
    assert page.evaluate(WAITS, 30_000) == [*doubling, 500]
    assert page.evaluate(WAITS, 29_000) == [*doubling, 29970]


ASK = """
async ([token, method, path, body]) => {
  const { Api } = await import("/static/realtime/api.js");
  try {
    return await new Api({ token: () => token, language: "zh-hans" }).call(method, path, body);
  } catch ({ name, status, code, errors, retryAfter, message }) {
    return { name, status, code, fields: Object.keys(errors), retryAfter, message };
  }
}
"""


def test_rest_says_what_was_wrong_and_gives_the_token_to_nobody_else(page: Page, server: Site, mia: User, elsewhere: str, token: Callable[[User], str]) -> None:
    page.goto(server.url + OURS)
    assert page.evaluate(ASK, [token(mia), "GET", "/api/v1/notifications"])["results"] == []
    wrong = page.evaluate(ASK, [token(mia), "POST", f"/api/v1/direct/{mia.pk + 1}/messages", {"message": ""}])
    assert (wrong["name"], wrong["status"], wrong["code"], wrong["fields"]) == ("Problem", 400, "INVALID_REQUEST", ["message"])
    assert any("\u4e00" <= letter <= "\u9fff" for letter in wrong["message"])
    assert page.evaluate(ASK, ["worthless", "GET", "/api/v1/notifications"])["status"] == 401
    assert page.evaluate(ASK, [token(mia), "GET", elsewhere])["code"] == "UNREACHABLE"
    page.context.set_offline(True)
    assert page.evaluate(ASK, [token(mia), "GET", "/api/v1/notifications"])["status"] == 0
