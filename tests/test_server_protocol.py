"""What our WebSocket protocol does on its own, before a small ASGI application."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.servers.raw import RawSocket, frame
from tests.servers.waiting import until
from tests.servers.workers import Site, runserver, serving

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
ENV = {"DJANGO_SETTINGS_MODULE": "tests.servers.bare", "DATABASE_URL": "", "WS_HEARTBEAT_INTERVAL": "0.5"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(workers=1, log=tmp_path_factory.mktemp("serve") / "log", env=ENV) as running:
        yield running


@pytest.fixture(scope="module")
def daphne(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with runserver("--noreload", log=tmp_path_factory.mktemp("daphne") / "log", env=ENV) as running:
        yield running


@pytest.fixture(params=["site", "daphne"])
def either(request: pytest.FixtureRequest) -> Site:
    return request.getfixturevalue(request.param)


@pytest.fixture
def raw(site: Site) -> Iterator[RawSocket]:
    with RawSocket(site.port) as client:
        assert " 101 " in client.shake_hands()
        yield client


def unexpected_tracebacks(site: Site) -> int:
    return site.log.count("Traceback") - site.log.count("RuntimeError: meant to happen")


def next_of(client: RawSocket, opcode: int) -> bytes:
    while True:
        found, payload = client.receive()
        if found == opcode:
            return payload


def test_a_refusal_by_http_brings_its_status_headers_and_body(either: Site) -> None:
    before = len(either.log)
    with pytest.raises(InvalidStatus) as refused, connect(f"{either.ws_url}/deny?token=secret-deny"):
        pass
    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["X-WebSocket-Error-Code"] == "TOKEN_EXPIRED"
    assert json.loads(response.body) == {"error_code": "TOKEN_EXPIRED"}
    assert "without" not in either.log[before:]


def test_a_refusal_without_a_response_is_403(either: Site) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{either.ws_url}/shut?token=secret-shut"):
        pass
    assert refused.value.response.status_code == 403


def test_no_log_line_holds_a_query_string(either: Site) -> None:
    with connect(f"{either.ws_url}/open?token=secret-open") as client:
        client.send("hello")
        assert client.recv() == "hello"
    httpx.get(f"{either.url}/page?token=secret-http", timeout=30)
    until(lambda: "/page" in either.log, what="it is logged")
    assert "secret" not in either.log


def test_a_close_without_a_code_is_answered_with_1000(raw: RawSocket) -> None:
    raw.send(CLOSE, b"")
    assert next_of(raw, CLOSE) == (1000).to_bytes(2)
    assert raw.rest_until_eof() == b""


def test_a_close_with_a_code_is_answered_with_that_code(raw: RawSocket) -> None:
    raw.send(CLOSE, (4999).to_bytes(2))
    assert next_of(raw, CLOSE)[:2] == (4999).to_bytes(2)


def test_text_that_is_not_utf8_closes_1007_and_logs_no_traceback(site: Site, raw: RawSocket) -> None:
    raw.send(TEXT, b"\xff\xfe")
    assert next_of(raw, CLOSE)[:2] == (1007).to_bytes(2)
    assert unexpected_tracebacks(site) == 0


def test_over_one_mebibyte_closes_1009_while_the_client_still_sends(site: Site, raw: RawSocket) -> None:
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(raw.send, TEXT, b"x" * (8 * 1024 * 1024))
        assert next_of(raw, CLOSE)[:2] == (1009).to_bytes(2)
        raw.sock.close()
        sending.exception()
    assert unexpected_tracebacks(site) == 0


def test_one_mebibyte_in_fragments_is_too_big_as_well(raw: RawSocket) -> None:
    raw.send(TEXT, b"x" * 600_000, fin=False)
    raw.send(0, b"", fin=False)
    raw.send(0, b"x" * 600_000)
    assert next_of(raw, CLOSE)[:2] == (1009).to_bytes(2)


def test_a_message_in_fragments_is_one_message(raw: RawSocket) -> None:
    raw.send(TEXT, "grü".encode()[:3], fin=False)
    raw.send(0, b"", fin=False)
    raw.send(0, "grü".encode()[3:] + "ß".encode())
    assert next_of(raw, TEXT).decode() == "grüß"


def test_frames_are_not_compressed(site: Site) -> None:
    with RawSocket(site.port, headers="Sec-WebSocket-Extensions: permessage-deflate\r\n") as client:
        assert "extensions" not in client.shake_hands().lower()


def test_the_server_pings_each_heartbeat_and_keeps_a_silent_peer(raw: RawSocket) -> None:
    payloads = {next_of(raw, PING) for _ in range(3)}
    assert len(payloads) == 3
    raw.send(TEXT, b"still here")
    assert next_of(raw, TEXT) == b"still here"


def test_any_byte_counts_as_heard(raw: RawSocket) -> None:
    next_of(raw, PING)
    next_of(raw, PING)
    raw.send(PONG, b"unasked")
    raw.send(TEXT, b"heard")
    assert float(next_of(raw, TEXT)) < 0.25


def test_the_application_sees_the_pong_to_its_own_ping(raw: RawSocket) -> None:
    raw.send(TEXT, b"ping me")
    while (payload := next_of(raw, PING)) != b"payload":
        raw.send(PONG, payload)
    raw.send(PONG, payload)
    raw.send(TEXT, b"pong")
    assert "payload" in json.loads(next_of(raw, TEXT))


def test_a_peer_that_reads_nothing_cannot_make_the_worker_keep_its_pongs(site: Site) -> None:
    [worker] = site.workers()
    ping = frame(PING, b"x" * 120)
    flood = ping * 300_000
    with RawSocket(site.port, receive_buffer=4096) as peer:
        peer.shake_hands()
        before = psutil.Process(worker).memory_info().rss
        taken = peer.flood(flood)
        grown = psutil.Process(worker).memory_info().rss - before
        assert taken < len(flood), f"the worker listens on, and keeps {grown >> 20} MiB"
        assert grown < 4 << 20
        pings = -(-taken // len(ping))
        with ThreadPoolExecutor() as pool:  # which sends while the pongs are read here
            rest = pool.submit(lambda: (peer.sock.sendall(flood[taken : pings * len(ping)]), peer.send(TEXT, b"now I read")))
            assert {next_of(peer, PONG) for _ in range(pings)} == {b"x" * 120}
            assert next_of(peer, TEXT) == b"now I read"
            rest.result()


def test_abort_does_not_wait_for_anything(raw: RawSocket) -> None:
    raw.send(TEXT, b"abort")
    with pytest.raises((EOFError, ConnectionError)):
        next_of(raw, CLOSE)


def test_leaving_sends_the_last_frame_and_the_code(raw: RawSocket) -> None:
    raw.send(TEXT, b"leave")
    assert next_of(raw, TEXT) == b"the last"
    assert next_of(raw, CLOSE) == (4203).to_bytes(2)
    raw.send(CLOSE, (4203).to_bytes(2))
    assert raw.rest_until_eof() == b""


def test_a_peer_that_does_not_hang_up_is_dropped(raw: RawSocket) -> None:
    raw.send(TEXT, b"leave")
    began = time.monotonic()
    with pytest.raises((EOFError, ConnectionError)):
        next_of(raw, PONG)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("path", ["/caf\xe9", "/?" + "x" * 9000], ids=["not ASCII", "too long"])
def test_a_handshake_that_is_not_understood_is_answered(site: Site, path: str) -> None:
    with RawSocket(site.port, path) as client:
        assert client.shake_hands().startswith("HTTP/1.1 400")
    assert unexpected_tracebacks(site) == 0


def test_a_crash_closes_1011_and_the_neighbours_live_on(site: Site) -> None:
    crashes = site.log.count("RuntimeError: meant to happen")
    with connect(site.ws_url) as neighbour:
        with connect(f"{site.ws_url}/crash") as client, pytest.raises(ConnectionClosed) as closed:
            client.recv()
        neighbour.send("alive")
        assert neighbour.recv() == "alive"
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    assert site.log.count("RuntimeError: meant to happen") == crashes + 1


def test_an_application_that_forgets_to_answer_is_500(site: Site) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{site.ws_url}/forget"):
        pass
    assert refused.value.response.status_code == 500


def test_a_port_of_ours_refuses_nobody_for_their_number(site: Site) -> None:
    clients = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(300)]
    try:
        assert httpx.get(site.url, timeout=30).status_code == 200
    finally:
        for client in clients:
            client.close()


# The drain


@pytest.fixture
def leaving(tmp_path: Path) -> Iterator[Site]:
    """A server that says goodbye to all its sockets at once, when it is told to end."""
    with serving(workers=1, log=tmp_path / "log", env={**ENV, "DRAIN_SPREAD": "0", "VAR_DIR": str(tmp_path / "var")}) as running:
        yield running


def test_a_handshake_under_way_is_answered_by_the_application_and_then_told_goodbye(leaving: Site) -> None:
    with RawSocket(leaving.port, "/late") as client:
        httpx.get(leaving.url, timeout=30)  # so the handshake, which came before, is under way
        leaving.process.terminate()
        assert " 101 " in client.shake_hands()
        assert json.loads(next_of(client, TEXT))["close_code"] == 1012
        assert next_of(client, CLOSE) == (1012).to_bytes(2)


def test_a_peer_that_sent_pings_and_read_nothing_is_told_goodbye_when_it_reads(leaving: Site) -> None:
    with RawSocket(leaving.port, receive_buffer=4096) as peer:
        peer.shake_hands()
        peer.flood(frame(PING, b"x" * 120) * 300_000)
        leaving.process.terminate()
        until(lambda: "Shutting down" in leaving.log, what="it drains")
        assert next_of(peer, CLOSE) == (1012).to_bytes(2)
