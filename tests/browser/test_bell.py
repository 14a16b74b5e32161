"""The bell, as a shop has it on its own pages: at another origin, under a strict policy, for two people."""

import re

import pytest
from playwright.sync_api import expect

from notifications.services import notify
from tests.browser.host_site import Answer, host_site, shown_in_docs
from tests.servers.waiting import until

# Nothing may be loaded that is not named, no style may stand in the page, and no text may become markup.
POLICY = "default-src 'none'; script-src {us}; connect-src 'self' {us} {ws}; require-trusted-types-for 'script'; trusted-types 'none'"
PAGE = """<!doctype html><html lang="{lang}"><title>Shop</title>{style}
<main><h1>Shop</h1><a href="/">Before</a> {bell} <a href="/">After</a></main></html>"""


@pytest.fixture(scope="module")
def host():
    with host_site() as site:
        yield site


@pytest.fixture(scope="module")
def site(servers, host):
    """Two workers as in production, for the pages of `host`."""
    with servers.serve(workers=2, env={"WS_ALLOWED_ORIGINS": host.url}) as running:
        yield running


@pytest.fixture
def look(site, host, contexts, token):
    """`look(mia)`: a page of the shop with the bell on it, as that user sees it in a browser of its own."""
    policy = POLICY.format(us=site.url, ws=site.ws_url)
    bell = shown_in_docs("html", "switchboard-bell", site.url)
    host.pages["/bell"] = Answer(PAGE.format(lang="en", style="", bell=bell), headers=(("Content-Security-Policy", policy),))
    complaints = []

    def open_page(user, path="/bell", **options):
        host.tokens.setdefault(user.username, token(user))
        context = contexts(**options)
        context.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
        page = host.open(context, path, user.username)
        until(lambda: page.evaluate("Boolean(customElements.get('switchboard-bell'))"), what="the bell is there")
        return page

    yield open_page
    assert complaints == []


def button(page):
    return page.locator("switchboard-bell").get_by_role("button").first


def rows(page):
    return page.locator("switchboard-bell").get_by_role("listitem")


def count(page, number):
    expect(button(page)).to_have_accessible_name(f"Notifications, {number} unread" if number else "Notifications")


def connected(page):
    """What Playwright itself would wait with is not allowed on a page with such a policy."""
    until(lambda: page.evaluate("document.querySelector('switchboard-bell').client?.state.name") == "connected", what="the bell is connected")


def test_it_rings_on_a_page_of_another_site_for_whom_it_is_meant(look, mia, eve):
    mias, eves = look(mia), look(eve)
    for page in (mias, eves):
        connected(page)
    mias.evaluate("addEventListener('switchboard-notification', ({ detail }) => (document.title = detail.title))")
    notify(users=mia, type="system", title="The oolong is back", message="Eighty grams\nof it.", link="/products/oolong")
    count(mias, 1)
    expect(mias).to_have_title("The oolong is back")
    assert button(mias).evaluate("element => getComputedStyle(element).width") == "40px", "its looks have not come"
    button(mias).click()
    expect(mias.get_by_role("dialog", name="Notifications")).to_be_visible()
    expect(rows(mias)).to_have_text(re.compile("The oolong is back.*Eighty grams\nof it.*now", re.DOTALL))
    expect(rows(mias).get_by_role("link")).to_have_attribute("href", "/products/oolong")
    expect(rows(mias).locator("time")).to_have_attribute("title", re.compile(r"\d\d:\d\d|\d+:\d\d"))
    # What comes while it is open stands on top; to eve nothing came of all that.
    notify(users=[mia, eve], type="system", title="We open at nine", message="Tomorrow.")
    expect(rows(mias).first).to_contain_text("We open at nine")
    count(eves, 1)
    button(eves).click()
    expect(rows(eves)).to_have_count(1)


def test_what_is_read_in_one_browser_is_read_in_the_other(look, mia):
    for number in (1, 2, 3):
        notify(users=mia, type="system", title=f"Number {number}", message="…")
    here, there = look(mia), look(mia, locale="de-DE")
    for page in (here, there):
        count(page, 3)
        button(page).click()
        connected(page)
    rows(here).first.get_by_role("button", name="Mark read").click()
    for page in (here, there):
        count(page, 2)
        expect(rows(page).first).to_have_attribute("data-status", "read")
        expect(rows(page).nth(1)).to_have_attribute("data-status", "unread")
    there.get_by_role("button", name="Mark all read").click()
    for page in (here, there):
        count(page, 0)
        expect(page.get_by_role("button", name="Mark all read")).to_be_hidden()


def test_by_keyboard_alone(look, mia):
    for number in (1, 2):
        notify(users=mia, type="system", title=f"Number {number}", message="…")
    page = look(mia)
    count(page, 2)
    focused = "document.querySelector('switchboard-bell').shadowRoot.activeElement?.getAttribute('aria-label')"
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Mark read: Number 2"
    page.keyboard.press("Enter")
    until(lambda: page.evaluate(focused) == "Mark read: Number 1", what="the next one has the focus")
    page.keyboard.press("Space")
    count(page, 0)
    expect(page.get_by_role("list")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="After")).to_be_focused()


def test_a_hundred_and_more_are_counted_and_older_ones_come_by_scrolling(look, mia):
    for number in range(101):
        notify(users=mia, type="system", title=f"Number {number}", message="…")
    page = look(mia, viewport={"width": 360, "height": 740})
    expect(page.locator("switchboard-bell .count")).to_have_text("99+")
    button(page).click()
    seen = 0
    while seen < 101:
        page.get_by_role("list").evaluate("list => list.scrollTo(0, list.scrollHeight)")
        expect(rows(page).nth(seen)).to_be_attached()
        seen = rows(page).count()
    assert rows(page).locator(".title").all_inner_texts() == [f"Number {number}" for number in reversed(range(101))]
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert box["y"] + box["height"] <= 740
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_text_is_text(look, mia):
    notify(users=mia, type="system", title="<b>bold</b>", message="<img src=x onerror=\"document.title='broken'\"> مرحبا 你好 🫖")
    page = look(mia)
    button(page).click()
    expect(rows(page)).to_contain_text("<b>bold</b>")
    expect(rows(page)).to_contain_text("<img src=x onerror=\"document.title='broken'\"> مرحبا 你好 🫖")
    assert page.locator("switchboard-bell img, switchboard-bell b").count() == 0
    expect(page).to_have_title("Shop")


def test_what_goes_wrong_is_said_with_a_way_to_try_again(look, host, mia, token):
    host.broken = True
    page = look(mia)
    button(page).click()
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("Notifications could not be loaded.")
    host.broken = False
    notify(users=mia, type="system", title="There it is", message="…")
    alert.get_by_role("button", name="Try again").click()
    expect(rows(page)).to_contain_text("There it is")
    expect(alert).to_have_count(0)
    # And who is not logged in any more is told so.
    del host.tokens[mia.username]
    page = host.open(page.context, "/bell", mia.username)
    button(page).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("You are not logged in any more.")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_a_token_that_has_run_out_is_asked_for_again(look, host, mia, expired, token):
    notify(users=mia, type="system", title="There it is", message="…")
    tokens = [token(mia), expired(mia)]
    host.tokens[mia.username] = tokens
    page = look(mia)
    count(page, 1)
    connected(page)
    assert tokens == []


def test_it_speaks_the_language_of_the_page_and_takes_its_colours(look, host, site, mia):
    bell, style = shown_in_docs("html", "switchboard-bell", site.url), shown_in_docs("css", "switchboard-bell", site.url)
    host.pages["/zh"] = Answer(PAGE.format(lang="zh-CN", style=f"<style>{style}</style>", bell=bell))
    notify(users=mia, type="system", title="乌龙茶到货了", message="…")
    page = look(mia, "/zh")
    connected(page)
    expect(button(page)).to_have_accessible_name("通知，1 条未读")
    expect(page.locator("switchboard-bell .count")).to_have_css("background-color", "rgb(122, 59, 105)")
    button(page).click()
    page.get_by_role("button", name="全部标为已读").click()
    expect(button(page)).to_have_accessible_name("通知")


def test_axe_finds_nothing(look, mia, axe):
    for number in (1, 2, 3):
        notify(users=mia, type="system", title=f"Number {number}", message="…", link="/products/oolong")
    page = look(mia, reduced_motion="reduce")
    connected(page)
    button(page).click()
    rows(page).first.get_by_role("button", name="Mark read").click()
    expect(rows(page).first).to_have_attribute("data-status", "read")
    axe(page)
