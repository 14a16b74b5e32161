"""What the console shows: found, counted, full, in all kinds of text, and with nothing in the way of those who do not see or point."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from realtime.chat.models import Message, Participant, Session
from tests import cast
from tests.realtime.chat.desk import says_all, served
from tests.realtime.chat.support import asked, say

MARKUP = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"
LONG = "x" * 3999 + "。"
ARABIC, CHINESE = "متى يصل طلبي؟", "我的订单什么时候发货？"


def long_conversation(session: Session, count: int) -> None:
    """So many messages, past everything that tells of them."""
    begin = timezone.now() - timedelta(days=3)
    sides = ((session.customer, Message.SenderType.CUSTOMER), (session.agent, Message.SenderType.AGENT))
    Message.objects.bulk_create(
        Message(
            session=session, order=nth, sender=sides[nth % 2][0], sender_type=sides[nth % 2][1], text=f"No. {nth}", created_at=begin + timedelta(minutes=nth)
        )
        for nth in range(1, count + 1)
    )
    Session.objects.filter(pk=session.pk).update(newest=count, answered_at=begin)
    Participant.objects.filter(session=session).update(read_up_to=count)


def test_all_kinds_of_text_appear_as_text(office, ann, bob):
    session = asked(ann, MARKUP, agent=bob)
    says_all(ann, (LONG, ARABIC, CHINESE, "👩‍👩‍👧"), session)
    desk = office.console(bob)
    title = desk.page.title()
    desk.open("Ann")
    expect(desk.bubbles).to_have_text([MARKUP, LONG, ARABIC, CHINESE, "👩‍👩‍👧"])
    assert desk.page.locator(".log img, .log b, .rows img").count() == 0
    assert "broken" not in title + desk.page.title()
    directions = desk.bubbles.evaluate_all("bubbles => bubbles.map(each => getComputedStyle(each).direction)")
    assert directions == ["ltr", "ltr", "rtl", "ltr", "ltr"]
    wider = desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0


def test_names_and_texts_are_found(office, bob):
    zoe, karl = cast.customer("zoe"), cast.customer("karl")
    asked(zoe, "About the kettle", agent=bob)
    session = served(karl, bob)
    long_conversation(session, 120)
    Message.objects.filter(session=session, order=20).update(text="It is a teapot")
    desk = office.console(bob)
    field = desk.page.get_by_role("searchbox")
    field.fill("zo")
    found = desk.page.locator(".found .rows button")
    expect(found).to_have_count(1)
    field.press("ArrowDown")
    expect(found).to_be_focused()
    desk.press("Enter")
    expect(desk.bubbles).to_have_text(["About the kettle"])
    field.fill("TEAPOT")
    expect(found.locator("mark")).to_have_text("teapot")
    found.click()
    # It stands far back, so what is before the newest is loaded.
    expect(desk.page.locator(".message.found")).to_contain_text("It is a teapot")
    expect(desk.page.locator(".message.found")).to_be_in_viewport()
    field.fill("nothing like it")
    expect(desk.page.get_by_text("Nothing found for “nothing like it”.")).to_be_visible()
    field.press("Escape")
    expect(desk.row("Zoe")).to_be_visible()


def test_a_hundred_sessions_and_a_thousand_messages_stay_quick_and_in_place(office, bob):
    sessions = [served(cast.customer(f"c{nth:03}"), bob) for nth in range(100)]
    long_conversation(sessions[50], 1000)
    desk = office.console(bob)
    expect(desk.list("Mine")).to_have_text("Mine100")
    expect(desk.row("C")).to_have_count(100)
    began = desk.page.evaluate("performance.now()")
    desk.open("C050")
    expect(desk.bubbles).to_have_count(50)
    expect(desk.bubbles.last).to_be_in_viewport()
    assert desk.page.evaluate("performance.now()") - began < 5000
    log, oldest = desk.log, desk.bubbles.first
    place = (
        "log => [...log.querySelectorAll('.bubble')].find(each => each.textContent === 'No. 951').getBoundingClientRect().top - log.getBoundingClientRect().top"
    )
    log.evaluate("log => { log.scrollTop = 0 }")
    expect(oldest).to_have_text("No. 901")
    assert abs(log.evaluate(place)) < 120  # what was at the top is still there, below it what came before
    for _ in range(30):
        if oldest.text_content() == "No. 1":
            break
        before = desk.bubbles.count()
        log.evaluate("log => { log.scrollTop = 0 }")
        desk.page.wait_for_function("count => document.querySelectorAll('.log .bubble').length > count", arg=before)
    expect(desk.bubbles).to_have_count(1000)
    expect(desk.page.get_by_text("The conversation begins here.")).to_be_attached()


def test_staff_sees_all_and_everybodys_figures_and_an_agent_its_own(office, ann, bob, alice, admin):
    session = asked(ann, agent=bob)
    say(bob, session, "Here I am.")
    office_desk, alices = office.console(admin), office.console(alice)
    expect(alices.list("All")).to_have_count(0)
    office_desk.list("All").click()
    office_desk.open("Ann")
    expect(office_desk.bubbles).to_have_text(["Where is my parcel?", "Here I am."])
    expect(office_desk.page.get_by_role("button", name="Answer", exact=True)).to_be_disabled()
    office_desk.write("Well done.")
    expect(office_desk.page.locator(".message.note")).to_contain_text("Well done.")
    figures = {}
    for desk in (office_desk, alices):
        desk.page.get_by_role("button", name="Figures").click()
        figures[desk] = desk.page.get_by_role("dialog")
    expect(figures[office_desk].get_by_role("img", name="Conversations per agent")).to_be_visible()
    figures[office_desk].get_by_text("As a table").last.click()
    expect(figures[office_desk].get_by_role("row").filter(has_text="Bob").first).to_be_visible()
    expect(figures[alices]).to_contain_text("There were no conversations in these days.")
    expect(figures[alices].get_by_text("Bob")).to_have_count(0)


def test_nothing_is_in_the_way_of_those_who_do_not_see_or_point(office, axe, ann, bob):
    session = asked(ann, "Hello\n" + ARABIC, agent=bob)
    say(bob, session, "Hello Ann")
    say(bob, session, "She is new here.", note=True)
    says_all(ann, ["Thank you"], session)
    for colours in ("light", "dark"):
        desk = office.console(color_scheme=colours)
        axe(desk.page)
        desk.enter(bob)
        desk.open("Ann")
        expect(desk.page.locator(".customer .facts")).to_be_visible()
        axe(desk.page)
        desk.press("s")
        axe(desk.page)
        desk.press("Escape", "?")
        axe(desk.page)
        desk.press("Escape")
        desk.page.get_by_role("button", name="Figures").click()
        expect(desk.page.get_by_role("img").first).to_be_visible()
        axe(desk.page)


def test_on_a_phone_there_is_one_column_and_a_way_back(office, ann, bob):
    asked(ann, agent=bob)
    desk = office.console(bob, viewport={"width": 360, "height": 740}, locale="zh-CN")
    desk.row("Ann").click()
    expect(desk.log).to_be_visible()
    expect(desk.row("Ann")).to_be_hidden()
    desk.page.get_by_role("button", name="客户资料").click()
    expect(desk.page.locator(".customer .facts")).to_be_visible()
    desk.press("Escape")
    desk.page.go_back()
    expect(desk.row("Ann")).to_be_visible()
    expect(desk.log).to_be_hidden()
    assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
