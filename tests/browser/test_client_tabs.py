"""Several tabs of one browser: one connection for all of one person's, and none that two people share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext
from rest_framework.test import APIClient

from accounts.models import User
from notifications.services import notify
from tests.browser.tab import Tab
from tests.servers.waiting import until
from tests.servers.workers import Site


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, for several tabs; what goes wrong in their scripts fails the test."""
    made = browser.new_context()
    errors: list[str] = []
    made.on("weberror", lambda error: errors.append(str(error.error)))
    yield made
    made.close()
    assert errors == []


def connections(api: Callable[..., APIClient], user: User) -> int:
    return int(api(user).get(f"/api/v1/status/{user.pk}").data["connections_count"])


def tell(user: User, title: str) -> None:
    notify(users=user, type="system", title=title, message="…")


def test_five_tabs_have_one_connection_and_when_its_tab_closes_another_has_it_and_nothing_is_lost(
    context: BrowserContext, server: Site, mia: User, api: Callable[..., APIClient]
) -> None:
    tabs = [Tab.opened(context, server, mia) for _ in range(5)]
    assert [tab.leads() for tab in tabs] == [True, False, False, False, False]
    assert connections(api, mia) == 1
    told = ["to five"]
    tell(mia, told[-1])
    for tab in tabs:
        tab.has(told)
    closed, *left = tabs
    before = time.monotonic()
    closed.page.close()
    told.append("while it closes")
    tell(mia, told[-1])
    until(lambda: any(tab.leads() for tab in left), what="another has the connection", seconds=2)
    for tab in left:
        tab.has(told)
    assert time.monotonic() - before < 2
    told.append("to four")
    tell(mia, told[-1])
    for tab in left:
        tab.connected()
        tab.has(told)
    assert connections(api, mia) == 1
