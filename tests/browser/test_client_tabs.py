"""Several tabs of one browser: one connection for all of one person's, and none that two people share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts import tokens
from accounts.models import Revocation, User
from notifications.models import Inbox
from notifications.services import notify
from realtime.tasks.tracking import tracking
from tests.browser.tab import Tab
from tests.servers.waiting import until
from tests.servers.workers import Site


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, for several tabs; what goes wrong in their scripts fails the test."""
    made = browser.new_context(bypass_csp=True)
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


def test_two_people_in_two_tabs_of_one_browser_share_nothing(context: BrowserContext, server: Site, mia: User, bob: User) -> None:
    mias, bobs = Tab.opened(context, server, mia), Tab.opened(context, server, bob)
    assert mias.leads()
    assert bobs.leads()
    tell(mia, "for mia")
    tell(bob, "for bob")
    mias.has(["for mia"])
    bobs.has(["for bob"])
    mias.run("client.post({ type: 'message', to_user_id: 999999999, message: 'to nobody' })")
    mias.until("client.entries[0]?.state === 'failed'")
    assert bobs.run("client.entries") == []


def test_a_tab_that_comes_later_gets_what_came_after_its_snapshot(context: BrowserContext, server: Site, mia: User) -> None:
    tell(mia, "1, before any")
    tell(mia, "2, before any")
    first = Tab.opened(context, server, mia, since=2)
    tell(mia, "3, to the first")
    first.has(["3, to the first"])
    second = Tab.opened(context, server, mia, since=2)
    second.has(["3, to the first"])
    third = Tab.opened(context, server, mia, since=0)
    third.has(["1, before any", "2, before any", "3, to the first"])
    newest = Tab.opened(context, server, mia)
    tell(mia, "4, to all")
    newest.has(["4, to all"])
    second.has(["3, to the first", "4, to all"])
    third.has(["1, before any", "2, before any", "3, to the first", "4, to all"])
    first.has(["3, to the first", "4, to all"])


def test_a_tab_whose_snapshot_is_too_old_is_told_to_reload_and_the_others_lose_nothing(context: BrowserContext, server: Site, mia: User) -> None:
    for title in ("1", "2", "3"):
        tell(mia, title)
    first = Tab.opened(context, server, mia)
    Inbox.objects.filter(user=mia).update(floor=2)
    late = Tab(context.new_page(), server, mia, since=1, start=False)
    late.run("client.on('reset', (what) => said.reset.push(what)); client.start()")
    late.until("said.reset.length === 1")
    tell(mia, "4")
    first.has(["4"])
    assert late.titles() == []
    late.run("client.startFrom(3)")
    late.has(["4"])
    tell(mia, "5")
    for tab in (first, late):
        tab.has(["4", "5"])
    assert first.run("said.reset") == []


def test_a_page_that_learns_only_then_where_its_snapshot_stands_misses_nothing(context: BrowserContext, server: Site, mia: User) -> None:
    for title in ("1", "2", "3"):
        tell(mia, title)
    tabs = [Tab(context.new_page(), server, mia, start=False) for _ in range(2)]
    for seq, tab in enumerate(tabs, start=1):
        tab.run("(seq) => { client.start(); client.startFrom(seq); }", seq)
    tabs[0].has(["2", "3"])
    tabs[1].has(["3"])


def test_a_follower_writes_through_the_tab_that_has_the_connection(context: BrowserContext, server: Site, mia: User, bob: User) -> None:
    first, second = Tab.opened(context, server, mia), Tab.opened(context, server, mia)
    bobs = Tab.opened(context, server, bob)
    assert second.run("(to) => client.send({ type: 'typing', data: { is_typing: true, to_user_id: to } })", bob.pk) is True
    bobs.until("said.frame.some((frame) => frame.type === 'typing')")
    second.run("(to) => client.post({ type: 'message', to_user_id: to, message: 'Hello' })", bob.pk)
    for tab in (first, second, bobs):
        tab.until("said.frame.some((frame) => frame.type === 'chat' && frame.data.message === 'Hello')")
    second.until("client.entries.length === 0 && said.outbox.at(-1).length === 0")


# Deaf and dumb, as a frozen tab is.
FREEZE = "window.channel = client.seat.tabs.channel; channel.onmessage = null; client.seat.tabs.channel = null"
THAW = "client.seat.tabs.channel = channel; channel.onmessage = ({ data }) => client.seat.tabs.heard(data); client.seat.join()"


def test_a_hidden_tab_works_while_another_is_visible_and_one_that_does_not_answer_is_robbed(
    context: BrowserContext, server: Site, mia: User, api: Callable[..., APIClient]
) -> None:
    first, second = Tab.opened(context, server, mia), Tab.opened(context, server, mia)
    first.hide()
    tell(mia, "1")
    second.has(["1"])
    assert first.leads()
    first.run("client.seat.hub.line.connection.end(1006, 'back off')")
    second.until("said.state.some((state) => state.name === 'waiting')")
    second.connected()
    assert first.leads()
    first.run(FREEZE)
    second.show()
    second.until("client.seat.hub !== null", seconds=5)
    second.connected()
    tell(mia, "2")
    second.has(["1", "2"])
    assert not first.leads()
    first.run(THAW)
    first.has(["1", "2"])
    until(lambda: connections(api, mia) == 1, what="the robbed one has let go")


def test_no_attempt_is_made_while_nobody_looks(context: BrowserContext, server: Site, mia: User) -> None:
    tab, other = Tab.opened(context, server, mia), Tab.opened(context, server, mia)
    tab.hide()
    other.hide()
    tab.run("client.seat.hub.line.connection.end(1006, 'back off')")
    tab.until("client.state.name === 'waiting' && client.state.retryAt === undefined")
    tell(mia, "while nobody looks")
    asked = tab.run("asked.length")
    tab.run("dispatchEvent(new Event('online'))")
    assert (tab.run("asked.length"), tab.run("client.state.name"), tab.titles()) == (asked, "waiting", [])
    other.show()
    for each in (tab, other):
        each.connected()
        each.has(["while nobody looks"])


def test_when_the_server_says_stop_no_tab_tries_again_until_one_is_asked_to(context: BrowserContext, server: Site, mia: User) -> None:
    tabs = [Tab.opened(context, server, mia) for _ in range(3)]
    Revocation.objects.revoke([mia.pk])
    for tab in tabs:
        tab.until("client.state.name === 'failed' && client.state.code === 4410")
        assert not tab.leads()
    fresh = tokens.issue(User.objects.get(pk=mia.pk))[0]
    tabs[1].run("(fresh) => { token = fresh; client.retry(); }", fresh)
    for tab in tabs:
        tab.connected()
    tell(mia, "back")
    for tab in tabs:
        tab.has(["back"])


def test_a_tab_without_a_good_credential_lets_another_try(context: BrowserContext, server: Site, mia: User) -> None:
    first, second = Tab.opened(context, server, mia), Tab.opened(context, server, mia)
    first.run("token = 'worthless'; client.seat.hub.line.connection.end(1006, 'back off')")
    second.until("client.seat.hub !== null")
    second.connected()
    first.connected()
    tell(mia, "to both")
    for tab in (first, second):
        tab.has(["to both"])
    assert not first.leads()


def test_a_credential_that_runs_out_is_renewed_in_place_by_any_of_the_tabs(context: BrowserContext, server: Site, mia: User) -> None:
    first = Tab(context.new_page(), server, mia, start=False, bearer=True)
    made = AccessToken()
    made.set_exp(lifetime=timedelta(seconds=6))
    first.run("(short) => { token = short; client.start(); }", tokens.sign(made, mia))
    first.connected()
    second = Tab.opened(context, server, mia, renew=tokens.issue(mia)[0])
    first.until("said.expiring.length === 1")
    first.until("(ends) => said.frame.some((frame) => frame.type === 'heartbeat' && Date.parse(frame.timestamp) > ends)", (made["exp"] + 5) * 1000)
    assert first.states() == ["connecting", "connected"]
    assert second.run("said.expiring") == []


def test_a_tab_that_comes_later_is_told_what_has_no_number_too(context: BrowserContext, server: Site, ann: User) -> None:
    first = Tab.opened(context, server, ann, path="/ws/chat")
    first.run("client.post({ type: 'message', text: 'Hello' })")
    first.until("said.frame.some((frame) => frame.type === 'queue')")
    second = Tab.opened(context, server, ann, path="/ws/chat")
    second.until("said.frame.some((frame) => frame.type === 'queue')")
    assert second.run("said.frame.map((frame) => frame.type).filter((type) => type !== 'heartbeat')") == ["connected", "queue"]


def test_a_page_that_is_kept_for_the_way_back_lets_go_and_misses_nothing(context: BrowserContext, server: Site, mia: User) -> None:
    first, second = Tab.opened(context, server, mia), Tab.opened(context, server, mia)
    first.run("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    second.until("client.seat.hub !== null", seconds=2)
    tell(mia, "meanwhile")
    second.has(["meanwhile"])
    assert first.titles() == []
    first.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    first.has(["meanwhile"])
    assert not first.leads()


def test_a_task_that_is_done_is_shown_to_each_tab_and_the_connection_ends(context: BrowserContext, server: Site, mia: User) -> None:
    with tracking(user=mia, title="Import", total_steps=1) as task:
        address = f"/api/ws/tasks/{task.id}"
        tabs = [Tab.opened(context, server, mia, path=address) for _ in range(2)]
        for tab in tabs:
            tab.until("said.frame.some((frame) => frame.type === 'progress')")
        task.result = {"rows": 3}
    tabs.append(Tab(context.new_page(), server, mia, path=address))
    for tab in tabs:
        tab.until("client.state.name === 'stopped'")
        assert tab.run("said.frame.filter((frame) => frame.type === 'completed').length") == 1
