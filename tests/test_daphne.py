"""What Daphne does as we run it, before a small ASGI application: a socket in step with its peer, and a queue for a crowd."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.servers.raw import RawSocket, frame
from tests.servers.waiting import until
from tests.servers.workers import Site, runserver

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
ENV = {"DJANGO_SETTINGS_MODULE": "tests.servers.bare", "DATABASE_URL": "", "WS_HEARTBEAT_INTERVAL": "0.5"}
MIB = 1 << 20


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with runserver("--noreload", log=tmp_path_factory.mktemp("daphne") / "log", env=ENV) as running:
        yield running
        assert "Traceback" not in running.log


@pytest.fixture
def raw(site: Site) -> Iterator[RawSocket]:
    with RawSocket(site.port) as client:
        assert " 101 " in client.shake_hands()
        yield client


def memory(site: Site) -> int:
    return int(psutil.Process(site.pid).memory_info().rss)


def next_of(client: RawSocket, opcode: int) -> bytes:
    while True:
        found, payload = client.receive()
        if found == opcode:
            return payload


def test_what_is_sent_to_a_peer_that_does_not_read_waits_in_the_application(site: Site) -> None:
    with RawSocket(site.port, "/slow", receive_buffer=4096) as stalled, RawSocket(site.port) as neighbour:
        stalled.shake_hands()
        neighbour.shake_hands()
        before = memory(site)
        for number in range(200):  # an application that goes on sending would have the loop to itself
            neighbour.send(TEXT, b"%d" % number)
            assert next_of(neighbour, TEXT) == b"%d" % number
        assert memory(site) - before < 4 * MIB
        for _ in range(100):  # and it goes on when the peer does
            assert len(next_of(stalled, TEXT)) == 65536


def test_a_peer_that_reads_nothing_cannot_make_it_keep_pongs(site: Site) -> None:
    flood = frame(PING, b"x" * 120) * 300_000
    with RawSocket(site.port, receive_buffer=4096) as peer:
        peer.shake_hands()
        before = memory(site)
        taken = peer.flood(flood)
        assert taken < len(flood)
        assert memory(site) - before < 4 * MIB


def test_frames_are_read_no_faster_than_the_application_takes_them(site: Site) -> None:
    # Its answers cannot be sent, so it takes no more.
    one = frame(TEXT, b"x" * 1_000)
    flood = one * 60_000
    with RawSocket(site.port, receive_buffer=4096) as peer:
        peer.shake_hands()
        before = memory(site)
        taken = peer.flood(flood)
        assert taken < len(flood)
        assert memory(site) - before < 8 * MIB
        with ThreadPoolExecutor() as pool:
            count = -(-taken // len(one))  # the last of which may have been cut
            rest = pool.submit(peer.sock.sendall, flood[taken : count * len(one)])
            for _ in range(count):
                assert next_of(peer, TEXT) == b"x" * 1_000
            rest.result()


def test_leaving_sends_the_last_frame_and_the_code(raw: RawSocket) -> None:
    raw.send(TEXT, b"leave")
    assert next_of(raw, TEXT) == b"the last"
    assert next_of(raw, CLOSE) == (4203).to_bytes(2)
    raw.send(CLOSE, (4203).to_bytes(2))
    with pytest.raises((EOFError, ConnectionError)):
        raw.receive()


def test_a_peer_that_does_not_hang_up_is_dropped(raw: RawSocket) -> None:
    raw.send(TEXT, b"leave")
    began = time.monotonic()
    with pytest.raises((EOFError, ConnectionError)):
        next_of(raw, PONG)
    assert time.monotonic() - began < 6


def test_who_breaks_the_protocol_is_told_how(site: Site) -> None:
    for payload, code in ((b"\xff\xfe", 1007), (b"x" * (MIB + 1), 1009)):
        with RawSocket(site.port) as client, ThreadPoolExecutor() as pool:
            client.shake_hands()
            sending = pool.submit(client.send, TEXT, payload)
            assert next_of(client, CLOSE)[:2] == code.to_bytes(2)
            sending.exception()


def test_abort_does_not_wait_for_anything(raw: RawSocket) -> None:
    raw.send(TEXT, b"abort")
    with pytest.raises((EOFError, ConnectionError)):
        next_of(raw, CLOSE)


def test_the_application_sees_the_pong_to_its_own_ping(raw: RawSocket) -> None:
    raw.send(TEXT, b"ping me")
    while (payload := next_of(raw, PING)) != b"payload":
        raw.send(PONG, payload)
    raw.send(PONG, payload)
    raw.send(TEXT, b"pong")
    assert json.loads(next_of(raw, TEXT)) == ["payload"]


def test_a_peer_that_vanishes_while_it_does_not_read_leaves_nothing_behind(site: Site) -> None:
    def connected() -> bool:
        return any(each.raddr and each.raddr.port == port for each in psutil.Process(site.pid).net_connections(kind="tcp"))

    with RawSocket(site.port, "/slow", receive_buffer=4096) as stalled:
        stalled.shake_hands()
        port = stalled.sock.getsockname()[1]
        assert connected()
    until(lambda: not connected(), what="its connection is closed")


def test_a_crowd_that_comes_while_it_is_busy_finds_a_place_in_the_queue(site: Site) -> None:
    os.kill(site.pid, signal.SIGSTOP)
    try:
        crowd = [socket.create_connection(("127.0.0.1", site.port), timeout=5) for _ in range(500)]
    finally:
        os.kill(site.pid, signal.SIGCONT)
    for client in crowd:
        client.close()
    with RawSocket(site.port) as client:
        assert " 101 " in client.shake_hands()
