"""Agents at the console, each with a browser of their own, or with a tab of somebody's."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, expect

from accounts import tokens
from accounts.models import User
from tests.cast import PASSWORD


class Console:
    """One tab with the console."""

    def __init__(self, context: BrowserContext, user: User | None = None) -> None:
        self.context = context
        self.page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        if user is not None:
            # As it stands after a login, without the hash of a password, which is slow on purpose.
            self.page.goto("/health/live")
            self.page.evaluate("login => [sessionStorage, localStorage].forEach(each => each.setItem('switchboard.console.login', login))", kept(user))
        self.page.goto("/console/")

    def fill_in(self, user: User, password: str = PASSWORD) -> None:
        """Fill in the login form, in whatever language, and send it, once the answer to an earlier one is worked in."""
        expect(self.page.locator(".login button[type=submit]")).to_be_enabled()
        self.page.locator("input[name=username]").fill(user.username)
        self.page.locator("input[name=password]").fill(password)
        self.page.keyboard.press("Enter")

    def enter(self, user: User) -> Console:
        """Log in, and wait for the connection."""
        self.fill_in(user)
        return self.connected()

    def connected(self) -> Console:
        expect(self.page.locator("#console")).to_have_attribute("data-connection", "connected", timeout=30_000)
        return self

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def tab_to(self, wanted: Locator) -> None:
        """Reach something by the Tab key."""
        for _ in range(60):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.press("Tab")
        raise AssertionError("not reached by Tab")

    def list(self, name: str) -> Locator:
        """The button that shows a list: Mine, Waiting or All."""
        return self.page.get_by_role("group", name="Which conversations").get_by_role("button", name=name)

    def row(self, name: str) -> Locator:
        return self.page.locator(".list .scroll .rows button").filter(has_text=name)

    def open(self, name: str) -> Console:
        """Open a session of the list that is shown, and wait for its messages."""
        self.row(name).first.click()
        expect(self.page.locator(".conversation h2")).to_have_text(name)
        expect(self.log).to_be_visible()
        return self

    def write(self, text: str) -> None:
        self.page.get_by_role("textbox", name="Write").fill(text)
        self.page.keyboard.press("Enter")

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def bubbles(self) -> Locator:
        return self.page.locator(".log .bubble")

    @property
    def band(self) -> Locator:
        """What is said of the connection."""
        return self.page.locator(".band").first

    @property
    def over(self) -> Locator:
        """The login over the page."""
        return self.page.get_by_role("dialog", name="Log in")


def kept(user: User) -> str:
    """What the console keeps of a login."""
    token, expires_at = tokens.issue(user)
    shown = {"id": user.pk, "username": user.username, "role": user.role, "displayName": user.display_name}
    return json.dumps({"token": token, "expiresAt": expires_at.isoformat(), "user": shown, "isStaff": user.is_staff})


class Office:
    """Makes consoles, and takes them away again."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser, self._url = browser, url
        self._consoles: list[Console] = []

    def console(self, user: User | None = None, *, beside: Console | None = None, **context: Any) -> Console:
        """The console in a browser of its own, or in another tab `beside` one; logged in if a user is given. `context`: what Playwright's takes."""
        given = {"base_url": self._url, "viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **context}
        made = Console(beside.context if beside is not None else self._browser.new_context(**given), user)
        self._consoles.append(made)
        return made.connected() if user is not None else made

    def close(self) -> list[str]:
        """Close them all; the errors of their scripts."""
        for context in {each.context for each in self._consoles}:
            context.close()
        return [error for each in self._consoles for error in each.errors]
