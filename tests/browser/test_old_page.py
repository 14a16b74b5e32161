"""The customer service's old page, by hand: nothing but what a browser's console has, WebSocket and fetch."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from accounts.models import User
from realtime.chat.models import Message
from tests.browser.tab import OURS
from tests.realtime.chat.desk import says, served
from tests.servers.waiting import until
from tests.servers.workers import Site

OPEN = """
(token) => {
  window.frames_ = [];
  window.codes = window.codes ?? [];
  window.socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws/chat?token=${token}`);
  socket.onmessage = ({ data }) => frames_.push(JSON.parse(data));
  socket.onclose = ({ code }) => codes.push(code);
}
"""
TOKEN = """
async (customerId) => {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("/api/v1/customers/token", { method: "POST", headers, body: JSON.stringify({ customerId, channel: "WEB" }) });
  return (await response.json()).token;
}
"""


def test_an_expired_token_a_new_one_and_then_what_was_missed(server: Site, page: Page, ann: User, bob: User, expired: Callable[[User], str]) -> None:
    session = served(ann, bob)
    says(ann, "Is it in stock?", session)
    says(bob, "It is.", session)
    says(bob, "Shall I put one aside?", session)

    page.goto(server.url + OURS)
    page.evaluate(OPEN, expired(ann))
    page.wait_for_function("codes.length === 1")
    assert page.evaluate("[codes, frames_]") == [[1006], []]

    token = page.evaluate(TOKEN, str(ann.customer.public_id))
    page.evaluate(OPEN, token)
    page.wait_for_function("frames_.some((frame) => frame.type === 'offline_messages_complete')")
    said = page.evaluate("frames_.filter((frame) => frame.type === 'offline_message').map(({ message }) => [message.senderType, message.text, message.isMine])")
    assert said == [["AGENT", "It is.", False], ["AGENT", "Shall I put one aside?", False]]
    assert page.evaluate("frames_.find((frame) => frame.type === 'offline_messages_complete').count") == 2

    page.evaluate("(sessionId) => socket.send(JSON.stringify({ type: 'message', sessionId, text: 'Yes, please.' }))", str(session.public_id))
    until(lambda: Message.objects.filter(session=session, text="Yes, please.").exists(), what="it is stored")
    page.evaluate("socket.close()")
    page.wait_for_function("codes.length === 2")
    page.evaluate(OPEN, token)
    page.wait_for_function("frames_.some((frame) => frame.type === 'offline_messages_complete')")
    assert page.evaluate("frames_.filter((frame) => frame.type === 'offline_message').length") == 0
