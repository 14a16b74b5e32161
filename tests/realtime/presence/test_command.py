"""`manage.py presence` and the admin: what an operator sees of who is here."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from realtime.presence.models import LastSeen
from tests.notifications.desk import page, signed_in, staff
from tests.realtime.presence.test_rest import CHAT, opened
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site, surroundings

Token = Callable[[User], str]
LIST = "/admin/presence/lastseen/"


def shown(**options: object) -> str:
    out = io.StringIO()
    call_command("presence", "--once", stdout=out, **options)
    return out.getvalue()


def test_an_operator_sees_workers_and_people(server: Site, token: Token, mia: User, ann: User) -> None:
    with opened(server, token(mia)) as site, opened(server, token(ann), CHAT):
        site.send({"type": "presence", "status": "away", "data": {"device": "desktop"}})
        row = rf"^{mia.pk} +{mia.username} +away +1 +\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d$"
        text = until(lambda: re.search(row, said := shown(), re.MULTILINE) and said, what="Mia is away")
    assert re.match(r"\d+ online, [1-9]\d* customers, \d+ connections; everybody is told", text)
    workers = re.findall(r"^(\d+)-\w+ +\d+ +\d\.\d s$", text, re.MULTILINE)
    assert set(workers) >= {str(pid) for pid in server.workers()}
    assert ann.username not in text


def test_the_columns_of_a_table_stand_below_each_other(server: Site, token: Token, mia: User) -> None:
    with opened(server, token(mia)):
        lines = shown().splitlines()
    [head] = [line for line in lines if line.startswith("user ")]
    [row] = [line for line in lines if mia.username in line]
    assert head.index("name") == row.index(mia.username)
    assert head.index("status") == row.index("online")


def test_only_so_many_people_are_listed_as_are_asked_for(server: Site, token: Token, mia: User, bob: User) -> None:
    with opened(server, token(bob)), opened(server, token(mia)):
        text = shown(people=1)
        assert mia.username in text
        assert bob.username not in text
        assert re.search(r"^… and [1-9]\d* more$", text, re.MULTILINE)
    with pytest.raises(CommandError, match="1 to 1000"):
        shown(people=0)


def running(log: Path, **env: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "manage.py", "presence"], cwd=CHECKOUT, env={**os.environ, **surroundings(), **env}, stdout=output, stderr=subprocess.STDOUT
        )


def interrupted(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGINT)
    return process.wait(20)


def test_it_goes_on_until_it_is_interrupted_and_ends_without_a_word(server: Site, token: Token, mia: User, bob: User, tmp_path: Path) -> None:
    log = tmp_path / "presence.log"
    with opened(server, token(mia)):
        process = running(log)
        try:
            until(lambda: mia.username in log.read_text(), what="Mia is shown")
            with opened(server, token(bob)):
                until(lambda: bob.username in log.read_text(), what="Bob is shown when he has come")
        finally:
            code = interrupted(process)
    assert code == 0
    assert "Traceback" not in log.read_text()
    assert "\x1b" not in log.read_text()


def test_without_redis_it_says_so_and_goes_on_trying(db: None, tmp_path: Path) -> None:
    log = tmp_path / "presence.log"
    process = running(log, REDIS_URL="redis://127.0.0.1:1/0")
    try:
        until(lambda: log.read_text().count("Redis does not answer") >= 2, what="it says so twice")
    finally:
        code = interrupted(process)
    assert code == 0
    env = {**os.environ, **surroundings(), "REDIS_URL": "redis://127.0.0.1:1/0"}
    once = subprocess.run([sys.executable, "manage.py", "presence", "--once"], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (once.returncode, once.stdout) == (1, "")
    assert "Redis does not answer" in once.stderr


# The admin


def test_staff_finds_when_somebody_was_seen_last_and_changes_nothing(admin: User, mia: User, bob: User) -> None:
    for user in (mia, bob):
        LastSeen.objects.create(user=user, at=timezone.now())
    client = signed_in(admin)
    text = page(client.get(LIST, {"q": mia.username}))
    assert f'<td class="field-user__username">{mia.username}</td>' in text
    assert '<td class="field-user__role">member</td>' in text
    assert bob.username not in text
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{mia.pk}/change/", {"at_0": "2026-01-01", "at_1": "00:00"}).status_code == 403
    assert client.post(f"{LIST}{mia.pk}/delete/", {"post": "yes"}).status_code == 403
    assert LastSeen.objects.filter(user=mia).exists()


def test_who_may_not_view_it_does_not(mia: User) -> None:
    assert signed_in(staff("view_user")).get(LIST).status_code == 403
    assert signed_in(mia).get(LIST).status_code == 302


def test_somebody_who_was_seen_can_be_deleted(admin: User, mia: User) -> None:
    LastSeen.objects.create(user=mia, at=timezone.now())
    assert signed_in(admin).post(f"/admin/accounts/user/{mia.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=mia.pk).exists()
