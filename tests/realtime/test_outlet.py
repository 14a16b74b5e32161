"""The way out to one socket, with the stream in the real database."""

import pytest
from asgiref.sync import sync_to_async

from notifications.services import notify
from realtime.outlet import Outlet

TOPIC = "notification"


class Peer:
    """What a socket is sent; `broken` makes the next frame fail in a way that nobody foresaw."""

    def __init__(self):
        self.frames = []
        self.broken = False

    def write(self, frame):
        if self.broken:
            self.broken = False
            raise ValueError("nobody foresaw this")
        self.frames.append(frame)


@pytest.fixture
def peer():
    return Peer()


@pytest.fixture
def outlet(mia, peer):
    async def lost():
        raise AssertionError("nothing was pruned")

    async def drained():
        pass

    return Outlet(user_id=mia.pk, topics=(TOPIC,), write=peer.write, drained=drained, heartbeat=lambda seq: f"beat {seq}", lost=lost)


async def settled(outlet):
    """Wait until no repair is under way."""
    await outlet.hold()


async def tell(user):
    await sync_to_async(notify)(users=user, type="system", title="…", message="…")


async def test_a_heartbeat_that_falls_into_an_opening_leaves_with_it_and_once(outlet, peer):
    outlet.beat(0)
    assert peer.frames == []
    outlet.begin(cursor=0, head=0)
    assert peer.frames == ["beat 0"]
    outlet.beat(0)
    assert peer.frames == ["beat 0", "beat 0"]


async def test_while_a_page_is_sent_the_cursor_stays_before_it(outlet, peer, mia):
    for _ in range(3):
        await tell(mia)
    seen = []
    write = outlet._write
    outlet._write = lambda frame: (seen.append(outlet.cursor), write(frame))
    outlet.begin(cursor=1, head=3)
    await settled(outlet)
    outlet.go_on()
    assert (len(peer.frames), seen, outlet.cursor) == (2, [1, 1], 3)


async def test_a_heartbeat_leaves_after_its_repair(outlet, peer, mia):
    outlet.begin(cursor=0, head=0)
    await tell(mia)
    outlet.beat(1)
    await settled(outlet)
    assert [frame[:6] for frame in peer.frames] == ['{"type', "beat 1"]


async def test_a_repair_that_fails_is_begun_again_by_the_next_push(outlet, peer, mia, caplog):
    outlet.begin(cursor=0, head=0)
    await tell(mia)
    await tell(mia)
    peer.broken = True
    outlet.push(2, TOPIC, "lost with its repair")
    await settled(outlet)
    assert "A repair failed" in caplog.text
    assert peer.frames == []
    outlet.begin(cursor=0, head=0)
    await tell(mia)
    outlet.push(3, TOPIC, "three")
    await settled(outlet)
    assert len(peer.frames) == 3


async def test_what_is_repeated_is_sent_at_once_if_it_was_sent_before_and_else_with_what_stands_before_it(outlet, peer, mia):
    for _ in range(3):
        await tell(mia)
    outlet.begin(cursor=1, head=1)
    outlet.repeat(1, "one again")
    assert peer.frames == ["one again"]
    outlet.repeat(3, "three again")
    assert peer.frames == ["one again"]
    await settled(outlet)
    assert ['"seq":2' in frame or '"seq":3' in frame for frame in peer.frames] == [False, True, True]
