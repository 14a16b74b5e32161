"""Each migration can be taken back and made again, with data in place."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from accounts.models import User
from notifications.services import notify
from realtime.chat.direct import send_direct
from realtime.hours.models import Slot
from tests.realtime.chat.support import asked, say
from tests.servers.backups import own_database, run
from tests.servers.workers import surroundings

# Each with its first migration; the later ones of all are taken back first, in this order, and then the first ones, with which much else goes.
OURS: Final = ("desk", "tasks", "presence", "chat", "notifications", "accounts", "hours", "imports")
SCRIPT: Final = """
import json, sys
import django
django.setup()
from django.apps import apps
from django.core.management import call_command
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

def rows():
    return {model._meta.label: model._base_manager.count() for model in apps.get_models() if model._meta.app_label in steps}

def applied(app):
    return MigrationRecorder(connection).migration_qs.filter(app=app).count()

steps = json.loads(sys.argv[1])
before = rows()
for app, names in steps.items():
    if len(names) > 1:
        call_command("migrate", app, names[0], verbosity=0)
call_command("migrate", verbosity=0)
between = rows()
for app in reversed(steps):
    if applied(app):
        call_command("migrate", app, "zero", verbosity=0)
assert not any(map(applied, steps))
call_command("migrate", verbosity=0)
print(json.dumps([before, between, rows()]))
"""


@pytest.mark.timeout(300)  # it starts several processes, on a machine that may be busy
def test_every_migration_goes_back_and_forward_again_with_data_in_place(mia: User, eve: User, ann: User, bob: User, tmp_path: Path) -> None:
    notify(users=mia, type="system", title="Hello", message="Hello")
    send_direct(sender=mia, to_user_id=eve.pk, text="Hello")
    say(bob, asked(ann, agent=bob), "Hello")
    slot = Slot.objects.create(weekday=6, opens="23:58", closes="23:59")
    written = MigrationLoader(connection).disk_migrations
    steps = {app: sorted(name for label, name in written if label == app) for app in OURS}
    assert all(steps.values())
    with own_database(tmp_path) as database:
        slot.delete()
        (tmp_path / "script.py").write_text(SCRIPT)
        said = run(f"{sys.executable} script.py '{json.dumps(steps)}'", tmp_path, database.url, {**surroundings(), "VAR_DIR": str(tmp_path)})
    before, between, anew = json.loads(said.splitlines()[-1])
    # What an app's first migration has made stays while the later ones are taken back; their own tables begin empty again.
    kept = (
        "notifications.Notification",
        "notifications.Entry",
        "notifications.Inbox",
        "chat.DirectMessage",
        "accounts.User",
        "accounts.Customer",
        "hours.Slot",
    )
    assert {name: between[name] for name in kept} == {name: before[name] for name in kept}
    assert min(before[name] for name in (*kept, "chat.Message")) > 0
    assert between["chat.Message"] == 0
    once = {"notifications.Epoch": 1, "hours.BusinessHours": 1, "chat.Routing": 1}
    assert {name: between[name] for name in once} == once
    assert {name: count for name, count in anew.items() if count} == once


def test_all_of_ours_are_looked_at() -> None:
    assert {config.label for config in apps.get_app_configs() if config.name.partition(".")[0] in ("accounts", "notifications", "realtime")} - {
        "realtime"
    } == set(OURS)
