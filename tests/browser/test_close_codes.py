"""What a page sees of a refusal. It cannot see an HTTP status, so a new client must be told by frame and close code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from playwright.sync_api import Page

from accounts.models import User
from tests.browser.tab import OURS
from tests.servers.workers import Site

KNOCK = """
([url, protocols]) => new Promise((resolve) => {
  const seen = { opened: false, protocol: null, frames: [] };
  const socket = new WebSocket(url, protocols);
  socket.onopen = () => { seen.opened = true; seen.protocol = socket.protocol; };
  socket.onmessage = (message) => {
    seen.frames.push(JSON.parse(message.data));
    if (seen.frames.at(-1).type === "connected") socket.close(1000);
  };
  socket.onclose = (close) => resolve({ ...seen, code: close.code });
})
"""

Knock = Callable[..., Mapping[str, Any]]


@pytest.fixture
def knock(page: Page) -> Knock:
    """`knock(address, url, protocols…)`: open a socket from the page at that address, and see how it ends."""

    def knock(address: str, url: str, *protocols: str) -> Mapping[str, Any]:
        page.goto(address)
        seen: Mapping[str, Any] = page.evaluate(KNOCK, [url, list(protocols)])
        return seen

    return knock


@pytest.fixture(params=["server", "daphne"])
def site(request: pytest.FixtureRequest) -> Site:
    running: Site = request.getfixturevalue(request.param)
    return running


def told(seen: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(frame["error_code"], frame["close_code"]) for frame in seen["frames"]]


@pytest.mark.parametrize("path", ["/ws/chat", "/api/ws/notifications", "/api/v1/ws"])
def test_a_page_that_knows_us_is_told_that_its_token_has_expired(knock: Knock, site: Site, path: str, ann: User, expired: Callable[[User], str]) -> None:
    seen = knock(site.url + OURS, site.ws_url + path, "switchboard.v1", f"bearer.{expired(ann)}")
    assert told(seen) == [("TOKEN_EXPIRED", 4001)]
    assert (seen["opened"], seen["protocol"], seen["code"]) == (True, "switchboard.v1", 4001)


@pytest.mark.parametrize("path", ["/ws/chat", "/api/ws/notifications", "/api/v1/ws"])
def test_a_page_that_knows_us_is_told_that_it_has_no_token(knock: Knock, site: Site, path: str, db: None) -> None:
    seen = knock(site.url + OURS, site.ws_url + path, "switchboard.v1")
    assert told(seen) == [("MISSING_TOKEN", 4401)]
    assert seen["code"] == 4401


def test_a_page_of_a_foreign_site_is_told_that_it_may_not(knock: Knock, site: Site, elsewhere: str, mia: User, token: Callable[[User], str]) -> None:
    seen = knock(elsewhere, site.ws_url + "/api/ws/notifications", "switchboard.v1", f"bearer.{token(mia)}")
    assert told(seen) == [("FORBIDDEN", 4403)]
    assert seen["code"] == 4403


def test_an_old_page_sees_a_refusal_by_http_as_1006_and_never_opens(knock: Knock, site: Site, ann: User, expired: Callable[[User], str]) -> None:
    seen = knock(site.url + OURS, f"{site.ws_url}/ws/chat?token={expired(ann)}")
    assert (seen["opened"], seen["code"], seen["frames"]) == (False, 1006, [])


def test_a_page_with_a_good_token_is_connected(knock: Knock, site: Site, mia: User, token: Callable[[User], str]) -> None:
    seen = knock(site.url + OURS, site.ws_url + "/api/ws/notifications", "switchboard.v1", f"bearer.{token(mia)}")
    assert [frame["type"] for frame in seen["frames"]] == ["connected"]
    assert (seen["protocol"], seen["code"]) == ("switchboard.v1", 1000)
