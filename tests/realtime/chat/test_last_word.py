"""Two tell the queue at once: what is said last is true."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from accounts.models import User
from realtime.chat import queue
from tests.realtime.chat.conftest import CHAT, Open
from tests.realtime.chat.floor import asks, closes, new_question


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
