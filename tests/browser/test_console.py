"""Agents at work in the console, and a customer who writes from elsewhere."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.sync_api import expect

from accounts.models import User
from realtime.chat.models import Session
from realtime.chat.support_commands import tell_typing
from realtime.desk.models import CannedReply
from tests import cast
from tests.browser.office import Console
from tests.realtime.chat.desk import says_all
from tests.realtime.chat.support import SESSIONS, asked, at, texts
from tests.servers.waiting import until


def status(session: Session) -> str:
    return str(Session.objects.values_list("status", flat=True).get(pk=session.pk))


def holder(session: Session) -> int | None:
    return Session.objects.values_list("agent", flat=True).get(pk=session.pk)


def go_away(console: Console, api, agent: User) -> None:
    """So that nothing is routed to this agent."""
    console.press("s", "ArrowDown", "Enter")
    expect(console.page.locator(".own")).to_contain_text("Away")
    until(lambda: api(agent).get(f"/api/v1/status/{agent.pk}").json()["status"] == "away", what="everybody knows")


def test_a_question_is_claimed_answered_and_noted_by_keyboard_alone(office, api, ann, bob):
    desk = office.console()
    expect(desk.page.get_by_label("Username")).to_be_focused()
    desk.type(bob.username)
    desk.press("Tab")
    desk.type("Tr0ub4dor-and-3-horses")
    desk.press("Enter")
    desk.connected()
    go_away(desk, api, bob)

    session = api(ann).post(SESSIONS, {"subject": "Parcel", "text": "Where is my parcel?"}).json()["id"]
    waiting = desk.list("Waiting")
    expect(waiting).to_have_text("Waiting1", timeout=3000)  # told, not asked for
    desk.tab_to(waiting)
    desk.press("Enter", "j", "Enter")
    expect(desk.bubbles).to_have_text(["Where is my parcel?"])
    desk.press("a")
    expect(desk.list("Mine")).to_have_text("Mine1")
    desk.press("r")
    expect(desk.page.get_by_role("textbox", name="Write an answer")).to_be_focused()
    desk.type("It is on its way.")
    desk.press("Enter", "Escape")
    expect(desk.page.locator(".message.mine .state").last).to_have_text("Sent")
    desk.press("n")
    desk.type("She was friendly.")
    desk.press("Enter", "Escape")
    expect(desk.page.locator(".message.note")).to_contain_text("Note · You")

    path = f"{SESSIONS}/{session}/messages"
    assert texts(api(ann).get(path)) == ["It is on its way.", "Where is my parcel?"]
    assert texts(api(bob).get(path)) == ["She was friendly.", "It is on its way.", "Where is my parcel?"]
    assert api(ann).post(f"{SESSIONS}/{session}/read", {}).status_code == 200
    expect(desk.page.locator(".message.mine .state").filter(has_text="Read")).to_be_visible()
    tell_typing(ann.pk, UUID(session), True)
    expect(desk.page.locator(".log .typing")).to_be_visible()
    api(ann).post(path, {"text": "Thank you"})
    expect(desk.page.locator(".log .typing")).to_be_hidden()
    expect(desk.bubbles.last).to_have_text("Thank you")
    until(lambda: api(bob).get(f"{SESSIONS}/{session}").json()["unreadCount"] == 0, what="it is marked as read, being in view")


def test_escape_leaves_the_field_also_where_the_list_is_empty(office, ann, bob):
    asked(ann, agent=bob)
    desk = office.console(bob).open("Ann")
    desk.list("Waiting").click()
    expect(desk.row("Ann")).to_have_count(0)
    desk.press("r")
    expect(desk.page.get_by_role("textbox", name="Write an answer")).to_be_focused()
    desk.press("Escape")
    expect(desk.list("Waiting")).to_be_focused()
    desk.press("n")
    expect(desk.page.get_by_role("textbox", name="Write a note")).to_be_focused()


def test_what_is_handed_over_reaches_the_other_agent_at_once_with_the_note(office, ann, bob, alice):
    session = asked(ann, agent=bob)
    bobs, alices = office.console(bob).open("Ann"), office.console(alice)
    bobs.press("t")
    chosen = bobs.page.get_by_role("dialog")
    chosen.get_by_role("radio", name="Alice Online").check()
    chosen.get_by_label("Note for the agent").fill("She has written before.")
    chosen.get_by_role("button", name="Transfer").click()
    expect(bobs.page.get_by_text("Handing Ann to Alice.")).to_be_visible()
    assert holder(session) == bob.pk
    # A page that goes away does what was asked of it, before the moment is over.
    bobs.page.reload()
    until(lambda: holder(session) == alice.pk, what="it was handed over")

    told = alices.page.locator(".toast", has_text="Ann was handed to you.")
    expect(told).to_contain_text("She has written before.")
    told.get_by_role("button", name="Open").click()
    expect(alices.page.locator(".notice")).to_have_text("Bob handed this to Alice: She has written before.")
    bobs.connected()
    expect(bobs.page.locator(".conversation header")).to_contain_text("With Alice")
    expect(bobs.row("Ann")).to_have_count(0)
    expect(alices.row("Ann").locator(".face")).to_have_attribute("title", "Bob is looking at this")
    alices.write("Alice here.")
    expect(alices.page.locator(".message.mine .state").last).to_have_text("Sent")
    expect(bobs.page.get_by_role("button", name="Answer", exact=True)).to_be_disabled()


def test_a_close_is_done_when_the_moment_for_undoing_it_is_over(office, ann, bob):
    session = asked(ann, agent=bob)
    desk = office.console(bob).open("Ann")
    desk.press("e")
    expect(desk.page.get_by_text("Closing the conversation with Ann.")).to_be_visible()
    desk.press("u")
    expect(desk.page.get_by_text("Closing the conversation with Ann.")).to_be_hidden()
    desk.page.get_by_role("button", name="Close", exact=True).click()
    expect(desk.page.locator(".over")).to_contain_text("you can still undo it")
    assert status(session) == "open"
    expect(desk.page.locator(".over")).to_have_text("This conversation is closed.", timeout=10_000)
    assert status(session) == "closed"
    expect(desk.page.get_by_text("You have no open conversations.")).to_be_visible()


def test_one_who_is_slower_is_told_who_has_it(office, ann, bob, alice, api):
    desk = office.console(bob)
    go_away(desk, api, bob)
    session = asked(ann)
    desk.list("Waiting").click()
    desk.open("Ann")
    desk.page.route("**/api/v1/sessions?status=waiting*", lambda route: route.abort())  # what it knows of the queue is old
    assert api(alice).post(at(session, "claim")).status_code == 200
    desk.page.get_by_role("button", name="Claim").click()
    expect(desk.page.locator(".notice")).to_have_text("Alice has this session already.")
    assert holder(session) == alice.pk


def test_a_canned_reply_is_found_and_its_names_are_filled_one_by_one(office, ann, bob):
    CannedReply.objects.get_or_create(shortcut="greeting", defaults={"text": "Hello {customer}, this is {agent}."})
    session = asked(ann, agent=bob)
    desk = office.console(bob).open("Ann")
    desk.press("/")
    desk.type("greet")
    expect(desk.page.get_by_role("option")).to_have_count(1)
    desk.press("Enter")
    field = desk.page.get_by_role("textbox", name="Write an answer")
    expect(field).to_have_value("Hello {customer}, this is {agent}.")
    desk.press("Tab")
    expect(field).to_have_value("Hello Ann, this is {agent}.")
    desk.press("Tab")
    expect(field).to_have_value("Hello Ann, this is Bob.")
    desk.press("Enter")
    expect(desk.page.locator(".message.mine .state").last).to_have_text("Sent")
    assert session.messages.latest("order").text == "Hello Ann, this is Bob."


def test_a_line_that_was_cut_is_told_of_and_what_was_missed_is_counted(office, ann, bob):
    session = asked(ann, agent=bob)
    desk = office.console(bob).open("Ann")
    desk.context.set_offline(True)
    expect(desk.band).to_contain_text(re.compile("No connection|Reconnecting"), timeout=20_000)
    says_all(ann, ("Hello?", "Are you there?"), session)
    desk.context.set_offline(False)
    expect(desk.band).to_contain_text("Caught up, 2 new", timeout=20_000)
    expect(desk.bubbles).to_have_text(["Where is my parcel?", "Hello?", "Are you there?"])


def test_who_looks_at_another_conversation_sees_what_comes_in_the_list_and_in_the_title(office, ann, bob):
    zoe = cast.customer("zoe")
    asked(ann, agent=bob)
    other = asked(zoe, "First", agent=bob)
    desk = office.console(bob)
    desk.open("Zoe")
    expect(desk.row("Zoe").locator(".badge")).to_be_empty()
    desk.open("Ann")
    expect(desk.page).to_have_title("Support")
    says_all(zoe, ["Second"], other)
    expect(desk.row("Zoe")).to_contain_text("Second")
    expect(desk.row("Zoe").locator(".badge")).to_have_text("1")
    expect(desk.page).to_have_title("(1) Support")
    desk.open("Zoe")
    expect(desk.page).to_have_title("Support")
    expect(desk.page.locator(".log .new + .message")).to_contain_text("Second")


def test_what_was_not_sent_says_why_and_is_sent_again(office, ann, bob):
    session = asked(ann, agent=bob)
    desk = office.console(bob).open("Ann")
    Session.objects.filter(pk=session.pk).update(status=Session.Status.CLOSED)  # which the console is not told of
    desk.write("Too late?")
    expect(desk.page.locator(".message.mine")).to_contain_text("This session is closed.")
    Session.objects.filter(pk=session.pk).update(status=Session.Status.OPEN)
    desk.page.get_by_role("button", name="Try again").click()
    expect(desk.page.locator(".message.mine .state").last).to_have_text("Sent")
    assert [each.text for each in session.messages.filter(sender=bob)] == ["Too late?"]


@pytest.mark.parametrize("again", ["the same", "another"])
def test_a_login_that_ends_keeps_what_was_being_typed_for_the_same_person_only(office, api, ann, bob, alice, again):
    session = asked(ann, agent=bob)
    desk = office.console(bob).open("Ann")
    field = desk.page.get_by_role("textbox", name="Write an answer")
    field.fill("Half a sent")
    assert api(bob).post("/api/v1/logout").status_code == 204
    expect(desk.over).to_contain_text("what you were typing is still here", timeout=10_000)
    desk.press("Escape", "Escape", "Escape")
    expect(desk.over).to_be_visible()
    if again == "another":
        desk.fill_in(alice)
        expect(desk.page.locator(".own")).to_contain_text("Alice")
        desk.connected()
        expect(desk.page.get_by_text("Choose a conversation.")).to_be_visible()
        expect(desk.row("Ann")).to_have_count(0)
        return
    desk.fill_in(bob)
    expect(desk.over).to_be_hidden()
    desk.connected()
    expect(field).to_have_value("Half a sent")
    field.press("End")
    desk.type("ence")
    desk.press("Enter")
    expect(desk.page.locator(".message.mine .state").last).to_have_text("Sent")
    assert session.messages.latest("order").text == "Half a sentence"
    # And drafts are there after a reload, too.
    field.fill("Later")
    desk.page.reload()
    expect(field).to_have_value("Later", timeout=15_000)


def test_two_agents_in_two_tabs_of_one_browser_stay_themselves(office, bob, alice):
    bobs = office.console(bob)
    second = office.console(beside=bobs).connected()
    expect(second.page.locator(".own")).to_contain_text("Bob")  # a new tab does not ask again
    second.page.locator(".own").click()
    second.page.get_by_role("menuitem", name="Log in as somebody else").click()
    second.enter(alice)
    for tab, name in ((bobs, "Bob"), (second, "Alice")):
        tab.page.reload()
        expect(tab.connected().page.locator(".own")).to_contain_text(name)


def test_customers_and_members_are_told_that_this_is_not_for_them(office, bob, mia):
    desk = office.console()
    desk.fill_in(mia)
    expect(desk.page.get_by_role("alert")).to_contain_text("This page is for support agents")
    desk.page.reload()
    expect(desk.page.get_by_role("button", name="Log in")).to_be_visible()  # nothing of it was kept
    for _ in range(5):
        with desk.page.expect_response("**/api/v1/public/login"):
            desk.fill_in(bob, "wrong")
    expect(desk.page.get_by_role("alert")).to_have_text(re.compile(r"Too many attempts\. Try again at \d\d:\d\d\."))
