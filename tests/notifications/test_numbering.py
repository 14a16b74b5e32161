"""Two processes with fifty threads each send to the same twenty users: numbers keep their promises.

Able to fail: unordered locks deadlock in the sends that nobody repeats; numbers that are taken before
the transaction are seen out of order; counts that are read before the lock repeat themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict

import pytest

from accounts.models import User
from notifications import preferences
from notifications.models import Entry
from tests import cast
from tests.notifications.stream import frames
from tests.servers.workers import CHECKOUT, surroundings

PROCESSES, THREADS, SENDS, USERS, SILENT = 2, 50, 6, 20, 3
LONGEST = 90.0  # seconds; it needs a tenth


class Watcher:
    """Reads the streams as a socket does, again and again, and remembers what appeared too late."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        self.seen: dict[int, set[int]] = defaultdict(set)
        self.late: list[tuple[int, int, int]] = []
        self.news = 0

    def look(self) -> None:
        found = defaultdict(set)
        for user_id, seq in Entry.objects.filter(user__in=self.ids).values_list("user", "seq"):
            found[user_id].add(seq)
        for user_id, seqs in found.items():
            highest = max(self.seen[user_id], default=0)
            self.late += [(user_id, seq, highest) for seq in seqs - self.seen[user_id] if seq < highest]
        self.news += found != self.seen
        self.seen = found


@pytest.fixture
def crowd(db: None) -> list[User]:
    users = [cast.member() for _ in range(USERS)]
    for user in users[:SILENT]:
        preferences.replace(user_id=user.pk, preferences={"mention": "silent"})
    return users


def test_a_hundred_threads_in_two_processes_number_without_holes_and_in_commit_order(crowd: list[User]) -> None:
    ids = [user.pk for user in crowd]
    command = [sys.executable, "-m", "tests.notifications.sender"]
    # Below the hundred connections that PostgreSQL allows when nobody has told it otherwise.
    env = {**os.environ, **surroundings(), "DATABASE_POOL": "45"}
    senders = [
        subprocess.Popen(
            [*command, str(seed), str(THREADS), str(SENDS), *map(str, ids)], cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for seed in range(PROCESSES)
    ]
    watcher = Watcher(ids)
    deadline = time.monotonic() + LONGEST
    try:
        while any(sender.poll() is None for sender in senders):
            assert time.monotonic() < deadline, "the senders do not end"
            watcher.look()
            time.sleep(0.01)
    finally:
        for sender in senders:
            sender.kill()
    reports = []
    for sender in senders:
        output, complaint = sender.communicate()
        assert sender.returncode == 0, complaint
        reports.append(json.loads(output))
    watcher.look()

    assert [error for report in reports for error in report["errors"]] == []
    sent = sum((Counter(report["sent"]) for report in reports), Counter())
    assert {user_id: sorted(watcher.seen[user_id]) for user_id in ids} == {user_id: list(range(1, sent[str(user_id)] + 1)) for user_id in ids}
    assert watcher.late == []
    assert watcher.news > 20, "the watcher saw too little of it to be a witness"
    for user in crowd[:SILENT]:
        counts = [frame["data"]["unread_count"] for frame in frames(user) if frame["type"] == "notification_state"]
        assert counts == list(range(1, len(counts) + 1))
        assert counts
