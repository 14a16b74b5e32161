"""`manage.py presence`: who is here, live in a terminal."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django import db
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.redis import RedisAway
from realtime.presence import services, store
from realtime.presence.services import MOST

REFRESH: Final = 1.0  # seconds
_WORKERS: Final = 100  # that are listed
_CLEAR: Final = "\x1b[H\x1b[2J"


class Command(BaseCommand):
    help = "Shows who is here, over all workers: counts, the workers, and the people who came last. It is shown anew each second until Ctrl-C."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="show it once")
        parser.add_argument("--people", type=int, default=20, help=f"how many people, at most {MOST}; the default is 20")

    def handle(self, *args: Any, once: bool, people: int, **options: Any) -> None:
        if not 1 <= people <= MOST:
            raise CommandError(f"--people must be from 1 to {MOST}.")
        if once:
            try:
                self.stdout.write(page(people))
            except RedisAway as error:
                raise CommandError(f"Redis does not answer: {error}") from error
            return
        try:
            while True:
                self._show(people)
                time.sleep(REFRESH)
        except KeyboardInterrupt:
            self.stdout.write("")

    def _show(self, people: int) -> None:
        try:
            text = page(people)
        except RedisAway as error:
            text = f"Redis does not answer: {error}"
        except db.Error as error:
            text = f"The database does not answer: {error}"
        finally:
            db.close_old_connections()
        self.stdout.write(f"{_CLEAR if self.stdout.isatty() else ''}{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{text}\n")
        self.stdout.flush()


def page(people: int) -> str:
    """How things stand, as lines. Raises RedisAway."""
    workers, stats, online = store.step("workers", limit=_WORKERS), store.step("stats", cursor="0", names=0), store.step("online", limit=people)
    found = list(online.said["people"])
    users = User.objects.in_bulk([int(user) for user, *_ in found]) if found else {}
    lines = [
        _summary(workers, stats.said["connections"], online.online),
        "",
        *_table(("worker", "connections", "lease"), [_worker(*each) for each in workers.said["workers"]]),
        "",
        *_table(("user", "name", "status", "connections", "here since"), [_person(users, *each) for each in found]),
    ]
    if online.online > len(found):
        lines.append(f"… and {online.online - len(found)} more")
    return "\n".join(lines)


def _summary(workers: store.Answer, connections: int, online: int) -> str:
    mode = "everybody is told" if workers.mode == "broadcast" else "only those who watch are told"
    settling = "; Redis has just lost its memory, and workers are coming back" if workers.young else ""
    return f"{online} online, {workers.said['customers']} customers, {connections} connections; {mode}{settling}"


def _worker(name: str, connections: int, lease: float) -> Sequence[str]:
    return name, str(connections), f"{lease / 1000:.1f} s" if lease > 0 else "ended"


def _person(users: dict[int, User], user: str, told: str, connections: int, since: float) -> Sequence[str]:
    found = users.get(int(user))
    at = datetime.fromtimestamp(since / 1000, UTC)
    return user, found.username if found else "", services.word(told), str(connections), f"{at:%Y-%m-%d %H:%M:%S}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
