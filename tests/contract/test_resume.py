"""A client that comes back gets what it has missed: exactly that, in order, once. Or is told that it cannot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from notifications import inbox, retention
from notifications.events import NotificationStateChanged, NotificationStateData
from notifications.models import Inbox
from notifications.services import notify
from notifications.wire import Durable
from tests.servers.workers import Site
from tests.sockets import Socket, connect

BELL = "/api/ws/notifications"
Open = Callable[..., Socket]


class Whisper(Durable, kw_only=True, tag="whisper"):
    """Something that a bell does not carry."""

    topic: ClassVar[str] = "support"


def tell(user: User, *words: str) -> None:
    for word in words:
        notify(users=user, type="system", title=word, message=word)


def whisper(user: User, times: int) -> None:
    with transaction.atomic():
        inbox.send([inbox.Delivery(recipients=[user.pk], event=Whisper()) for _ in range(times)])


@pytest.fixture
def bell(server: Site, token: Callable[[User], str]) -> Open:
    """`bell(mia, since=5)`: an open bell socket."""
    return lambda user, **query: connect(server.ws_url + BELL, token=token(user), query=query)


def test_a_client_that_missed_300_notifications_gets_exactly_those_in_order_and_once(bell: Open, mia: User) -> None:
    with bell(mia) as before:
        assert before.until("connected")["data"]["resumed"] is False
        tell(mia, "seen")
        seen = before.until("notification")["seq"]
    missed = [f"missed {number}" for number in range(300)]
    tell(mia, *missed)
    with bell(mia, since=seen) as after:
        connected = after.until("connected")["data"]
        assert (connected["resumed"], connected["seq"]) == (True, seen)
        tell(mia, "live")
        after.until(lambda frame: frame["type"] == "notification" and frame["data"]["title"] == "live")
        after.sync()
        arrived = [frame for frame in after.frames if frame["type"] == "notification"]
    assert [frame["data"]["title"] for frame in arrived] == [*missed, "live"]
    assert [frame["seq"] for frame in arrived] == list(range(seen + 1, seen + 302))


def test_who_resumes_while_others_are_still_sending_misses_nothing_and_gets_nothing_twice(bell: Open, mia: User) -> None:
    tell(mia, *(f"before {number}" for number in range(50)))
    with bell(mia, since=0) as first, bell(mia, since=25) as second:
        tell(mia, *(f"while {number}" for number in range(100)))
        for socket, begin in ((first, 0), (second, 25)):
            socket.until(lambda frame: frame.get("seq") == 150)
            socket.sync()
            assert [frame["seq"] for frame in socket.frames if frame["type"] == "notification"] == list(range(begin + 1, 151))


def test_a_live_socket_can_ask_to_be_sent_again_what_came_after_a_number(bell: Open, mia: User) -> None:
    tell(mia, "one", "two", "three")
    with bell(mia) as socket:
        assert socket.until("connected")["data"]["seq"] == 3
        for since in (1, "1", f"{socket.frames[0]['data']['epoch']}:1"):
            socket.send({"type": "resume", "since": since})
            connected = socket.until("connected")["data"]
            assert (connected["resumed"], connected["seq"]) == (True, 1)
            assert [frame["data"]["title"] for frame in socket.take(2, "notification")] == ["two", "three"]


def test_an_epoch_that_is_ours_is_resumed(bell: Open, mia: User) -> None:
    tell(mia, "one")
    with bell(mia) as socket:
        epoch = socket.until("connected")["data"]["epoch"]
    with bell(mia, since=f"{epoch}:0") as socket:
        assert socket.until("connected")["data"]["resumed"] is True
        assert socket.until("notification")["data"]["title"] == "one"


@pytest.mark.parametrize("since", ["3", "9007199254740991", "c0ffee:1", "c0ffee:0", ":1:1"])
def test_a_number_ahead_of_the_stream_or_of_another_epoch_is_not_resumed(bell: Open, mia: User, since: str) -> None:
    tell(mia, "one", "two")
    with bell(mia, since=since) as socket:
        connected = socket.until("connected")["data"]
        assert (connected["resumed"], connected["seq"]) == (False, 2)
        tell(mia, "three")
        assert socket.until("notification")["data"]["title"] == "three"
        assert [frame["type"] for frame in socket.frames].count("notification") == 1


def test_a_number_older_than_the_retention_is_not_resumed(bell: Open, mia: User) -> None:
    tell(mia, "one", "two")
    retention.prune(before=timezone.now() + timedelta(seconds=1))
    tell(mia, "three")
    for since, resumed, titles in ((1, False, []), (2, True, ["three"])):
        with bell(mia, since=since) as socket:
            connected = socket.until("connected")["data"]
            assert (connected["resumed"], connected["seq"]) == (resumed, since if resumed else 3)
            assert [frame["data"]["title"] for frame in socket.take(len(titles), "notification")] == titles
            assert socket.sync() == []
    assert Inbox.objects.get(user=mia).floor == 2


def test_a_bell_that_sat_through_1001_frames_of_another_topic_is_resumed(bell: Open, mia: User) -> None:
    tell(mia, "one")
    whisper(mia, 1001)
    tell(mia, "two")
    with bell(mia, since=1) as socket:
        assert socket.until("connected")["data"]["resumed"] is True
        frame = socket.until("notification")
        assert (frame["data"]["title"], frame["seq"]) == ("two", 1003)
        assert socket.sync() == []


def test_a_live_bell_is_not_told_of_another_topic_and_its_heartbeat_passes_over_it(bell: Open, mia: User) -> None:
    with bell(mia) as socket:
        socket.until("connected")
        whisper(mia, 1001)
        assert socket.until(lambda frame: frame["type"] == "heartbeat" and frame["data"]["seq"] == 1001)
        assert {frame["type"] for frame in socket.frames} == {"connected", "heartbeat"}


def test_who_is_a_thousand_frames_of_its_own_behind_is_resumed_and_who_is_one_more_is_not(bell: Open, mia: User) -> None:
    nothing_new = NotificationStateData(ids=[], status="read", unread_count=0)
    with transaction.atomic():
        inbox.send([inbox.Delivery(recipients=[mia.pk], event=NotificationStateChanged(data=nothing_new)) for _ in range(1001)])
    with bell(mia, since=0) as socket:
        assert socket.until("connected")["data"]["resumed"] is False
        assert socket.sync() == []
    with bell(mia, since=1) as socket:
        assert socket.until("connected")["data"]["resumed"] is True
        assert [frame["seq"] for frame in socket.take(1000, "notification_state")] == list(range(2, 1002))
        assert socket.sync() == []
