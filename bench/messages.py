"""What Redis does for a message by how it is published and how many hear it, and a worker for one that nobody of its own asked for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis

from bench.grounds import Grounds
from bench.load import command

CHANNEL: Final = "bench.messages"
EARS: Final = 50
SLICE: Final = 500  # as in accounts/groups.py
BODY: Final = "x" * 400  # about as long as a push


def messages(grounds: Grounds, count: int) -> dict[str, float]:
    """Microseconds, by their names."""
    client = grounds.redis
    pipe = client.pipeline(transaction=False)

    def one_by_one() -> None:
        for _ in range(count):
            client.publish(CHANNEL, BODY)

    def in_slices() -> None:
        for _ in range(max(1, count // SLICE)):
            for _ in range(SLICE):
                pipe.publish(CHANNEL, BODY)
            pipe.execute()

    alone = _spent(client, one_by_one) / count
    with _listening(grounds.redis_path, 1):
        slices = _spent(client, in_slices) / (max(1, count // SLICE) * SLICE)
    with _listening(grounds.redis_path, EARS):
        heard = _spent(client, one_by_one) / count
    with grounds.another_shop() as shop:
        shop.ask("seat", count=1)
        joined = _spent(client, lambda: shop.ask("seat", count=count)) / count
        change = shop.ask("hear", count=count)["seconds"] / count
    grounds.forget_everybody()
    return {
        "publish_us": alone * 1e6,
        "publish_bulk_us": slices * 1e6,
        "deliver_us": (heard - alone) / EARS * 1e6,
        "join_redis_us": joined * 1e6,
        "change_heard_us": change * 1e6,
    }


def _spent(client: redis.Redis, work: Callable[[], object]) -> float:
    """Seconds of Redis's processor time."""
    before = _seconds(client)
    work()
    return _seconds(client) - before


def _seconds(client: redis.Redis) -> float:
    said: Any = client.info("cpu")
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])


@contextmanager
def _listening(path: str, ears: int) -> Iterator[None]:
    """So many connections listen, and throw away what they hear."""

    def listen(ear: socket.socket) -> None:
        while ear.recv(65536):
            pass

    opened = []
    for _ in range(ears):
        ear = socket.socket(socket.AF_UNIX)
        ear.connect(path)
        ear.sendall(command("SUBSCRIBE", CHANNEL))
        ear.recv(4096)
        threading.Thread(target=listen, args=(ear,), daemon=True).start()
        opened.append(ear)
    try:
        yield
    finally:
        for ear in opened:
            ear.shutdown(socket.SHUT_RDWR)
            ear.close()
