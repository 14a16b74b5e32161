"""A frame leaves at once while the peer takes what it is sent; what waits is bounded and in order."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.writer import Writer


class Server:
    """An ASGI server's `send`, whose peer takes frames only while `taking`."""

    def __init__(self):
        self.sent = []
        self.taking = asyncio.Event()
        self.taking.set()
        self.gone = False

    async def send(self, message):
        await self.taking.wait()
        if self.gone:
            raise OSError("the peer is gone")
        self.sent.append(message.get("text", message.get("code")))


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def writer(server):
    return writer_to(server)


def writer_to(server, *, frames=3, size=100):
    return Writer(server.send, frames=frames, size=size, full=lambda: server.sent.append("full"))


async def test_a_frame_has_left_when_write_returns(server, writer):
    writer.write("one")
    assert server.sent == ["one"]


async def test_frames_that_wait_leave_in_order_when_the_peer_reads_again(server, writer):
    server.taking.clear()
    for frame in ("one", "two", "three"):
        writer.write(frame)
    writer.close(1000)
    writer.write("after the close")
    assert server.sent == []
    server.taking.set()
    await writer.drained()
    assert server.sent == ["one", "two", "three", 1000]


async def test_after_a_backlog_frames_leave_at_once_again(server, writer):
    server.taking.clear()
    writer.write("one")
    server.taking.set()
    await writer.drained()
    writer.write("two")
    assert server.sent == ["one", "two"]


async def test_more_frames_than_may_wait_are_too_many(server, writer):
    server.taking.clear()
    for frame in "abcd":  # one is with the server, three wait
        writer.write(frame)
    assert server.sent == []
    writer.write("e")
    assert server.sent == ["full"]


async def test_more_bytes_than_may_wait_are_too_many_but_one_frame_may_have_any_size(server, writer):
    server.taking.clear()
    writer.write("with the server")
    writer.write("é" * 500)
    assert server.sent == []
    writer.write("x")
    assert server.sent == ["full"]


async def test_what_was_sent_makes_room_again(server):
    writer = writer_to(server, frames=100, size=10)
    for _ in range(5):
        server.taking.clear()
        writer.write("with the server")
        writer.write("12345")
        writer.write("67890")
        server.taking.set()
        await writer.drained()
    assert "full" not in server.sent
    assert len(server.sent) == 15


async def test_a_peer_that_is_gone_ends_the_writing_and_nothing_else(server, writer):
    server.taking.clear()
    writer.write("one")
    writer.write("two")
    server.gone = True
    server.taking.set()
    await writer.drained()
    writer.write("three")
    assert (server.sent, writer.closed) == ([], True)


async def test_a_peer_that_is_gone_is_no_error_of_who_writes(server, writer):
    server.gone = True
    writer.write("one")
    assert writer.closed


async def test_a_writer_that_is_stopped_lets_go_of_what_waits(server, writer):
    server.taking.clear()
    writer.write("one")
    writer.write("two")
    writer.stop()
    await writer.drained()
    server.taking.set()
    await asyncio.sleep(0)
    assert server.sent == []


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(["write", "block", "take", "turn"]), max_size=60))
async def test_whatever_the_peer_does_frames_come_in_order_and_whole(steps):
    server = Server()
    writer = writer_to(server, frames=1000, size=10**6)
    written = []
    for step in steps:
        if step == "write":
            written.append(str(len(written)))
            writer.write(written[-1])
        elif step == "block":
            server.taking.clear()
        elif step == "take":
            server.taking.set()
        else:
            await asyncio.sleep(0)
    server.taking.set()
    await writer.drained()
    assert server.sent == written
