"""`manage.py restored`: what has to be done once, right after the database was restored from a backup."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import standing
from accounts.models import Revocation, User
from accounts.redis import RedisAway
from notifications import history
from realtime.private_redis import private_redis


class Command(BaseCommand):
    help = (
        "After a restore: begins a new epoch, passes over the numbers that the lost history may have given, and throws away Redis's copies "
        "of what the database said, so that every client loads anew instead of going on in another history. Run it once per restore; again does no harm."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--revoke",
            action="store_true",
            help="also make every token worthless: those withdrawn since the backup would be good again; everybody logs in anew",
        )

    def handle(self, *args: Any, revoke: bool, **options: Any) -> None:
        with private_redis():
            streams = history.begin_anew()
            try:
                copies = standing.forget()
            except RedisAway as error:
                raise CommandError(f"Redis does not answer ({error}). Its copies may be newer than the database: run this again when it is back.") from error
            if revoke:
                _revoke_all()
        self.stdout.write(f"A new history begins: {streams} streams, {copies} copies forgotten{', all tokens are worthless' if revoke else ''}.")


def _revoke_all() -> None:
    page, after = 1_000, 0
    while ids := list(User.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:page]):
        Revocation.objects.revoke(ids)
        after = ids[-1]
