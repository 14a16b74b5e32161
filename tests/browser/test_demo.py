"""The demo page and the admin, as a newcomer uses them: in a real browser, on two real workers."""

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from notifications.services import notify
from tests.cast import PASSWORD

WORKER = re.compile(r"worker (\d+)")


@pytest.fixture
def shown(server, browser: Browser):
    """`shown()`: the demo page in a browser of its own, with nothing left over."""
    contexts = []

    def open_page() -> Page:
        context = browser.new_context(base_url=server.url, viewport={"width": 1000, "height": 800})
        contexts.append(context)
        page = context.new_page()
        page.goto("/")
        return page

    yield open_page
    for context in contexts:
        context.close()


def log_in(page: Page, user, *, side: int = 0) -> Locator:
    """Log somebody in on one side of the page, and wait for the connection."""
    person = page.locator(".person").nth(side)
    person.get_by_label("Name").fill(user.username)
    person.get_by_label("Password").fill(PASSWORD)
    person.get_by_role("button", name="Log in").click()
    expect(person.locator(".connection")).to_have_attribute("data-state", "connected")
    return person


def worker_of(person: Locator) -> str:
    found = WORKER.search(person.locator(".connection").inner_text())
    assert found
    return found[1]


def on_another_worker(page: Page, user, worker: str) -> Locator:
    """Log in, and reload until the connection is not with that worker."""
    person = log_in(page, user)
    for _ in range(60):
        if worker_of(person) != worker:
            return person
        page.reload()
        person = page.locator(".person").first
        expect(person.locator(".connection")).to_have_attribute("data-state", "connected")
    raise AssertionError(f"always on worker {worker}")


def send_from_admin(page: Page, admin, *, to, title: str) -> None:
    """Compose in the Django admin: to several users, with the preview in between."""
    page.goto("/admin/notifications/notification/add/")
    page.locator("#id_username").fill(admin.username)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("chosen users").check()
    for user in to:
        page.locator(".select2-search__field").fill(user.username)
        page.get_by_role("option", name=user.display_name).click()
    page.get_by_label("Title").fill(title)
    page.get_by_label("Message").fill("Read on both sides.")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text(f"{len(to)} users will get this.")).to_be_visible()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text(f"{len(to)} users have it.")).to_be_visible()


def test_a_notification_sent_from_the_admin_reaches_two_browsers_on_two_workers(shown, mia, bob, admin):
    mias, bobs, office = shown(), shown(), shown()
    here = log_in(mias, mia)
    there = on_another_worker(bobs, bob, worker_of(here))
    send_from_admin(office, admin, to=[mia, bob], title="The shop opens at nine")
    for person in (here, there):
        expect(person.locator(".notifications li").first).to_contain_text("The shop opens at nine", timeout=1000)
        expect(person.locator(".unread")).to_have_text("1")
    pictures = Path("var/pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    mias.screenshot(path=pictures / "demo-mia.png")
    bobs.screenshot(path=pictures / "demo-bob.png")


def test_what_is_read_on_one_side_is_read_on_the_other(shown, mia):
    page = shown()
    left, right = log_in(page, mia, side=0), log_in(page, mia, side=1)
    notify(users=mia, type="system", title="Read me", message="…")
    expect(right.locator(".unread")).to_have_text("1")
    left.get_by_role("button", name="Mark read").click()
    for person in (left, right):
        expect(person.locator(".notifications li")).to_have_attribute("data-status", "read")
        expect(person.locator(".unread")).to_be_hidden()


def test_a_person_is_shown_what_went_wrong_at_login(shown, mia):
    person = shown().locator(".person").first
    person.get_by_label("Name").fill(mia.username)
    person.get_by_label("Password").fill("wrong")
    person.get_by_role("button", name="Log in").click()
    expect(person.get_by_role("alert")).not_to_be_empty()
    expect(person.locator(".live")).to_be_hidden()


def test_text_of_a_notification_is_shown_as_text(shown, mia):
    page = shown()
    person = log_in(page, mia)
    notify(users=mia, type="system", title="<b>bold</b>", message="<img src=x onerror=\"document.title='broken'\">")
    expect(person.locator(".notifications li").first).to_contain_text("<b>bold</b>")
    assert person.locator(".notifications img").count() == 0
    assert page.title() == "Switchboard"


def test_after_a_restart_the_page_is_connected_again_without_a_reload(servers, browser, mia):
    with servers.serve() as server:
        context = browser.new_context(base_url=server.url)
        page = context.new_page()
        page.goto("/")
        person = log_in(page, mia)
        before = worker_of(person)
        os.kill(server.pid, signal.SIGHUP)
        notify(users=mia, type="system", title="While you were away", message="…")
        expect(person.locator(".connection")).to_contain_text(WORKER)
        expect(person.locator(".connection")).not_to_contain_text(before, timeout=30_000)
        expect(person.locator(".notifications li").first).to_contain_text("While you were away", timeout=30_000)
        context.close()
