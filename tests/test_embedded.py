"""The private Redis."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from config import embedded
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, alive

STARTER = """
import sys, time
from config import embedded
print(embedded.start(sys.argv[1]).pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def var() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="switchboard-test-") as folder:
        yield Path(folder)


def set_and_get(url: str, value: str) -> str | None:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        client.set("key", value)
        return client.get("key")


def test_it_answers_where_the_address_says(var: Path) -> None:
    with embedded.running_redis(var / "with space"):
        assert set_and_get(embedded.redis_url(var / "with space"), "here") == "here"


def test_the_address_alone_touches_nothing(var: Path) -> None:
    embedded.redis_url(var / "later")
    assert not (var / "later").exists()


def test_a_second_starter_uses_the_running_one(var: Path) -> None:
    with embedded.running_redis(var) as first, embedded.running_redis(var) as second:
        assert first is not None
        assert second is None
        assert set_and_get(embedded.redis_url(var), "shared") == "shared"


def test_starters_at_the_same_moment_start_one(var: Path) -> None:
    found: list[embedded.Embedded | None] = []
    threads = [threading.Thread(target=lambda: found.append(embedded.start(var))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started = [each for each in found if each is not None]
    try:
        assert (len(found), len(started)) == (8, 1)
        # The thread that started it has ended, and it has not.
        assert set_and_get(embedded.redis_url(var), "alive") == "alive"
    finally:
        for each in started:
            each.stop()


def test_two_checkouts_side_by_side_do_not_meet(var: Path) -> None:
    with embedded.running_redis(var / "one") as one, embedded.running_redis(var / "two") as two:
        assert one is not None
        assert two is not None
        set_and_get(one.url, "1")
        with redis.Redis.from_url(two.url) as client:
            assert client.get("key") is None


def test_a_long_path_gets_a_short_address_that_is_private(var: Path) -> None:
    deep = var / ("d" * 60) / ("e" * 60)
    with embedded.running_redis(deep) as running:
        assert running is not None
        path = Path(running.url.removeprefix("unix://"))
        assert len(os.fsencode(path)) <= 100
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert running.url == embedded.redis_url(deep) != embedded.redis_url(var / ("d" * 60) / ("f" * 60))


def test_a_short_address_that_others_can_open_is_refused(var: Path) -> None:
    deep = var / ("g" * 60) / ("h" * 60)
    folder = Path(embedded.redis_url(deep).removeprefix("unix://")).parent
    folder.mkdir(mode=0o700)
    folder.chmod(0o777)
    try:
        with pytest.raises(embedded.RedisUnavailable, match="not a private folder"):
            embedded.start(deep)
    finally:
        folder.rmdir()


def test_it_dies_with_a_starter_that_is_killed_and_another_can_start(var: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(var)], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert starter.stdout is not None
    orphan = psutil.Process(int(starter.stdout.readline()))
    starter.kill()
    starter.communicate()
    until(lambda: not alive([orphan]), what="the Redis of a killed starter ends", seconds=5)
    with embedded.running_redis(var) as successor:
        assert successor is not None


def test_ctrl_c_at_the_terminal_does_not_reach_it(var: Path) -> None:
    with embedded.running_redis(var) as running:
        assert running is not None
        assert os.getsid(running.pid) == running.pid != os.getsid(0)


def test_after_a_crash_it_comes_back_empty_at_the_same_address(var: Path) -> None:
    with PrivateRedis(var) as private:
        set_and_get(private.url, "lost")
        private.restart()
        with redis.Redis.from_url(private.url) as client:
            assert client.get("key") is None
    assert {path.name for path in var.iterdir()} <= {"redis.lock", "redis.log"}


def test_a_frozen_one_is_not_taken_for_an_orphan(var: Path) -> None:
    with PrivateRedis(var) as private:
        private.freeze()
        threading.Timer(0.5, lambda: os.kill(private.pid, signal.SIGCONT)).start()
        assert embedded.start(var) is None
