"""What docs/client.md tells a page to do works: taken out of it as it stands, and run in a page."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from accounts.models import Revocation, User
from notifications.services import notify, read_all
from realtime.chat.models import Message
from tests.browser.tab import OURS
from tests.markdown import Document
from tests.servers.workers import CHECKOUT, Site

BELL, CHAT = [block.text for block in Document(CHECKOUT, "docs/client.md").blocks if block.kind == "javascript"]


def open_with(page: Page, server: Site, script: str) -> None:
    """A page of ours with that script as a module of its own."""
    page.route("**/example.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    page.goto(server.url + OURS)


def test_the_bell(server: Site, page: Page, mia: User, token: Callable[[User], str]) -> None:
    notify(users=mia, type="system", title="before", message="…")
    open_with(page, server, BELL)
    page.evaluate(
        """async ([user, token]) => {
          const { bell } = await import("/example.js");
          window.said = [];
          const show = ({ title }) => said.push(["show", title]);
          window.client = await bell({ user, token, show, mark: ({ status }) => said.push(["mark", status]), signIn: () => said.push(["signIn"]) });
        }""",
        [mia.pk, token(mia)],
    )
    page.wait_for_function("client.state.name === 'connected'")
    notify(users=mia, type="system", title="hello", message="…")
    read_all(user_id=mia.pk)
    page.wait_for_function("said.length === 3")
    Revocation.objects.revoke([mia.pk])
    page.wait_for_function("said.length === 4")
    assert page.evaluate("said") == [["show", "before"], ["show", "hello"], ["mark", "read"], ["signIn"]]


def test_the_chat(server: Site, page: Page, ann: User, token: Callable[[User], str]) -> None:
    open_with(page, server, CHAT)
    page.evaluate(
        """async ([user, token]) => {
          const { chat } = await import("/example.js");
          window.said = [];
          const showUnsent = (unsent) => said.push(unsent.map(([, text, state]) => [text, state]));
          window.ours = chat({ user, token, showMessage: ({ text }) => said.push(text), showUnsent });
          ours.write("Hello");
        }""",
        [ann.pk, token(ann)],
    )
    page.wait_for_function("said.at(-1)?.length === 0")
    assert page.evaluate("said") == [[["Hello", "sending"]], "Hello", []]
    assert list(Message.objects.filter(sender=ann).values_list("text", flat=True)) == ["Hello"]
