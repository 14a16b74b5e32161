"""`manage.py export_person`: everything about one person, as JSON."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime import persons


class Command(BaseCommand):
    help = "Prints everything that is stored about one person, as one JSON object."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="a username, or a user's number")

    def handle(self, *args: Any, person: str, **options: Any) -> None:
        user = persons.find(person)
        if user is None:
            raise CommandError(f"There is no user {person!r}. Customers are found by the number that the console shows.")
        for piece in persons.export(user):
            self.stdout.write(piece, ending="")
