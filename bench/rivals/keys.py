"""Presence as it is kept by hand: a key per connection that expires, each renewed with its socket's heartbeat, and a SCAN to count.

In a database of its own, in which there is nothing else to scan, and with pipelines, which are the kindest to it.
"""

from __future__ import annotations

import redis

LIFE = 75  # seconds: two heartbeats and a half
PAGE = 1000


class Keys:
    """The connections of one worker."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._keys: list[str] = []

    def join(self, count: int) -> None:
        """So many more people, each with one connection."""
        new = [f"presence:{10_000_000 + n}:seat-{n}" for n in range(len(self._keys), len(self._keys) + count)]
        for begin in range(0, count, PAGE):
            pipeline = self._client.pipeline(transaction=False)
            for key in new[begin : begin + PAGE]:
                pipeline.set(key, "1", ex=LIFE)
            pipeline.execute()
        self._keys += new

    def renew(self) -> None:
        """All of them once."""
        for begin in range(0, len(self._keys), PAGE):
            pipeline = self._client.pipeline(transaction=False)
            for key in self._keys[begin : begin + PAGE]:
                pipeline.expire(key, LIFE)
            pipeline.execute()

    def count(self) -> int:
        """How many people are online."""
        return len({key.split(b":")[1] for key in self._client.scan_iter("presence:*", count=PAGE)})
