"""The chat on a shop's page: another site, a strict policy, and no storage for frames of others."""

from uuid import UUID

from playwright.sync_api import expect

from realtime.chat.models import Message, Session
from realtime.chat.support_commands import tell_typing
from tests.browser.shop import Shop, Visitor
from tests.servers.waiting import until


def session_of(visitor: Visitor) -> Session:
    return Session.objects.filter(customer=visitor.kept()["userId"]).latest("opened_at")


def test_a_question_is_answered_and_rated_though_frames_may_keep_nothing(visit, claim, api, bob):
    ann = visit()
    ann.open()
    refused = ann.frame.evaluate("() => { try { return localStorage.length } catch (error) { return error.name } }")
    assert refused == "SecurityError"  # so what works here works with third-party storage blocked
    expect(ann.chat.get_by_text("Ask us anything.")).to_be_visible()
    assert ann.kept() == {}  # nobody is a customer before the first message

    ann.say("Where is my parcel?")
    expect(ann.chat.locator(".waiting")).to_contain_text("You are")
    path = claim(ann, bob)
    expect(ann.chat.get_by_role("heading", name="Bob")).to_be_visible()
    expect(ann.chat.get_by_text("Bob is here.")).to_be_visible()
    expect(ann.chat.locator(".waiting")).to_be_hidden()
    expect(ann.chat.locator(".how")).to_have_text("Online")

    tell_typing(bob.pk, UUID(path.rpartition("/")[2]), True)
    expect(ann.chat.get_by_text("Bob is typing")).to_be_attached()
    api(bob).post(f"{path}/read")
    expect(ann.chat.locator(".own .state")).to_have_text("Read")
    api(bob).post(f"{path}/messages", {"text": "It is on its way."})
    expect(ann.chat.get_by_role("log").get_by_text("It is on its way.")).to_be_visible()
    expect(ann.chat.get_by_text("Bob is typing")).not_to_be_attached()
    # It was looked at, so the agent learns that it was read, and nothing is counted.
    until(lambda: api(bob).get(path).json()["participants"][0]["readUpTo"] == str(session_of(ann).messages.latest("order").public_id), what="it is read")
    expect(ann.page).to_have_title("Tea")

    ann.chat.get_by_role("button", name="Options").click()
    ann.chat.get_by_role("button", name="End the conversation").click()
    ann.chat.get_by_role("button", name="End it now").click()
    ann.chat.get_by_role("radio", name="Great").check()
    ann.chat.get_by_role("textbox", name="Anything to add?").fill("Quick.")
    ann.chat.get_by_role("button", name="Send", exact=True).first.click()
    expect(ann.chat.get_by_text("Thank you.")).to_be_visible()
    rated = session_of(ann)
    assert (rated.status, rated.rating, rated.comment) == ("closed", 5, "Quick.")


def test_what_is_said_stays_over_a_reload_and_is_counted_while_nobody_looks(visit, claim, api, bob):
    ann = visit()
    ann.open()
    ann.say("Hello")
    path = claim(ann, bob)
    ann.page.reload()
    # Its frame is there at once, to hear of answers, but not to be seen.
    expect(ann.button).to_have_attribute("aria-expanded", "false")
    expect(ann.page.locator("switchboard-widget iframe")).to_be_hidden()
    api(bob).post(f"{path}/messages", {"text": "First answer"})
    api(bob).post(f"{path}/messages", {"text": "Second answer"})
    expect(ann.button).to_have_accessible_name("Open chat, 2 unread", timeout=15_000)
    expect(ann.page).to_have_title("(2) Tea")
    ann.open()
    expect(ann.chat.locator(".bubble")).to_have_text(["Hello", "First answer", "Second answer"])
    expect(ann.chat.locator(".new + .said")).to_contain_text("First answer")
    expect(ann.page).to_have_title("Tea")
    ann.chat.get_by_role("button", name="Close chat").click()
    expect(ann.button).to_be_focused()
    expect(ann.button).to_have_accessible_name("Open chat")


def test_two_tabs_of_a_visitor_are_one_customer(visit):
    ann = visit()
    second = ann.come()
    second.locator("switchboard-widget button").click()
    expect(second.frame_locator("iframe").get_by_text("Ask us anything.")).to_be_visible()
    ann.page.bring_to_front()  # only the tab in front is looked at
    ann.open()
    ann.say("From the first tab")
    second.bring_to_front()
    expect(second.frame_locator("iframe").locator(".bubble")).to_have_text(["From the first tab"])
    field = second.frame_locator("iframe").get_by_role("textbox", name="Write a message")
    field.fill("From the second")
    field.press("Enter")
    ann.page.bring_to_front()
    expect(ann.chat.locator(".bubble")).to_have_text(["From the first tab", "From the second"], timeout=15_000)


def test_earlier_messages_come_by_scrolling_page_by_page(visit, claim, api, bob):
    ann = visit()
    ann.open()
    ann.say("Message 0")
    path = claim(ann, bob)
    for number in range(1, 45):
        api(bob).post(f"{path}/messages", {"text": f"Message {number}"})
    ann.page.reload()
    ann.open()
    expect(ann.chat.get_by_text("Message 44", exact=True)).to_be_in_viewport()
    assert 0 < ann.chat.locator(".bubble").count() < 40
    ann.chat.locator(".scroller").evaluate("each => each.scrollTo(0, 0)")
    expect(ann.chat.locator(".bubble")).to_have_count(45, timeout=10_000)
    expect(ann.chat.get_by_text("Message 15", exact=True)).to_be_in_viewport()  # what was on top stays where it was
    # What comes now is below what is in view: it is told of, and not read before it is looked at.
    api(bob).post(f"{path}/messages", {"text": "Newest"})
    ann.chat.get_by_role("button", name="New messages").click()
    expect(ann.chat.get_by_text("Newest", exact=True)).to_be_in_viewport()
    expect(ann.page).to_have_title("Tea")
    assert ann.chat.locator(".bubble").all_inner_texts() == [*(f"Message {number}" for number in range(45)), "Newest"]


MARKUP = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"
TEXTS = [MARKUP, "字" * 2000 + "x" * 2000, "👩‍👩‍👧 مرحبا، أين طردي؟ 我的包裹在哪里؟", "one\n\n  two"]


def test_a_text_is_shown_as_it_was_written_on_both_sides(visit, claim, api, bob):
    ann = visit()
    ann.open()
    ann.say("Hello")
    path = claim(ann, bob)
    for number, text in enumerate(TEXTS, start=1):
        ann.say(text)
        assert api(bob).get(f"{path}/messages").json()["results"][0]["text"] == text
        api(bob).post(f"{path}/messages", {"text": text})
        expect(ann.chat.locator(".other .bubble")).to_have_count(number)
    shown = ann.chat.locator(".bubble").all_inner_texts()
    assert shown == ["Hello", *(text for text in TEXTS for _ in range(2))]
    assert ann.chat.locator(".bubble p *").count() == 0
    assert ann.frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(ann.page).to_have_title("Tea")


def test_an_address_in_a_text_becomes_a_link_and_nothing_else_does(visit, claim, api, bob):
    ann = visit()
    ann.open()
    ann.say("Hello")
    path = claim(ann, bob)
    api(bob).post(f"{path}/messages", {"text": "See https://shop.example/a_(b)?c=1, or (http://x.example). Not javascript:alert(1) nor ftp://y.example"})
    links = ann.chat.locator(".other .bubble a")
    expect(links).to_have_count(2)
    assert [each.get_attribute("href") for each in links.all()] == ["https://shop.example/a_(b)?c=1", "http://x.example/"]
    expect(links.first).to_have_attribute("rel", "noopener nofollow ugc")
    expect(links.first).to_have_attribute("target", "_blank")


def test_the_whole_way_is_made_by_keyboard_alone(visit, claim, api, bob):
    ann = visit()
    keys = ann.page.keyboard
    keys.press("Tab")
    expect(ann.button).to_be_focused()
    keys.press("Enter")
    expect(ann.field).to_be_focused()
    keys.type("One")
    keys.press("Shift+Enter")
    keys.type("two")
    keys.press("Enter")
    expect(ann.chat.locator(".own .state")).to_have_text("Sent", timeout=15_000)
    expect(ann.field).to_be_focused()
    path = claim(ann, bob)
    assert session_of(ann).messages.get().text == "One\ntwo"
    api(bob).post(f"{path}/messages", {"text": "Hello"})
    expect(ann.chat.get_by_text("Hello", exact=True)).to_be_visible()
    api(bob).post(f"{path}/close")
    expect(ann.chat.get_by_text("How was it?")).to_be_visible()
    keys.press("Shift+Tab")  # Skip
    keys.press("Shift+Tab")  # the five steps, of which none is chosen: the last one
    keys.press("Space")
    expect(ann.chat.get_by_role("radio", name="Great")).to_be_checked()
    keys.press("Tab")
    keys.press("Enter")
    expect(ann.chat.get_by_text("Thank you.")).to_be_visible()
    keys.press("Escape")
    expect(ann.button).to_be_focused()
    expect(ann.page.locator("switchboard-widget iframe")).to_be_hidden()


def test_enter_sends_nothing_while_an_input_method_composes(visit):
    ann = visit()
    ann.open()
    ann.field.fill("ni hao")
    ann.field.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    ann.field.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    expect(ann.field).to_have_value("ni hao")
    expect(ann.chat.locator(".own")).to_have_count(0)


def test_a_customer_who_is_gone_begins_anew_and_keeps_what_was_typed(visit, api):
    ann = visit()
    ann.open()
    ann.say("Before")
    before = ann.kept()
    ann.field.fill("Half a sen")
    # Logged out everywhere, so this customer cannot come back.
    assert api(before["token"]).post("/api/v1/logout").status_code == 204
    expect(ann.chat.locator(".bubble")).to_have_count(0, timeout=15_000)
    expect(ann.field).to_have_value("Half a sen")
    ann.say("After")
    expect(ann.chat.locator(".bubble")).to_have_text(["After"])
    assert ann.kept()["userId"] != before["userId"]


def test_who_is_blocked_is_told_so(visit, claim, api, bob):
    ann = visit()
    ann.open()
    ann.say("Hello")
    claim(ann, bob)
    assert api(bob).post(f"/api/v1/support/customers/{ann.kept()['userId']}/block", {"reason": ""}).status_code < 300
    ann.field.fill("Again")
    ann.field.press("Enter")
    expect(ann.chat.locator(".failed .foot")).to_contain_text("Not sent.")
    expect(ann.chat.locator(".composer")).to_contain_text("You cannot write here any more.")
    expect(ann.field).to_be_hidden()


def test_what_is_written_while_the_server_is_away_is_sent_once_when_it_is_back(servers, browser):
    with Shop() as shop, servers.serve(env={"WS_ALLOWED_ORIGINS": shop.url[:-1]}) as server:
        shop.server = server.url
        ann = Visitor(browser, shop)
        ann.open()
        ann.say("Before")
        port = server.port
        customer = ann.kept()["userId"]
    ann.field.fill("Meanwhile")
    ann.field.press("Enter")
    expect(ann.chat.locator(".own .state").last).to_have_text("Sending")
    expect(ann.chat.locator(".line")).to_contain_text("No connection, trying again in", timeout=15_000)
    with servers.serve(port=port, env={"WS_ALLOWED_ORIGINS": ann.shop.url[:-1]}):
        # Or it is back already.
        ann.chat.get_by_role("button", name="Try again").evaluate_all("found => found.forEach((each) => each.click())")
        expect(ann.chat.locator(".own .state").last).to_have_text("Sent", timeout=15_000)
        expect(ann.chat.locator(".line")).to_have_text("Connected")
        expect(ann.chat.locator(".line")).to_be_hidden()
        assert [each.text for each in Message.objects.filter(sender=customer).order_by("order")] == ["Before", "Meanwhile"]
        ann.context.close()
    assert ann.errors == []
