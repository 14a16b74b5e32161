"""`manage.py announce`: tell an audience something, or continue what broke off."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from notifications.announcements import announce, deliver
from notifications.models import Announcement
from notifications.recipients import Audience


class Command(BaseCommand):
    help = "Tells an audience something. With --continue it goes on with announcements that broke off; nobody is told twice."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("audience", nargs="?", choices=[each for each in Audience.values if each != Audience.USERS])
        parser.add_argument("title", nargs="?")
        parser.add_argument("message", nargs="?")
        parser.add_argument("--type", default="system", help="a slug; the default is system")
        parser.add_argument("--link", default="", help="a path of the site, or an http(s) address")
        parser.add_argument("--continue", action="store_true", dest="go_on", help="deliver the rest of every announcement that broke off")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["go_on"]:
            for broken_off in Announcement.objects.filter(completed_at=None).order_by("pk"):
                told = deliver(broken_off)
                self.stdout.write(f"{broken_off.pk} {broken_off.title}: {told} more, {broken_off.told} in all.")
            return
        if not options["message"]:
            raise CommandError("Give an audience, a title and a message, or --continue.")
        words = {name: options[name] for name in ("type", "title", "message", "link")}
        try:
            announcement = announce(to=Audience(options["audience"]), source="command", **words)
        except ValidationError as error:
            raise CommandError("; ".join(f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items())) from error
        self.stdout.write(f"{announcement.told} users have it.")
