"""What a push did not bring is brought by the next one, or by the next heartbeat."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from functools import partial

import pytest

from notifications.services import notify
from tests.servers.raw import RawSocket
from tests.servers.redis import PrivateRedis
from tests.servers.workers import CHECKOUT, surroundings
from tests.sockets import connect

NOWHERE = "unix:///nowhere/redis.sock"
BELL = "/api/ws/notifications"
TEXT, CLOSE = 1, 8
tell = partial(notify, type="system", message="…")


@contextmanager
def ready_to_tell(redis_url, user, title):
    """A process that has that Redis and tells somebody something as soon as it is called."""
    code = f"from notifications.services import notify; input('ready'); notify(users={user.pk}, type='system', title={title!r}, message='…')"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    env = {**os.environ, **surroundings(), "REDIS_URL": redis_url}
    with subprocess.Popen(command, cwd=CHECKOUT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.read(5) == b"ready"
        yield lambda: process.communicate(b"\n")
    assert process.returncode == 0


def tell_by(redis_url, user, title):
    """Tell somebody something from a process that has that Redis."""
    with ready_to_tell(redis_url, user, title) as tell_now:
        tell_now()


def tell_without_redis(user, title):
    """It commits, and nobody is pushed to."""
    tell_by(NOWHERE, user, title)


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


@pytest.fixture
def seldom(servers, mia, token, tmp_path):
    """A socket whose next heartbeat is far away, the Redis of its server, and a way to tell it something through that Redis."""
    env = {"WS_HEARTBEAT_INTERVAL": "120"}
    with (
        PrivateRedis(tmp_path) as redis,
        servers.serve(env={**env, "REDIS_URL": redis.url}) as server,
        connect(server.ws_url + BELL, token=token(mia), new=True) as socket,
    ):
        socket.until("connected")
        tell_by(redis.url, mia, "first")
        assert titles([socket.until("notification")]) == ["first"]
        yield socket, redis, partial(tell_by, redis.url, mia)


def test_what_was_said_while_redis_was_away_comes_when_it_returns_and_does_not_wait_for_a_heartbeat(seldom, mia):
    socket, redis, tell_through_redis = seldom
    redis.kill()
    for title in ("second", "third"):
        tell_without_redis(mia, title)
    redis.start()
    assert titles(socket.take(2, "notification")) == ["second", "third"]
    tell_through_redis("fourth")
    assert titles([socket.until("notification")]) == ["fourth"]


def test_what_somebody_could_not_publish_just_after_redis_returned_comes_too(seldom, mia):
    socket, redis, _ = seldom
    redis.kill()
    tell_without_redis(mia, "while it was away")
    with ready_to_tell(NOWHERE, mia, "by one who left it alone") as tell_now:
        redis.start()
        assert titles([socket.until("notification")]) == ["while it was away"]
        tell_now()
    assert titles([socket.until("notification")]) == ["by one who left it alone"]


def test_a_frozen_redis_is_noticed_and_what_it_kept_back_comes_when_it_wakes(seldom, mia):
    socket, redis, tell_through_redis = seldom
    redis.freeze()
    try:
        tell_without_redis(mia, "while it slept")
        socket.sync()
    finally:
        redis.thaw()
    tell_through_redis("after")
    assert titles(socket.take(2, "notification")) == ["while it slept", "after"]


def test_a_peer_that_falls_silent_is_closed_with_4201(server, mia, token):
    with RawSocket(server.port, f"{BELL}?token={token(mia)}") as peer:
        peer.shake_hands()
        frames = []
        while (frame := peer.receive())[0] != CLOSE:
            frames.append(frame)  # pings among them, which it does not answer
        last = json.loads(next(payload for opcode, payload in reversed(frames) if opcode == TEXT))
    assert (last["error_code"], last["close_code"], last["reconnect"]) == ("PING_TIMEOUT", 4201, True)
    assert int.from_bytes(frame[1][:2]) == 4201
