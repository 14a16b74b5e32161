"""A peer that talks too much is heard more slowly, then refused, then sent away. Times are a tenth of the real ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from accounts.models import User
from tests.servers.fleet import Servers
from tests.servers.raw import RawSocket, frame
from tests.servers.workers import Site
from tests.sockets import connect

BELL = "/api/ws/notifications"
TEXT, PING, PONG = 1, 9, 10
TENTH = {"WS_FRAME_RATE": "200", "WS_FRAME_PATIENCE": "1", "WS_HEARTBEAT_INTERVAL": "1"}


@pytest.fixture(scope="module")
def brisk(servers: Servers) -> Iterator[Site]:
    """A worker in which a second is a tenth of one."""
    with servers.serve(env=TENTH) as running:
        yield running


@pytest.fixture(scope="module")
def brisk_daphne(servers: Servers) -> Iterator[Site]:
    with servers.runserver(env=TENTH) as running:
        yield running


@pytest.fixture(params=["brisk", "brisk_daphne"])
def either(request: pytest.FixtureRequest) -> Site:
    running: Site = request.getfixturevalue(request.param)
    return running


def ping(number: int) -> str:
    return json.dumps({"type": "ping", "timestamp": number})


def test_some_hundred_frames_that_were_kept_for_a_return_come_through_whole(either: Site, mia: User, token: Callable[[User], str]) -> None:
    with connect(either.ws_url + BELL, token=token(mia)) as socket:
        socket.until("connected")
        began = time.monotonic()
        for number in range(250):
            socket.send(ping(number))
        pongs = socket.take(250, "pong")
        assert time.monotonic() - began > (250 - 60) / 200 - 0.1, "that is faster than it should be"
        assert [pong["client_timestamp"] for pong in pongs] == list(range(250))
        assert all(frame["type"] in ("connected", "heartbeat", "pong") for frame in socket.frames)


def test_who_never_stops_is_refused_for_a_while_and_then_sent_away(either: Site, mia: User, token: Callable[[User], str]) -> None:
    with connect(either.ws_url + BELL, token=token(mia), new=True, headers={"Accept-Language": "zh-CN"}) as socket:
        socket.until("connected")
        for number in range(1_000):
            socket.send(ping(number))
        assert socket.ended() == 4102
    answers = [frame for frame in socket.frames if frame["type"] in ("pong", "error")]
    refused = [frame for frame in answers if frame["type"] == "error"]
    assert len(answers) - len(refused) >= 60 + 200
    assert {(frame["error_code"], frame["message"]) for frame in refused} == {("RATE_LIMITED", "您发送得太快，请稍候。")}
    assert len(refused) == 61
    assert (refused[-1]["close_code"], refused[-1]["reconnect"], refused[-1]["retry_after_ms"]) == (4102, True, 1000)
    assert all("close_code" not in frame for frame in refused[:-1])


def test_after_a_rest_all_is_well_again(brisk: Site, mia: User, token: Callable[[User], str]) -> None:
    def sends(count: int) -> int:
        """How many of so many pings are refused."""
        for number in range(count):
            socket.send(ping(number))
        return sum(socket.until(lambda frame: frame["type"] in ("pong", "error"))["type"] == "error" for _ in range(count))

    with connect(brisk.ws_url + BELL, token=token(mia)) as socket:
        socket.until("connected")
        assert sends(60) == 0
        assert any(sends(50) for _ in range(20))
        socket.take(3, "heartbeat")  # two seconds, to make up for one
        assert sends(60) == 0


def test_what_a_slowed_peer_sends_stays_with_it(either: Site, mia: User, token: Callable[[User], str]) -> None:
    with RawSocket(either.port, f"{BELL}?token={token(mia)}") as peer:
        peer.shake_hands()
        big = frame(TEXT, json.dumps({"type": "ping", "timestamp": 1, "padding": "x" * 60_000}).encode())
        began, taken = time.monotonic(), 0
        peer.sock.settimeout(0.3)
        while time.monotonic() - began < 0.5:
            try:
                taken += peer.sock.send(big)
            except TimeoutError:
                pass
        # 60 frames at once, 200 a second, and what fits into the buffers of two kernels.
        assert taken < (60 + 200) * 61_000 + (16 << 20)


def test_who_is_heard_slowly_is_not_taken_for_silent(servers: Servers, mia: User, token: Callable[[User], str]) -> None:
    slow = {"WS_HEARTBEAT_INTERVAL": "0.4", "WS_FRAME_RATE": "10", "WS_FRAME_BURST": "10", "WS_FRAME_PATIENCE": "60"}
    with servers.serve(env=slow) as site, connect(site.ws_url + BELL, token=token(mia)) as socket:
        socket.until("connected")
        for number in range(50):
            socket.send(ping(number))
        assert [pong["client_timestamp"] for pong in socket.take(50, "pong")] == list(range(50))
