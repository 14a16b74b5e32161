"""What a shop decides: where the chat may stand, who vouches for whom, and how it looks."""

import hashlib
import hmac

import httpx
import pytest
from playwright.sync_api import expect

from accounts.models import Customer
from realtime.chat.models import Session
from tests.browser.shop import Shop, Visitor
from tests.markdown import documents
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT

SECRET = "a-secret-that-shop-and-switchboard-share"
LOADER_BOUND = 3_000
FRAME_BOUND = 80_000
"""Bytes over the wire, where the server compresses."""


@pytest.fixture(scope="module")
def shop(servers):
    """A shop that vouches for its customers, wants names, and can mail."""
    options = {"IDENTITY_SECRET": SECRET, "WIDGET_ASK_NAME": "1", "SHOP_NAME": "Tea & Co", "EMAIL_URL": "console", "EMAIL_FROM": "tea@shop.example"}
    with Shop() as running, servers.serve(env={**options, "WS_ALLOWED_ORIGINS": running.url.rstrip("/")}) as server:
        running.server = server.url
        yield running


def vouched(shop: Shop, external_id: str, *, right: bool = True, name: str = "Lee") -> None:
    """Let the shop's page say who its visitor is, before the loader is there."""
    proof = hmac.new(SECRET.encode() if right else b"another", external_id.encode(), hashlib.sha256).hexdigest()
    shop.script = (
        f"""(window.Switchboard ||= []).push(["identify", {{ externalId: "{external_id}", hash: "{proof}", name: "{name}", metadata: {{ plan: "gold" }} }}]);"""
    )


def test_a_site_that_is_not_allowed_cannot_frame_the_chat(server, browser):
    with Shop(server.url) as stranger:
        eve = Visitor(browser, stranger)
        with eve.page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            eve.button.click()
        expect(eve.field).to_have_count(0)
        assert eve.kept() == {}
        eve.context.close()


def test_a_name_is_asked_for_before_the_first_message_and_an_address_while_nobody_is_there(visit, shop, axe):
    until(lambda: not httpx.get(f"{shop.server}/api/v1/support/settings", timeout=30).json()["agentsOnline"], what="the agents of other tests are gone")
    ann = visit()
    ann.button.click()
    expect(ann.chat.get_by_role("heading", name="Tea & Co")).to_be_visible()
    ann.field.fill("Hello")
    ann.field.press("Enter")
    expect(ann.chat.get_by_label("Your name")).to_be_focused()
    expect(ann.field).to_have_value("Hello")
    ann.chat.get_by_label("Your name").fill("Ann")
    ann.say("Hello")
    expect(ann.chat.get_by_label("Your name")).to_be_hidden()
    made = Customer.objects.get(pk=ann.kept()["userId"])
    assert (made.name, made.channel) == ("Ann", "WEB")
    assert made.metadata == {"page": ann.shop.url, "timeZone": ann.page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")}

    # Nobody is there.
    address = ann.chat.get_by_label("Where can we reach you if you are gone by then?")
    address.fill("ann@nowhere")
    address.press("Enter")
    expect(ann.chat.locator("#email-problem")).not_to_be_empty()
    axe(ann.frame)
    expect(address).to_be_focused()
    address.fill("ann@shop.example")
    address.press("Enter")
    expect(ann.chat.get_by_text("We will also write to ann@shop.example.")).to_be_visible()


def test_who_is_vouched_for_has_one_history_on_two_devices(visit, shop):
    vouched(shop, "lee-1")
    phone, desk = visit(), visit()
    phone.open()
    phone.say("From the phone")
    desk.open()
    expect(desk.chat.locator(".bubble")).to_have_text(["From the phone"])
    desk.say("From the desk")
    expect(phone.chat.locator(".bubble")).to_have_text(["From the phone", "From the desk"])
    assert phone.kept()["userId"] == desk.kept()["userId"]
    customer = Customer.objects.get(pk=desk.kept()["userId"])
    assert (customer.name, customer.metadata["plan"]) == ("Lee", "gold")
    # Whoever uses the device next sees nothing of it.
    desk.page.evaluate("Switchboard.logout()")
    expect(desk.chat.locator(".bubble")).to_have_count(0)
    assert desk.page.evaluate("Object.keys(localStorage).filter((key) => key.includes('customer'))") == []


def test_what_was_written_before_the_login_goes_along(visit, shop):
    ann = visit()
    ann.button.click()
    ann.chat.get_by_label("Your name").fill("Ann")
    ann.say("Before")
    vouched(shop, "ann-1")
    ann.page.evaluate(shop.script)
    until(lambda: ann.kept().get("externalId") == "ann-1", what="she is known")
    expect(ann.chat.locator(".bubble")).to_have_text(["Before"])
    assert Session.objects.get(customer=ann.kept()["userId"]).messages.count() == 1


def test_a_wrong_hash_is_said_and_shows_nobodys_history(visit, shop):
    vouched(shop, "lee-2")
    lee = visit()
    lee.open()
    lee.say("Only for Lee")
    vouched(shop, "lee-2", right=False)
    eve = visit()
    eve.button.click()
    expect(eve.chat.get_by_text("This shop could not confirm who you are.")).to_be_visible()
    expect(eve.chat.locator(".bubble")).to_have_count(0)
    assert eve.kept() == {}


def test_on_a_phone_it_is_the_whole_screen(visit):
    ann = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    ann.button.click()
    frame = ann.page.locator("switchboard-widget iframe")
    expect(frame).to_be_visible()
    until(lambda: frame.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 740}, what="it fills the screen")
    expect(ann.button).to_be_hidden()
    small = "button, input, textarea, a"
    sizes = ann.frame.evaluate(
        f"[...document.querySelectorAll('{small}')].filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 44
    ann.chat.get_by_role("button", name="Close chat").click()
    expect(ann.button).to_be_visible()


def test_a_shop_calls_it_from_its_own_script_and_is_told_what_happens(visit, shop, claim, api, bob):
    shop.script = """
      window.told = [];
      window.Switchboard ||= [];
      for (const name of ["ready", "open", "close", "unread", "message"]) Switchboard.push(["on", name, (detail) => told.push([name, detail])]);
      Switchboard.push(["open"]);"""
    ann = visit()
    ann.chat.get_by_label("Your name").fill("Ann")
    ann.say("Hello")
    ann.page.evaluate("Switchboard.close()")
    path = claim(ann, bob)
    api(bob).post(f"{path}/messages", {"text": "Hi"})
    until(lambda: ann.page.evaluate("told.length") >= 5, what="it is told")
    told = ann.page.evaluate("told")
    assert [name for name, _ in told if name != "ready"] == ["open", "close", "message", "unread"]
    assert dict(told)["unread"] == 1
    assert dict(told)["message"]["text"] == "Hi"
    ann.page.evaluate("() => { const off = Switchboard.on('open', () => { throw new Error('not any more') }); off(); Switchboard.open() }")
    until(lambda: ["unread", 0] in ann.page.evaluate("told"), what="nothing is unread any more")


def test_messages_of_other_windows_are_not_listened_to(visit):
    ann = visit()
    ann.button.click()
    expect(ann.field).to_be_attached()
    ann.page.evaluate("for (const data of [{ type: 'unread', detail: 7 }, { type: 'keep', key: 'x', value: 'y' }, null, 'text']) postMessage(data, '*')")
    ann.frame.evaluate("dispatchEvent(new MessageEvent('message', { data: { type: 'logout' }, origin: 'http://evil.example', source: window }))")
    ann.page.evaluate("new Promise((done) => setTimeout(done))")
    expect(ann.page).to_have_title("Tea")
    assert ann.page.evaluate("localStorage.getItem('switchboard:x')") is None


def test_the_shops_colours_its_side_and_its_language_are_taken(visit, shop):
    shop.style = ":root { --sb-accent: rgb(120, 20, 80); --sb-on-accent: rgb(255, 250, 240); --sb-side: left }"
    shop.attributes = 'data-channel="WEB" data-lang="zh-CN" data-theme="dark"'
    ann = visit()
    expect(ann.button).to_have_accessible_name("打开聊天")
    expect(ann.button).to_have_css("background-color", "rgb(120, 20, 80)")
    assert ann.button.bounding_box()["x"] == 20
    ann.button.click()
    expect(ann.chat.locator(".face")).to_have_css("background-color", "rgb(120, 20, 80)")
    expect(ann.chat.locator("body")).to_have_css("background-color", "rgb(15, 18, 22)")
    expect(ann.chat.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(ann.chat.get_by_role("textbox", name="输入消息")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, claim, api, bob, axe, scheme):
    ann = visit(color_scheme=scheme)
    axe(ann.page)
    ann.button.click()
    expect(ann.field).to_be_visible()
    axe(ann.page)
    axe(ann.frame)  # empty, with a name to be given
    ann.chat.get_by_label("Your name").fill("Ann")
    ann.say("See https://shop.example")
    axe(ann.frame)  # waiting
    path = claim(ann, bob)
    api(bob).post(f"{path}/messages", {"text": "See https://shop.example"})
    ann.chat.get_by_role("button", name="Options").click()
    axe(ann.frame)  # answered, with the menu open
    api(bob).post(f"{path}/close")
    ann.chat.get_by_role("radio", name="Good").check()
    axe(ann.frame)  # to be rated


def test_what_the_document_shows_works(visit, shop):
    [document] = [each for each in documents(CHECKOUT) if each.name == "docs/widget.md"]
    shown = {block.kind: block.text.strip().replace("https://switchboard.example", shop.server) for block in document.blocks}
    ann = visit()
    assert shown["html"] in ann.page.content().replace('async=""', "async")
    allowed = {name: sources for name, *sources in (each.split() for each in shop.policy.split(";"))}
    for name, source in (each.split() for each in shown["text"].split(";")):
        assert source in allowed[name]
    proof = hmac.new(SECRET.encode(), b"42", hashlib.sha256).hexdigest()
    shop.script = shown["javascript"].replace("5f70…", proof)
    ann.page.reload()
    ann.open()
    until(lambda: ann.kept().get("externalId") == "42", what="she is known")


def test_the_loader_and_the_chat_weigh_little(visit, shop):
    ann = visit()
    asked: list[str] = []
    ann.context.on("request", lambda request: asked.append(request.url))
    ann.button.click()
    expect(ann.field).to_be_visible()
    needed = {url for url in asked if "/static/" in url or url.endswith("/widget/")}
    assert len(needed) > 20
    with httpx.Client(headers={"Accept-Encoding": "gzip"}, timeout=30) as client:
        weights = {url: int(client.get(url).headers["Content-Length"]) for url in [f"{shop.server}/widget.js", *needed]}
    assert weights.pop(f"{shop.server}/widget.js") < LOADER_BOUND
    assert sum(weights.values()) < FRAME_BOUND
