"""A tab of a real browser with our client in it, and what it has been told."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import BrowserContext, Page

from accounts import tokens
from accounts.models import User
from tests.servers.workers import Site

OURS = "/health/live"  # any page of ours, in a browser that lets tests run scripts everywhere: see `page`
PATIENCE = 30_000  # ms
OPEN = """
async ({ path, user, token, options }) => {
  const { Switchboard } = await import("/static/realtime/client.js");
  const { Api, Problem } = await import("/static/realtime/api.js");
  window.token = token;
  window.api = new Api({ token: () => window.token });
  window.said = { frame: [], state: [], reset: [], expiring: [], outbox: [], caughtup: [] };
  window.asked = [];
  const credential = async (before) => {
    asked.push(before.refused);
    if (window.refuse) throw new Problem(refuse, "No.");
    return options.bearer ? { token: window.token } : { ticket: await api.ticket() };
  };
  const renew = async () => options.renew ?? null;
  window.client = new Switchboard({ path, user, credential, ...options, renew });
  for (const [name, all] of Object.entries(said)) if (name !== "reset") client.on(name, (what) => all.push(structuredClone(what)));
}
"""
HIDE = """
(state) => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}
"""


class Tab:
    """A page with `client`, whose words are in `said` and the `refused` of each question for a credential in `asked`."""

    def __init__(self, page: Page, site: Site, user: User, *, path: str = "/api/v1/ws", start: bool = True, **options: Any) -> None:
        self.page = page
        page.goto(site.url + OURS)
        page.evaluate(OPEN, {"path": path, "user": user.pk, "token": tokens.issue(user)[0], "options": options})
        if start:
            page.evaluate("client.start()")

    @classmethod
    def opened(cls, context: BrowserContext, site: Site, user: User, **options: Any) -> Tab:
        """In a new page, connected."""
        tab = cls(context.new_page(), site, user, **options)
        tab.connected()
        return tab

    def run(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def until(self, condition: str, argument: Any = None, *, seconds: float = PATIENCE / 1000) -> None:
        # Without `polling` it looks when a picture is drawn, and of a tab that is not in front none is.
        self.page.wait_for_function(condition, arg=argument, timeout=seconds * 1000, polling=50)

    def connected(self) -> None:
        self.until("client.state.name === 'connected'")

    def states(self) -> list[str]:
        return [state["name"] for state in self.run("said.state")]

    def titles(self) -> list[str]:
        """Of the notifications, in the order in which they came."""
        found: list[str] = self.run("said.frame.filter((frame) => frame.type === 'notification').map((frame) => frame.data.title)")
        return found

    def has(self, titles: list[str]) -> None:
        """Wait until the last of them has come: each once and in this order."""
        self.until("(last) => said.frame.some((frame) => frame.data?.title === last)", titles[-1])
        assert self.titles() == titles

    def hide(self) -> None:
        """Nobody sees this tab any more."""
        self.run(HIDE, "hidden")

    def show(self) -> None:
        self.run(HIDE, "visible")

    def leads(self) -> bool:
        return bool(self.run("client.seat.hub !== null"))
