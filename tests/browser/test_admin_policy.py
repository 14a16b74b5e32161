"""The admin under its policy: everything works, and the browser has nothing to refuse."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, expect

from accounts.models import User
from notifications.models import Notification
from realtime.chat import services
from tests.cast import PASSWORD
from tests.servers.workers import Site


def test_an_administrator_works_and_nothing_is_refused(server: Site, contexts: Callable[..., BrowserContext], admin: User, mia: User, ann: User) -> None:
    session = services.open_session(customer=ann, text="Hello").session
    page = contexts(base_url=server.url).new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text or "Refused to" in message.text else None)
    page.goto("/admin/notifications/notification/add/")
    page.locator("#id_username").fill(admin.username)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    # Composing, with the field that finds users as one types.
    expect(page.locator(".field-users")).to_be_hidden(timeout=30_000)
    page.get_by_label("chosen users").check()
    page.locator(".select2-search__field").fill(mia.username)
    page.get_by_role("option", name="Mia").click()
    page.get_by_label("Title").fill("From the office")
    page.get_by_label("Message").fill("All is well.")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("1 user has it.")).to_be_visible(timeout=30_000)
    assert Notification.objects.filter(user=mia, title="From the office").count() == 1
    # Lists, with a search, filters and actions; forms, with dates and what is looked up; the transcript.
    page.goto(f"/admin/accounts/user/?q={mia.username}")
    expect(page.get_by_role("link", name=mia.username)).to_be_visible(timeout=30_000)
    page.locator("#action-toggle").check()
    expect(page.locator(".action-counter")).to_contain_text("1 of 1 selected", timeout=30_000)
    page.get_by_role("link", name=mia.username).click()
    expect(page.locator("#id_display_name")).to_have_value("Mia", timeout=30_000)
    page.goto("/admin/accounts/user/add/")
    page.goto(f"/admin/chat/session/{session.pk}/change/")
    said = page.locator(".said").first
    expect(said).to_be_visible(timeout=30_000)
    assert said.evaluate("each => getComputedStyle(each).borderLeftWidth") == "4px", "its style is there"
    for address in ("/admin/", "/admin/hours/exception/add/", "/admin/password_change/", "/admin/tasks/task/", "/admin/nothing/"):
        page.goto(address)
    assert refused == []
    # What breaks the policy is noticed: this test could fail.
    page.evaluate(
        """new Promise((done) => {
            document.addEventListener("securitypolicyviolation", done, { once: true });
            document.body.append(Object.assign(new Image(), { src: "https://elsewhere.example/x.png" }));
        }).then(() => null)"""
    )
    assert any("elsewhere.example" in each for each in refused)
