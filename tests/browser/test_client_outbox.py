"""What a page has written arrives once, whatever happens to the line, the page and the browser's storage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from accounts.models import User
from realtime.chat.models import DirectMessage, Message
from tests.browser.tab import Tab
from tests.servers.workers import Site

WRITE = "(to) => client.post({ type: 'message', to_user_id: to, message: 'written offline' })"
ASK = "(text) => client.post({ type: 'message', text })"
EMPTY = "client.entries.length === 0"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, which keeps what its pages store."""
    made = browser.new_context(bypass_csp=True)
    yield made
    made.close()


def texts(customer: User) -> list[str]:
    """What the database has of a customer, in order."""
    return list(Message.objects.filter(sender=customer).order_by("pk").values_list("text", flat=True))


def test_what_is_written_offline_arrives_once_though_the_page_is_closed(context: BrowserContext, server: Site, mia: User, bob: User) -> None:
    written = Tab(context.new_page(), server, mia, start=False)
    context.set_offline(True)
    written.run("client.start()")
    written.until("client.state.name === 'waiting'")
    name = written.run(WRITE, bob.pk)
    assert [(entry["id"], entry["state"]) for entry in written.run("client.entries")] == [(name, "sending")]
    written.page.close()
    assert not DirectMessage.objects.filter(sender=mia).exists()
    context.set_offline(False)
    opened = Tab(context.new_page(), server, mia, start=False)
    assert [entry["id"] for entry in opened.run("client.entries")] == [name]
    opened.run("client.start()")
    opened.until(EMPTY)
    assert [message.text for message in DirectMessage.objects.filter(sender=mia, recipient=bob)] == ["written offline"]
    assert opened.run("said.frame.filter((frame) => frame.type === 'chat').map((frame) => frame.data.client_message_id)") == [name]
    assert Tab.opened(context, server, mia).run("client.entries") == []


def test_what_has_arrived_unheard_is_sent_again_and_is_there_once(context: BrowserContext, server: Site, ann: User) -> None:
    """The line is cut after each message was sent and before its answer has come."""
    tab = Tab.opened(context, server, ann, path="/ws/chat")
    tab.run("const connection = client.seat.hub.line.connection; connection.heard = () => connection.end(1006, 'back off')")
    for text in ("one", "two", "three"):
        tab.run(ASK, text)
    tab.until(EMPTY)
    assert texts(ann) == ["one", "two", "three"]
    came = tab.run("said.frame.filter((frame) => frame.type === 'message' && frame.message.isMine).map((frame) => frame.message.text)")
    assert came == ["one", "two", "three"]


def test_what_the_server_refuses_is_kept_until_it_is_sent_again_or_given_up(context: BrowserContext, server: Site, mia: User, bob: User) -> None:
    tab = Tab.opened(context, server, mia)
    refused = tab.run("client.post({ type: 'message', to_user_id: 999999999, message: 'to nobody' })")
    good = tab.run(WRITE, bob.pk)
    tab.until("(good) => client.entries.every((entry) => entry.id !== good)", good)
    [entry] = tab.run("client.entries")
    assert (entry["id"], entry["state"], entry["error"]["code"]) == (refused, "failed", "NOT_FOUND")
    assert entry["error"]["message"]
    tab.run("(refused) => client.resend(refused)", refused)
    tab.until("client.entries[0].state === 'failed' && said.outbox.some(([entry]) => entry?.state === 'sending' && entry.error === null)")
    tab.run("(refused) => client.drop(refused)", refused)
    assert tab.run("client.entries") == []
    tab.page.reload()
    assert Tab.opened(context, server, mia).run("client.entries") == []


def test_what_comes_too_fast_is_tried_again_later_and_in_order(context: BrowserContext, servers, ann: User) -> None:
    with servers.serve(env={"RATE_SUPPORT": "5/s"}) as server:
        tab = Tab.opened(context, server, ann, path="/ws/chat")
        wanted = [str(number) for number in range(12)]
        tab.run("(wanted) => wanted.forEach((text) => client.post({ type: 'message', text }))", wanted)
        tab.until(EMPTY)
        assert texts(ann) == wanted
        assert tab.run("said.frame.some((frame) => frame.error_code === 'RATE_LIMITED')")


def test_there_is_an_end_to_what_may_wait(context: BrowserContext, server: Site, mia: User) -> None:
    tab = Tab(context.new_page(), server, mia, start=False)
    said = tab.run(
        """() => {
          try {
            for (let count = 0; ; count += 1) client.post({ type: "message", to_user_id: 1, message: String(count) });
          } catch (error) {
            return [client.entries.length, error.message];
          }
        }"""
    )
    assert said == [200, "200 messages wait to be sent already."]


FORBIDDEN = {
    "storage": "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })",
    "full": "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
    "locks": "navigator.locks.request = async () => { throw new DOMException('no', 'SecurityError'); }",
    "no locks": "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })",
    "channel": "window.BroadcastChannel = function () { throw new DOMException('no', 'SecurityError'); }",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_browser_that_forbids_what_we_would_use_still_sends_and_hears(context: BrowserContext, server: Site, mia: User, bob: User, what: str) -> None:
    context.add_init_script(FORBIDDEN[what])
    tabs = [Tab.opened(context, server, mia) for _ in range(2)]
    assert [tab.leads() for tab in tabs] == [True, what in ("locks", "no locks", "channel")]
    tabs[1].run(WRITE, bob.pk)
    for tab in tabs:
        tab.until("said.frame.some((frame) => frame.type === 'chat')")
        tab.until(EMPTY)
    assert DirectMessage.objects.filter(sender=mia).count() == 1
