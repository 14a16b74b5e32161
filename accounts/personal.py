"""What accounts have of one person: for an export, and to be deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from accounts.models import Agent, Customer, User

_LOGINS = (AccessAttempt, AccessLog, AccessFailureLog)


def export(user: User) -> Iterator[tuple[str, Any]]:
    """Sections of an export: a name, and an object or a list."""
    person = ("id", "username", "display_name", "email", "role", "language", "is_active", "is_staff", "date_joined", "last_login", "tokens_revoked_at")
    yield "person", members(user, person)
    customer = Customer.objects.filter(pk=user.pk).first()
    if customer is not None:
        yield "customer", members(customer, ("public_id", "name", "channel", "metadata", "external_id", "created_at", "logged_out_at"))
    logins = AccessAttempt.objects.filter(username=user.username).order_by("attempt_time")
    yield "failed_logins", logins.values("attempt_time", "ip_address", "user_agent")


def erase(user: User) -> Mapping[str, int]:
    """Take from this person's rows what says who it is, and make its tokens worthless; returns what went. What was told of it goes on under no name."""
    logins = sum(model._default_manager.filter(username=user.username).delete()[0] for model in _LOGINS)
    for rows in (User.objects.filter(pk=user.pk), Customer.objects.filter(pk=user.pk), Agent.objects.filter(pk=user.pk)):
        erase_log(rows)
    Customer.objects.filter(pk=user.pk).update(name="", metadata={}, external_id=None, public_id=uuid.uuid4(), logged_out_at=timezone.now())
    user.username, user.display_name, user.email, user.language = f"deleted-{uuid.uuid4().hex}", "", "", ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login, user.deleted_at = None, timezone.now()
    user.set_unusable_password()
    user.groups.clear()
    user.user_permissions.clear()
    user.save()
    return {"failed logins": logins}


def erase_log(rows: models.QuerySet[Any]) -> None:
    """Take from the admin's log what these rows were called there; that somebody did something stays."""
    log = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(rows.model))
    logged = [number for number in log.values_list("object_id", flat=True).distinct() if number is not None and number.isdigit()]
    mine = [str(pk) for pk in rows.filter(pk__in=logged).values_list("pk", flat=True)] if logged else []
    log.filter(object_id__in=mine).update(object_repr="—", change_message="")


def members(row: models.Model, names: tuple[str, ...]) -> dict[str, Any]:
    """These members of a row."""
    return {name: getattr(row, name) for name in names}
