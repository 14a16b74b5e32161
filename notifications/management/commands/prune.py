"""`manage.py prune`: forget what is older than it has to be. Run it once a day."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import standing
from accounts.models import Revocation, SpentRefresh
from notifications import retention

_LONGEST = 36_500  # days


class Command(BaseCommand):
    help = "Deletes stream entries and ended tasks older than RETENTION, and records of revocations, failed logins and sessions that decide nothing any more."

    def add_arguments(self, parser: CommandParser) -> None:
        for name in settings.PRUNED_IF_ASKED:
            parser.add_argument(f"--{name}", type=_days, metavar="DAYS", help=f"also delete {name} that are older; without it they stay")

    def handle(self, *args: Any, **options: Any) -> None:
        knobs = settings.SWITCHBOARD
        now = timezone.now()
        # As long as a token may live or a copy in Redis may be old.
        matters = max(knobs.token_lifetime, knobs.customer_token_lifetime, knobs.refresh_token_lifetime, standing.COPY_LIFE)
        kept_since = now - timedelta(seconds=knobs.retention)
        entries = retention.prune(before=kept_since)
        # Those of deleted users stay: the host's tokens may live longer, and a number that is given again would revive them.
        revocations, _ = Revocation.objects.filter(created_at__lt=now - timedelta(seconds=matters)).exclude(version=standing.GONE.version).delete()
        spent, _ = SpentRefresh.objects.filter(expires_at__lt=now).delete()
        attempts, _ = AccessAttempt.objects.filter(attempt_time__lt=now - timedelta(seconds=knobs.login_lock)).delete()
        sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
        others = "".join(f", {import_string(prune)(before=kept_since)} {name}" for name, prune in settings.PRUNED.items())
        asked = {name: prune for name, prune in settings.PRUNED_IF_ASKED.items() if options[name] is not None}
        others += "".join(f", {import_string(prune)(before=now - options[name])} {name}" for name, prune in asked.items())
        decided = f"{revocations} revocations, {spent} spent refresh tokens, {attempts} failed logins, {sessions} sessions of the admin"
        self.stdout.write(f"Gone: {entries} stream entries, {decided}{others}.")


def _days(text: str) -> timedelta:
    if not text.isdigit() or not 1 <= int(text) <= _LONGEST:
        raise argparse.ArgumentTypeError(f"must be whole days, from 1 to {_LONGEST}")
    return timedelta(days=int(text))
