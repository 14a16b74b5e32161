"""Whom a probe uses that is given nobody: a user and a key of its own, where the server's database is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from accounts import service_keys, tokens
from accounts.models import User
from accounts.redis import RedisAway
from accounts.service_keys import Scope
from realtime.presence.store import OFFLINE, step, who

USERNAME: Final = "switchboard-probe"


@dataclass(frozen=True, slots=True)
class Guest:
    """What it may log in with."""

    token: str
    service_key: str


@contextmanager
def guest() -> Iterator[Guest]:
    """A user that has no password and appears offline, and a key that is gone afterwards.

    The user stays for the next time: a deleted one would leave a record each time that is kept for ever.
    """
    user = User.objects.filter(username=USERNAME).first()
    if user is None:
        user = User(username=USERNAME, display_name="Probe")
        user.set_unusable_password()
        user.save()
    try:
        step("choose", who=who(user.pk, customer=False), status=OFFLINE)
    except RedisAway:  # it will then be seen to come and go, if anybody sees anything
        pass
    key, text = service_keys.make(name=USERNAME, scopes=[Scope.NOTIFICATIONS])
    try:
        yield Guest(tokens.issue(user)[0], text)
    finally:
        key.delete()
