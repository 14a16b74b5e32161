"""The process that writes: three quarters over REST with a service key, the rest through `notify`, by itself.

It reads a line of JSON (`{"url": …, "key": …, "people": [numbers], "rate": notifications a second}`), then lines `go` and `stop`. Each call
is printed as a line of JSON when it was answered or failed, and `stop` as `{}` when nothing is under way.
"""

from __future__ import annotations

import itertools
import json
import logging
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import django
import httpx

django.setup()

from django.db import close_old_connections  # noqa: E402

from notifications.services import notify  # noqa: E402

# One line per call would bury what a failing test has to say.
logging.getLogger("httpx").setLevel(logging.WARNING)

AT_ONCE, ALONE = 5, 10
"""People told by one call over REST, and by one of `notify`."""
BY_REST, BY_NOTIFY = 3, 0.5  # calls a second, of each twenty notifications
HANDS = 24  # REST calls under way at most
PATIENCE = 15.0  # longer than the server's own, so that it is the server who gives up


class Writer:
    """Two streams of calls that begin and end together."""

    def __init__(self, url: str, key: str, people: list[int], rate: int) -> None:
        self._people = people
        self._twenties = rate / 20
        self._numbers = itertools.count(1)
        self._url = url + "/api/v1/notifications"
        # Connections are left before the server would, or a call could meet one just closing.
        limits = httpx.Limits(max_connections=HANDS, keepalive_expiry=2)
        self._client = httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE, limits=limits)
        self._writes = threading.Event()
        self._hands = ThreadPoolExecutor(HANDS)
        self._streams: list[threading.Thread] = []
        self._printing = threading.Lock()

    def go(self) -> None:
        self._writes.set()
        self._streams = [threading.Thread(target=self._stream, args=each) for each in self._ways()]
        for stream in self._streams:
            stream.start()

    def _ways(self) -> list[tuple[float, int, Callable[[], None]]]:
        return [(BY_REST * self._twenties, HANDS, self._rest), (BY_NOTIFY * self._twenties, 1, self._notify)]

    def stop(self) -> None:
        """Returns when nothing is under way."""
        self._writes.clear()
        for stream in self._streams:
            stream.join()

    def _stream(self, rate: float, hands: int, call: Callable[[], None]) -> None:
        """Make that many calls a second, and none while that many wait for their answers."""
        under_way: set[Future[None]] = set()
        due = time.monotonic()
        while self._writes.is_set():
            under_way.add(self._hands.submit(call))
            due = max(due + 1 / rate, time.monotonic())
            time.sleep(due - time.monotonic() if due > time.monotonic() else 0)
            under_way = wait(under_way, timeout=0 if len(under_way) < hands else None, return_when="FIRST_COMPLETED").not_done
        wait(under_way)

    def _rest(self) -> None:
        def call(users: list[int], words: dict[str, str]) -> tuple[int | str, list[int]]:
            answer = self._client.post(self._url, json={"user_ids": users, **words})
            return answer.status_code, answer.json()["ids"] if answer.status_code == 201 else []

        self._write("rest", AT_ONCE, call)

    def _notify(self) -> None:
        def call(users: list[int], words: dict[str, str]) -> tuple[int | str, list[int]]:
            try:
                return 201, [row.pk for row in notify(users=users, **words)]
            finally:
                close_old_connections()

        self._write("notify", ALONE, call)

    def _write(self, way: str, count: int, call: Callable[[list[int], dict[str, str]], tuple[int | str, list[int]]]) -> None:
        words = {"type": "mention", "title": f"{way} {next(self._numbers)}", "message": "Somebody has mentioned you."}
        began = time.time()
        try:
            status, ids = call(random.sample(self._people, count), words)
        except Exception as error:  # a fault is under way; what was not answered is nobody's promise
            status, ids = type(error).__name__, []
        self.say({"way": way, "began": began, "took": time.time() - began, "status": status, "ids": ids})

    def say(self, what: dict[str, Any]) -> None:
        with self._printing:
            print(json.dumps(what), flush=True)


def main() -> None:
    writer = Writer(**json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        if line == "go\n":
            writer.go()
        else:
            writer.stop()
            writer.say({})
    writer.stop()


if __name__ == "__main__":
    main()
