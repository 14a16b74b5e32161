"""What a push did not bring is brought by the next one, or by the next heartbeat."""

import json
import os
import subprocess
import sys
from functools import partial

import pytest

from notifications.services import notify
from tests.servers.raw import RawSocket
from tests.servers.redis import PrivateRedis
from tests.servers.workers import CHECKOUT, surroundings
from tests.sockets import connect

BELL = "/api/ws/notifications"
TEXT, CLOSE = 1, 8
tell = partial(notify, type="system", message="…")


def tell_by(redis_url, user, title):
    """Tell somebody something from a process that has that Redis."""
    code = f"from notifications.services import notify; notify(users={user.pk}, type='system', title={title!r}, message='…')"
    env = {**os.environ, **surroundings(), "REDIS_URL": redis_url}
    subprocess.run([sys.executable, "manage.py", "shell", "--no-imports", "-c", code], cwd=CHECKOUT, env=env, check=True, capture_output=True)


def tell_without_redis(user, title):
    """It commits, and nobody is pushed to."""
    tell_by("unix:///nowhere/redis.sock", user, title)


def titles(frames):
    return [frame["data"]["title"] for frame in frames]


@pytest.fixture
def bell(server, mia, token):
    with connect(server.ws_url + BELL, token=token(mia), new=True) as socket:
        socket.until("connected")
        yield socket


def test_a_lost_push_is_healed_by_the_next_one(bell, mia):
    tell_without_redis(mia, "lost")
    tell(users=mia, title="next")
    first, second = bell.take(2, "notification")
    assert titles([first, second]) == ["lost", "next"]
    assert second["seq"] == first["seq"] + 1


def test_a_lost_push_is_healed_by_the_next_heartbeat_which_leaves_after_it(bell, mia):
    tell_without_redis(mia, "lost")
    frame = bell.until("notification")
    assert frame["data"]["title"] == "lost"
    assert bell.until("heartbeat")["data"]["seq"] >= frame["seq"]
    assert [each["type"] for each in bell.frames if each["type"] == "notification"] == ["notification"]


def test_resume_sends_again_what_came_after_a_number(bell, mia):
    for number in range(3):
        tell(users=mia, title=str(number))
    first, *_ = bell.take(3, "notification")
    bell.send({"type": "resume", "since": first["seq"]})
    connected = bell.until("connected")["data"]
    assert (connected["resumed"], connected["seq"]) == (True, first["seq"])
    assert titles(bell.take(2, "notification")) == ["1", "2"]
    tell(users=mia, title="3")
    assert titles([bell.until("notification")]) == ["3"]


@pytest.mark.parametrize("since", [10**6, "another-epoch:0"])
def test_a_resume_that_the_stream_cannot_answer_goes_on_from_the_newest(bell, mia, since):
    tell(users=mia, title="old")
    seq = bell.until("notification")["seq"]
    bell.send({"type": "resume", "since": since})
    connected = bell.until("connected")["data"]
    assert (connected["resumed"], connected["seq"]) == (False, seq)
    tell(users=mia, title="new")
    assert titles([bell.until("notification")]) == ["new"]


def test_a_socket_opened_while_redis_is_away_is_served_from_the_inbox_and_then_by_pushes(servers, mia, token, tmp_path):
    with PrivateRedis(tmp_path) as redis, servers.serve(env={"REDIS_URL": redis.url}) as server:
        redis.kill()
        with connect(server.ws_url + BELL, token=token(mia), new=True) as socket:
            socket.until("connected")
            tell_without_redis(mia, "while it was away")
            assert titles([socket.until("notification")]) == ["while it was away"]
            redis.start()
            socket.until("heartbeat")
            socket.until("heartbeat")
            tell_by(redis.url, mia, "now it is back")
            assert titles([socket.until("notification", seconds=2)]) == ["now it is back"]


def test_a_peer_that_falls_silent_is_closed_with_4201(server, mia, token):
    with RawSocket(server.port, f"{BELL}?token={token(mia)}") as peer:
        peer.shake_hands()
        frames = []
        while (frame := peer.receive())[0] != CLOSE:
            frames.append(frame)  # pings among them, which it does not answer
        last = json.loads(next(payload for opcode, payload in reversed(frames) if opcode == TEXT))
    assert (last["error_code"], last["close_code"], last["reconnect"]) == ("PING_TIMEOUT", 4201, True)
    assert int.from_bytes(frame[1][:2]) == 4201
