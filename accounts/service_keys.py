"""Keys of other programs: `sk_…`, shown once, kept as a hash, good until withdrawn."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ServiceKey

PREFIX: Final = "sk_"
_SHOWN: Final = len(PREFIX) + 8
"""Characters of a key that may be shown: enough to tell keys apart, and no help in guessing the rest."""
_USE_NOTED: Final = timedelta(minutes=1)
"""How exactly `last_used_at` is kept, so that a busy key is not a write per call."""


class Scope(models.TextChoices):
    """What a key may be used for."""

    NOTIFICATIONS = "notifications", _("send notifications")
    TASKS = "tasks", _("report the progress of tasks")
    USERS = "users", _("make users of the host site")


@dataclass(frozen=True, slots=True)
class Service:
    """The program that calls, in the place of a user. It is nobody: it has a key's number, scopes and no sockets."""

    pk: int
    name: str
    scopes: frozenset[str]
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True
    is_staff: bool = False

    def __str__(self) -> str:
        return self.name


def make(*, name: str, scopes: Iterable[str]) -> tuple[ServiceKey, str]:
    """A new key, saved, and its text: there is no way to see that again."""
    key = ServiceKey(name=name, scopes=sorted(scopes))
    text = draw(key)
    key.save()
    return key, text


def draw(key: ServiceKey) -> str:
    """Give an unsaved key its secret, and return its text."""
    text = f"{PREFIX}{secrets.token_hex(4)}{secrets.token_urlsafe(32)}"
    key.prefix, key.hash = text[:_SHOWN], _hash(text)
    return text


def find(text: str) -> tuple[Service, ServiceKey] | None:
    """Whose key this is; None if nobody's, or withdrawn."""
    key = ServiceKey.objects.filter(prefix=text[:_SHOWN], withdrawn_at=None).first()
    # 256 random bits need no slow hash.
    if key is None or not secrets.compare_digest(key.hash, _hash(text)):
        return None
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _USE_NOTED:
        ServiceKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return Service(pk=key.pk, name=key.name, scopes=frozenset(key.scopes)), key


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
