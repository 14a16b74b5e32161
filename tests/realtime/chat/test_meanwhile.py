"""What happens in the very moment in which a session changes hands, or the queue its order."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from realtime.chat import queue, services
from tests.realtime.chat.conftest import CHAT, Open
from tests.realtime.chat.floor import asks, at_once, closes, new_question, stream
from tests.servers.waiting import until


@pytest.mark.parametrize("change", ["claimed", "transferred"])
def test_what_a_customer_writes_while_its_session_is_given_to_an_agent_reaches_that_agent(ann: User, bob: User, alice: User, change: str) -> None:
    session = asks(ann, "One")
    if change == "transferred":
        services.claim(agent=alice, session_id=session.public_id)
    writing = threading.Thread(target=at_once, args=[partial(asks, ann, "Two")])
    with transaction.atomic():
        if change == "claimed":
            services.claim(agent=bob, session_id=session.public_id)
        else:
            services.transfer(by=alice, session_id=session.public_id, to_user_id=bob.pk)
        writing.start()
        if connection.vendor == "postgresql":
            until(somebody_waits, what="the customer's message waits for the session")
    writing.join()
    said = [frame["message"]["text"] for frame in stream(bob, ["message"]) if frame["message"]["senderType"] == "CUSTOMER"]
    assert said == ["One", "Two"]
    assert "Two" not in [frame["message"]["text"] for frame in stream(alice, ["message"])]


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_of_two_who_tell_the_queue_the_slower_does_not_have_the_last_word(opened: Open, monkeypatch: pytest.MonkeyPatch, ann: User) -> None:
    before = new_question("bert")
    line = opened(ann, CHAT, new=True)
    asks(ann)
    line.until(lambda frame: frame["type"] == "queue" and frame["data"]["position"] == 2)
    publish = queue.publish

    def publish_late(messages: Iterable[Any]) -> int:
        """What was to be told until the queue has changed again, and that has been told."""
        messages = list(messages)
        monkeypatch.setattr(queue, "publish", publish)
        closes(before.customer, before)
        return publish(messages)

    monkeypatch.setattr(queue, "publish", publish_late)
    queue.tell()
    told = [(frame["data"]["position"], frame["data"]["waiting"]) for frame in line.sync() if frame["type"] == "queue"]
    assert told[-1] == (1, 1)
