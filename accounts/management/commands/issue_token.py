"""A token for trying things."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import tokens
from accounts.models import User


class Command(BaseCommand):
    help = "Prints a bearer token of a user, alone on the standard output so that a shell can take it. Whoever has it is that user until it ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        if not user.is_active:
            raise CommandError(f"{username!r} is not active, so no token of it would open anything.")
        token, expires_at = tokens.issue(user)
        self.stdout.write(token)
        self.stderr.write(f"Good until {expires_at:%Y-%m-%d %H:%M} UTC, or until “Log out everywhere” in the admin.", self.style.NOTICE)
