"""Times are stored in UTC and say so, whatever the machine's clock shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from notifications.services import notify
from realtime.chat.direct import send_direct
from realtime.presence.models import LastSeen
from realtime.tasks.models import Task
from tests.realtime.chat.support import asked, at, say
from tests.servers.fleet import Servers
from tests.servers.workers import Site
from tests.sockets import connect

MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
SHOWN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def moments(value: Any) -> Iterator[str]:
    """Every text of an answer that looks like a moment."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from moments(each)
    elif isinstance(value, str) and MOMENT.match(value):
        yield value


@pytest.fixture
def addresses(mia: User, eve: User, ann: User, bob: User, admin: User) -> dict[str, User]:
    """Everything of REST that shows a moment, and to whom."""
    notify(users=mia, type="system", title="Hello", message="Hello")
    send_direct(sender=mia, to_user_id=eve.pk, text="Hello")
    session = asked(ann, agent=bob)
    say(bob, session)
    task = Task.objects.create(owner=mia, source=Task.Source.CODE, title="Report", timeout=3600, alive_until=timezone.now() + timedelta(hours=1))
    LastSeen.objects.create(user=eve, at=timezone.now())
    return {
        "/api/v1/notifications": mia,
        f"/api/v1/direct/{eve.pk}/messages": mia,
        "/api/v1/sessions": ann,  # an agent sees who waits, and others come and go
        at(session): bob,
        at(session, "messages"): bob,
        f"/api/v1/support/customers/{ann.pk}": bob,
        f"/api/v1/tasks/{task.public_id}": mia,
        f"/api/v1/status/{eve.pk}": mia,
    }


def shown(site: Site, addresses: dict[str, User]) -> dict[str, Any]:
    bearers = {user.pk: {"Authorization": f"Bearer {tokens.issue(user)[0]}"} for user in addresses.values()}
    answers = {path: httpx.get(site.url + path, headers=bearers[user.pk], timeout=20) for path, user in addresses.items()}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(addresses, 200)
    return {path: answer.json() for path, answer in answers.items()}


@pytest.mark.timeout(300)  # it starts several processes, on a machine that may be busy
def test_every_moment_says_its_offset_and_another_zone_of_the_machine_changes_nothing(
    addresses: dict[str, User], server: Site, servers: Servers, mia: User, token: Callable[[User], str]
) -> None:
    usual = shown(server, addresses)
    for path, answer in usual.items():
        found = list(moments(answer))
        assert found, path
        assert [each for each in found if not SHOWN.fullmatch(each)] == [], path
    with servers.serve(env={"TZ": "Asia/Kathmandu"}) as elsewhere:
        assert shown(elsewhere, addresses) == usual
        with connect(elsewhere.ws_url + "/api/ws/notifications", token=token(mia)) as bell:
            said = datetime.fromisoformat(bell.until("connected")["timestamp"])
            assert (said.utcoffset(), abs(datetime.now(UTC) - said) < timedelta(minutes=5)) == (timedelta(0), True)
            answer = httpx.patch(
                f"{elsewhere.url}/api/v1/notifications/{usual['/api/v1/notifications']['results'][0]['id']}",
                json={"status": "read"},
                headers={"Authorization": f"Bearer {token(mia)}"},
                timeout=20,
            )
            assert answer.status_code == 200
    # What it has stored is that moment, and not what its clock showed.
    read_at = mia.notifications.get().read_at
    assert read_at is not None
    assert abs(timezone.now() - read_at) < timedelta(minutes=5)
    assert (settings.USE_TZ, settings.TIME_ZONE) == (True, "UTC")
