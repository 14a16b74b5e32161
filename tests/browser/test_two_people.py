"""A customer on a shop's own site and an agent at the console: from the question to the rating, whatever goes wrong in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from accounts.models import User
from realtime.chat.models import Message, Session
from tests.browser.office import Console, Office
from tests.browser.shop import Shop, Visitor
from tests.realtime.chat.conftest import empty_the_floor
from tests.servers.waiting import until

PICTURES = Path("var/pictures/two-people")
BACK = 30_000  # ms: the longest pause between two attempts


@pytest.fixture
def desk(shop: Shop, browser: Browser) -> Iterator[Office]:
    """The console of the server whose chat the shop embeds."""
    empty_the_floor()
    made = Office(browser, shop.server)
    yield made
    assert made.close() == []


def said(session: Session, *, notes: bool) -> list[str]:
    """What people have said there, as the database has it."""
    everything = Message.objects.filter(session=session, said__isnull=True).order_by("order")
    return list((everything if notes else everything.filter(is_note=False)).values_list("text", flat=True))


def shown_to(person: Visitor | Console) -> list[str]:
    bubbles = person.chat.locator(".bubble") if isinstance(person, Visitor) else person.page.locator(".message:not(.system) .bubble")
    return bubbles.all_inner_texts()


def agree(session: Session, ann: Visitor, bob: Console, *, last: str) -> None:
    """Both sides show what the database has, in its order, and nothing twice."""
    expect(ann.chat.locator(".bubble").last).to_have_text(last, timeout=BACK)
    expect(bob.page.locator(".message:not(.system) .bubble").last).to_have_text(last, timeout=BACK)
    assert shown_to(ann) == said(session, notes=False)
    assert shown_to(bob) == said(session, notes=True)


def picture(ann: Visitor, bob: Console, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    ann.page.screenshot(path=PICTURES / f"{name}-customer.png")
    bob.page.screenshot(path=PICTURES / f"{name}-agent.png")


def kill_all_workers(shop: Shop) -> None:
    for worker in shop.workers():
        os.kill(worker, signal.SIGKILL)


def test_the_whole_story_with_the_line_cut_workers_killed_and_both_pages_reloaded(visit, desk: Office, shop: Shop, bob: User) -> None:
    ann = visit()
    ann.open()
    refused = ann.frame.evaluate("() => { try { return localStorage.length } catch (error) { return error.name } }")
    assert refused == "SecurityError"  # frames of other sites may keep nothing here

    ann.say("Where is my parcel?")
    expect(ann.chat.locator(".waiting")).to_be_visible()
    agent = desk.console(bob)
    session = Session.objects.get(customer=ann.kept()["userId"])
    name = f"Visitor {session.customer_id}"
    agent.open(name)
    expect(ann.chat.get_by_role("heading", name="Bob")).to_be_visible(timeout=BACK)
    expect(ann.chat.locator(".how")).to_have_text("Online")
    agent.write("I am looking.")
    agree(session, ann, agent, last="I am looking.")

    # Each sees the other type, and then the line of both is cut.
    ann.field.press_sequentially("It is")
    expect(agent.page.locator(".typing")).to_be_visible()
    answer = agent.page.get_by_role("textbox", name="Write")
    answer.press_sequentially("On its")
    expect(ann.chat.get_by_text("Bob is typing")).to_be_attached()
    ann.context.set_offline(True)
    agent.context.set_offline(True)
    kill_all_workers(shop)
    expect(agent.band).not_to_be_empty()
    ann.field.press_sequentially(" urgent.")
    answer.press_sequentially(" way.")
    agent.press("Enter")
    expect(agent.page.locator(".message").last).to_contain_text("Sending")
    expect(ann.field).to_have_value("It is urgent.")
    picture(ann, agent, "cut")
    ann.context.set_offline(False)
    agent.context.set_offline(False)
    expect(ann.chat.locator(".bubble").last).to_have_text("On its way.", timeout=BACK)
    ann.say("It is urgent.")
    agree(session, ann, agent, last="It is urgent.")

    # The workers are killed while both write, and neither notices more than a moment's wait.
    kill_all_workers(shop)
    agent.write("It comes today.")
    agree(session, ann, agent, last="It comes today.")
    agent.press("Escape", "n")
    agent.type("Told the driver.")
    agent.press("Enter")
    expect(agent.page.locator(".message.note .bubble")).to_have_text("Told the driver.")

    agent.page.reload()
    ann.page.reload()
    agent.connected()
    agent.open(name)
    ann.open()
    ann.say("Thank you, 谢谢, شكرا 👋")
    agree(session, ann, agent, last="Thank you, 谢谢, شكرا 👋")
    assert said(session, notes=True) == [
        "Where is my parcel?",
        "I am looking.",
        "On its way.",
        "It is urgent.",
        "It comes today.",
        "Told the driver.",
        "Thank you, 谢谢, شكرا 👋",
    ]
    picture(ann, agent, "told")

    agent.press("Escape", "e")
    expect(ann.chat.get_by_text("How was it?")).to_be_visible(timeout=BACK)
    ann.chat.get_by_role("radio", name="Great").check()
    ann.chat.get_by_role("textbox", name="Anything to add?").fill("Quick.")
    ann.chat.locator(".rating").get_by_role("button", name="Send").click()
    expect(ann.chat.get_by_text("Thank you.")).to_be_visible()
    until(lambda: Session.objects.get(pk=session.pk).rating == 5, what="it is rated")
    picture(ann, agent, "rated")


def test_an_answer_is_read_out_once_where_the_customer_listens(visit, claim, api, bob: User) -> None:
    ann = visit()
    ann.open()
    ann.say("Where is my parcel?")
    path = claim(ann, bob)
    expect(ann.chat.get_by_text("Bob is here.")).to_be_visible()
    log = ann.chat.get_by_role("log")
    before = log.aria_snapshot()
    tree = ann.context.new_cdp_session(ann.frame)
    assert api(bob).post(f"{path}/messages", {"text": "It is on its way."}).status_code == 201
    expect(log).to_contain_text("It is on its way.")
    after = log.aria_snapshot()
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / "answer.txt").write_text(f"Before\n\n{before}\n\nAfter\n\n{after}\n")
    assert "It is on its way." not in before
    assert after.count("It is on its way.") == 1
    # Only the log is live, and it has the focus nowhere: what is being typed goes on.
    nodes = tree.send("Accessibility.getFullAXTree")["nodes"]
    saying = [node for node in nodes if "It is on its way." in str(node.get("name", {}).get("value", "")) and node["role"]["value"] == "StaticText"]
    assert len(saying) == 1
    live = {node["role"]["value"]: each["value"]["value"] for node in nodes for each in node.get("properties", []) if each["name"] == "live"}
    assert live.get("log") == "polite"
    expect(ann.field).to_be_focused()
