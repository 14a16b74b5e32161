"""`manage.py delete_person`: delete what is stored about one person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from realtime import persons
from realtime.private_redis import private_redis


class Command(BaseCommand):
    help = "Deletes what is stored about one person: name, address, texts, notifications, tasks. It cannot be undone. Its sockets are closed at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="a username, or a user's number")
        parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")

    def handle(self, *args: Any, person: str, dry_run: bool, **options: Any) -> None:
        user = persons.find(person)
        if user is None:
            raise CommandError(f"There is no user {person!r}. Customers are found by the number that the console shows.")
        with private_redis():
            gone = _rehearse(user.pk) if dry_run else persons.erase(user.pk)
        counted = ", ".join(f"{count} {name}" for name, count in gone.items() if count) or "nothing but the account"
        self.stdout.write(f"{'Would be gone' if dry_run else 'Gone'}, of user {user.pk}: {counted}.")


def _rehearse(user_id: int) -> Mapping[str, int]:
    with transaction.atomic():
        gone = persons.erase(user_id)
        transaction.set_rollback(True)
    return gone
