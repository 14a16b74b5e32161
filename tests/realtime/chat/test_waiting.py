"""How many wait: told to those who may take them, so that a console needs no reload."""

from __future__ import annotations

from accounts.models import User
from tests.realtime.chat import floor
from tests.realtime.chat.conftest import CHAT, Open
from tests.sockets import Socket


def counts(socket: Socket) -> list[int]:
    return [frame["data"]["count"] for frame in socket.frames if frame["type"] == "waiting"]


def test_agents_and_staff_are_told_whenever_the_queue_changes_and_nobody_else_is(opened: Open, ann: User, admin: User, mia: User) -> None:
    bob = floor.agent(most=0)
    agent, office = opened(bob, CHAT, new=True), opened(admin, CHAT, new=True)
    others = [opened(ann, CHAT, new=True), opened(mia, CHAT, new=True), opened(bob, CHAT)]
    session = floor.asks(ann)
    for socket in (agent, office):
        assert socket.until("waiting")["data"] == {"count": 1}
    floor.closes(ann, session)
    for socket in (agent, office):
        assert socket.until("waiting")["data"] == {"count": 0}
    for socket in others:
        socket.sync()
        assert counts(socket) == []
