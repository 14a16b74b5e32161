"""Tabs come, go, are cut off and take the connection from each other, as chance has it: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from accounts.models import User
from notifications.models import Inbox
from notifications.services import notify
from realtime.chat.models import DirectMessage
from tests.browser.tab import Tab
from tests.servers.waiting import until
from tests.servers.workers import Site

STEPS = 30
MOST = 4


class Walk:
    """Some tabs of one person, each with what was told before it came."""

    def __init__(self, context: BrowserContext, server: Site, user: User, friend: User, chance: random.Random) -> None:
        self.context = context
        self.server = server
        self.user = user
        self.friend = friend
        self.chance = chance
        self.tabs: list[tuple[Tab, int]] = []
        self.told: list[str] = []
        self.written: list[str] = []
        self.open()

    def step(self) -> None:
        often: list[Callable[[], None]] = [self.tell] * 5 + [self.write] * 3
        seldom = [self.open, self.open, self.close, self.cut, self.steal, self.leave_and_return, self.reload]
        self.chance.choice(often + seldom)()

    def any(self) -> Tab:
        return self.chance.choice(self.tabs)[0]

    def tell(self) -> None:
        self.told.append(str(len(self.told)))
        notify(users=self.user, type="system", title=self.told[-1], message="…")

    def write(self) -> None:
        self.written.append(str(len(self.written)))
        self.any().run("([to, message]) => client.post({ type: 'message', to_user_id: to, message })", [self.friend.pk, self.written[-1]])

    def open(self) -> None:
        if len(self.tabs) < MOST:
            seq = Inbox.objects.filter(user=self.user).values_list("head", flat=True).first() or 0
            self.tabs.append((Tab(self.context.new_page(), self.server, self.user, since=seq), len(self.told)))

    def close(self) -> None:
        if len(self.tabs) > 1:
            self.tabs.pop(self.chance.randrange(len(self.tabs)))[0].page.close()

    def cut(self) -> None:
        self.any().run("client.seat.hub?.line.connection?.end(1006, 'back off')")

    def steal(self) -> None:
        self.any().run("client.seat.tabs.steal()")

    def leave_and_return(self) -> None:
        tab = self.any()
        tab.run("dispatchEvent(new Event('pagehide'))")
        self.tell()
        tab.run("dispatchEvent(new Event('pageshow'))")

    def reload(self) -> None:
        self.tabs.pop(self.chance.randrange(len(self.tabs)))[0].page.close()
        self.open()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(bypass_csp=True)
    yield made
    made.close()


def test_whatever_tabs_do_nothing_is_lost_or_comes_twice(context: BrowserContext, server: Site, mia: User, bob: User) -> None:
    seed = random.randrange(10**6)
    walk = Walk(context, server, mia, bob, random.Random(seed))
    for _ in range(STEPS):
        walk.step()
    walk.tell()
    for tab, before in walk.tabs:
        tab.until("(last) => said.frame.some((frame) => frame.data?.title === last)", walk.told[-1])
        assert tab.titles() == walk.told[before:], seed
        tab.until("client.entries.length === 0")
    until(lambda: sum(tab.leads() for tab, _ in walk.tabs) == 1, what=f"one of them leads, with {seed}")
    assert list(DirectMessage.objects.filter(sender=mia).order_by("pk").values_list("text", flat=True)) == walk.written, seed
