"""People to try things out with."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import Agent, Role, User

PASSWORD: Final = "password123"  # noqa: S105
PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "agent001": {"role": Role.AGENT, "display_name": "Bob"},
    "agent002": {"role": Role.AGENT, "display_name": "Alice"},
    "mia": {"role": Role.MEMBER, "display_name": "Mia"},
    "john": {"role": Role.MEMBER, "display_name": "John"},
    "admin": {"role": Role.MEMBER, "display_name": "Admin", "is_staff": True, "is_superuser": True},
}


class Command(BaseCommand):
    help = "Makes two agents, two members and an administrator, all with one well-known password. Who is there already stays as is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="also outside DEBUG, where the password lets anybody in")

    def handle(self, *args: Any, force: bool, **options: Any) -> None:
        if not settings.DEBUG and not force:
            raise CommandError("Everybody knows the demo's password, so this is for DEBUG=1 only. Use --force if you mean it.")
        made = [username for username, fields in PEOPLE.items() if _make(username, fields)]
        self.stdout.write(f"Made {', '.join(made)}; the password is {PASSWORD}." if made else "The demo's people are there already.")


@transaction.atomic
def _make(username: str, fields: dict[str, Any]) -> bool:
    if User.objects.filter(username=username).exists():
        return False
    user = User.objects.create_user(username, password=PASSWORD, **fields)
    if user.role == Role.AGENT:
        Agent.objects.create(user=user)
    return True
