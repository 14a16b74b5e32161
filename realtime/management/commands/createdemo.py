"""Somebody and something to try things out with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime import demo
from realtime.private_redis import private_redis


class Command(BaseCommand):
    help = (
        "Makes two agents, two members and an administrator, all with one well-known password; and canned replies, notifications and support "
        "sessions, each where there are none. What is there already stays as is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="also outside DEBUG, where the password lets anybody in")

    def handle(self, *args: Any, force: bool, **options: Any) -> None:
        if not settings.DEBUG and not force:
            raise CommandError("Everybody knows the demo's password, so this is for DEBUG=1 only. Use --force if you mean it.")
        made = demo.make_people()
        if missing := demo.missing():
            with private_redis():
                for make in missing:
                    make()
        self.stdout.write(f"Made {', '.join(made)}; the password is {demo.PASSWORD}." if made else "The demo's people are there already.")
