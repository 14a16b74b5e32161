"""Who reads an event stream slowly, not at all, or says nothing for long."""

import ctypes
import socket
import struct
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from accounts.groups import publish
from notifications.services import notify
from tests.realtime.test_slow_readers import pushes
from tests.servers.waiting import until
from tests.streams import listen

SO_ATTACH_FILTER = 26  # Linux


@pytest.fixture
def stalled(server, eve, token):
    """A stream of eve's whose page does not read after its greeting."""
    with listen(server, token=token(eve), receive_buffer=4096) as stream:
        stream.until("connected")
        yield stream


def flooded(server, stream, user):
    """Tell it more than it takes, until the server gives it up."""
    said_before = server.log.count("SLOW_CONSUMER")
    publish(pushes(user, range(1, 151)))
    until(lambda: server.log.count("SLOW_CONSUMER") > said_before, what="the server gives it up")


def test_a_page_that_does_not_read_is_ended_between_two_events(server, stalled, eve):
    flooded(server, stalled, eve)
    stalled.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    told = [event for event in stalled.rest() if event.name == "notification"]
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    assert 0 < len(told) < 150


def test_nothing_is_left_of_a_page_that_never_reads(server, stalled, eve):
    mine = stalled.sock.getsockname()[1]

    def connected():
        return [each for pid in server.workers() for each in psutil.Process(pid).net_connections("tcp") if each.raddr and each.raddr.port == mine]

    assert connected()
    flooded(server, stalled, eve)
    until(lambda: not connected(), what="its connection is dropped", seconds=6)


def test_its_neighbours_hear_everything_meanwhile(server, stalled, eve, mia, token):
    with listen(server, token=token(eve)) as other_tab, listen(server, token=token(mia)) as neighbour:
        for stream in (other_tab, neighbour):
            stream.until("connected")
        for begin in range(1, 151, 10):  # at once it would be more than a healthy peer takes at once
            ten = range(begin, begin + 10)
            publish([push for pair in zip(pushes(eve, ten), pushes(mia, ten, "for mia"), strict=True) for push in pair])
            assert [event.seq for event in neighbour.take(10, "notification")] == list(ten)
            assert [event.seq for event in other_tab.take(10, "notification")] == list(ten)
        stalled.rest()


def test_who_reads_slowly_gets_a_long_repair_whole_and_is_not_ended(server, eve, token):
    for _ in range(150):
        notify(users=eve, type="system", title="…", message="y" * 4000)
    with listen(server, token=token(eve), query={"since": 0}, receive_buffer=4096) as stream:
        assert [event.seq for event in stream.take(150, "notification")] == list(range(1, 151))


def test_a_page_that_only_listens_is_not_taken_for_gone(server, mia, token):
    with listen(server, token=token(mia)) as stream:
        stream.take(4, "heartbeat")  # twice as long as a socket may be silent


def test_a_page_that_does_not_read_does_not_hold_up_a_worker_that_goes(servers, eve, token):
    patient = {"WS_BACKLOG_FRAMES": "10000", "WS_BACKLOG_BYTES": str(64 << 20)}
    with servers.serve(env=patient) as server, listen(server, token=token(eve), receive_buffer=4096) as stream:
        stream.until("connected")
        publish(pushes(eve, range(1, 151)))
        until(lambda: unsent(server, stream), what="the worker has more to send than it can")
        assert server.stop() == 0
        for complaint in ("SLOW_CONSUMER", "without completing response", "timeout graceful shutdown exceeded"):
            assert complaint not in server.log


def unsent(server, stream):
    """Whether the kernel of the server's side holds bytes back for this stream."""
    wanted = f"{stream.sock.getsockname()[1]:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(line[2].endswith(f":{wanted}") and int(line[4].split(":")[0], 16) > 0 for line in lines)


def vanish(stream):
    """Let the client's system drop all that comes, as when it has lost its network: nothing is acknowledged any more."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # a filter of one instruction: return 0
    stream.sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(drop_all)))


def test_a_page_that_has_lost_its_network_is_noticed(server, mia, token):
    with listen(server, token=token(mia)) as stream:
        stream.until("connected")
        before = server.log.count("PING_TIMEOUT")
        vanish(stream)
        until(lambda: server.log.count("PING_TIMEOUT") > before, what="it is taken for gone")


def test_who_has_lost_three_streams_with_the_network_is_let_in_with_the_next_tries(servers, mia, token):
    with servers.serve(workers=2, env={"WS_HEARTBEAT_INTERVAL": "120", "WS_PROBE_WAIT": "1"}) as server, ExitStack() as stack:
        for _ in range(3):
            stream = stack.enter_context(listen(server, token=token(mia)))
            stream.until("connected")
            vanish(stream)

        def let_in():
            with listen(server, token=token(mia)) as again:
                return again.opened()

        assert not let_in()
        until(let_in, what="one that has not acknowledged is taken away", seconds=5)
