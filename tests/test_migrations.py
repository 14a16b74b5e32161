"""Each migration can be taken back and made again, with data in place."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from accounts.models import User
from notifications.services import notify
from realtime.chat.direct import send_direct
from realtime.hours.models import Slot
from tests.realtime.chat.support import asked, say
from tests.servers.backups import own_database, run
from tests.servers.workers import CHECKOUT, surroundings

OURS: Final = ("imports", "desk", "hours", "tasks", "presence", "chat", "notifications", "accounts")
SCRIPT: Final = """
import json, sys
import django
django.setup()
from django.apps import apps
from django.core.management import call_command

def rows():
    return {model._meta.label: model._base_manager.count() for model in apps.get_models() if model._meta.app_label in steps}

steps = json.loads(sys.argv[1])
said = [rows()]
for app, names in steps.items():
    for name in reversed(names[:-1]):
        call_command("migrate", app, name, verbosity=0)
    call_command("migrate", verbosity=0)
    said.append(rows())
for app in steps:
    call_command("migrate", app, "zero", verbosity=0)
call_command("migrate", verbosity=0)
said.append(rows())
call_command("makemigrations", "--check", "--dry-run", verbosity=0)
call_command("prune", verbosity=0)
print(json.dumps(said))
"""


def test_every_migration_goes_back_and_forward_again_with_data_in_place(mia: User, eve: User, ann: User, bob: User, tmp_path: Path) -> None:
    notify(users=mia, type="system", title="Hello", message="Hello")
    send_direct(sender=mia, to_user_id=eve.pk, text="Hello")
    say(bob, asked(ann, agent=bob), "Hello")
    Slot.objects.get_or_create(weekday=6, opens="23:58", closes="23:59")
    loader = MigrationLoader(connection)
    steps = {app: sorted(name for label, name in loader.disk_migrations if label == app) for app in OURS}
    assert {label for label, _ in loader.disk_migrations if loader.migrated_apps and label in OURS} == set(OURS)
    with own_database(tmp_path) as database:
        (tmp_path / "script.py").write_text(SCRIPT)
        env = {**surroundings(), "VAR_DIR": str(tmp_path), "PYTHONPATH": str(CHECKOUT)}
        said = run(f"{sys.executable} script.py '{json.dumps(steps)}'", tmp_path, database.url, env)
    Slot.objects.filter(opens="23:58").delete()
    before, *stages, anew = json.loads(said.splitlines()[-1])
    # What the first migration of an app has made stays when the later ones are taken back; one that made other tables takes them along.
    kept = {
        "notifications.Notification",
        "notifications.Entry",
        "notifications.Inbox",
        "chat.DirectMessage",
        "accounts.User",
        "accounts.Customer",
        "hours.Slot",
    }
    for stage in stages:
        assert {name: stage[name] for name in kept} == {name: before[name] for name in kept}
    assert before["chat.Message"] > stages[5]["chat.Message"] == 0
    once = {"notifications.Epoch": 1, "hours.BusinessHours": 1, "chat.Routing": 1}
    for stage in (*stages, anew):
        assert {name: stage[name] for name in once} == once
    assert {name: count for name, count in anew.items() if count} == once
