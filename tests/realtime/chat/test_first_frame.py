"""What is told while a socket opens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import uuid4

import pytest

from accounts.groups import publish, user_group
from accounts.models import User
from notifications.wire import encode
from realtime.chat.events import SUPPORT
from realtime.presence.events import Typing, TypingData
from tests.realtime.chat.conftest import CHAT, Open


@pytest.mark.parametrize("new", [True, False])
def test_nothing_precedes_connected_however_much_is_told_meanwhile(opened: Open, ann: User, bob: User, new: bool) -> None:
    ends = Event()
    frame = encode(Typing(data=TypingData(user_id=ann.pk, is_typing=True, context=str(uuid4()))))
    tells = [(user_group(bob.pk), {"type": "aside", "topic": SUPPORT, "frame": frame})]

    def tell() -> None:
        while not ends.is_set():
            publish(tells)

    with ThreadPoolExecutor(1) as pool:
        telling = pool.submit(tell)
        try:
            for _ in range(20):
                desk = opened(bob, CHAT, new=new)
                assert desk.until("typing")
                assert desk.frames[0]["type"] == "connected"
                desk.close()
        finally:
            ends.set()
        telling.result()
