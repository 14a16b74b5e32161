"""Long work, as its owner watches it."""

from __future__ import annotations

import uuid
from typing import ClassVar, Final

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LONGEST_ID: Final = 64
valid_id = RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9_.:-]*\Z", _("Use letters, digits, “_”, “.”, “:” and “-”, and begin with a letter or a digit."))


def new_id() -> str:
    return str(uuid.uuid4())


class Task(models.Model):
    """One piece of work. `version` counts its reports: of two the one with the higher is the later."""

    class Status(models.TextChoices):
        RUNNING = "running", _("running")
        COMPLETED = "completed", _("completed")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    class Source(models.TextChoices):
        """Who reports it, and so may: what a program says of a member's task, the member cannot."""

        CODE = "code", _("this site")
        SERVICE = "service", _("another program")
        OWNER = "owner", _("its owner")

    public_id = models.CharField(_("id"), max_length=LONGEST_ID, unique=True, default=new_id, validators=[valid_id])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tasks", verbose_name=_("owner"))
    source = models.CharField(_("reported by"), max_length=10, choices=Source)
    title = models.CharField(_("title"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.RUNNING)
    step = models.PositiveBigIntegerField(_("step"), default=0)
    total_steps = models.PositiveBigIntegerField(_("steps in all"), default=0, help_text=_("0: not known."))
    progress = models.FloatField(_("progress"), default=0.0, help_text=_("In percent."))
    message = models.CharField(_("message"), max_length=1000, blank=True)
    result = models.JSONField(_("result"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=1000, blank=True, help_text=_("Why it failed, as its owner reads it."))
    link = models.CharField(_("link"), max_length=500, blank=True, help_text=_("Where a notification of its end leads."))
    notify = models.BooleanField(_("notifies"), default=False, help_text=_("Its end makes a notification."))
    version = models.PositiveBigIntegerField(_("version"), default=0)
    timeout = models.FloatField(_("timeout"), help_text=_("Seconds without a report after which it has failed."))
    alive_until = models.DateTimeField(_("alive until"), help_text=_("Not heard from by then, it has failed."))
    silent = models.BooleanField(_("fell silent"), default=False, help_text=_("It failed because it was not heard from. A report takes that back."))
    cancel_requested_at = models.DateTimeField(_("asked to stop"), null=True, blank=True)
    created_at = models.DateTimeField(_("begun"), default=timezone.now)
    updated_at = models.DateTimeField(_("last report"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    end_seq = models.BigIntegerField(null=True, editable=False, help_text="The number of its end in its owner's stream.")

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        indexes: ClassVar = [
            models.Index(fields=["ended_at"], name="task_ended"),
            models.Index(fields=["alive_until"], condition=Q(status="running"), name="task_overdue"),
            models.Index(fields=["owner", "-id"], name="task_newest"),
            models.Index(fields=["owner", "id"], condition=Q(status="running"), name="task_running"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def has_ended(self) -> bool:
        return self.status != Task.Status.RUNNING

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody has asked it to stop. It is up to the work to do so."""
        return self.cancel_requested_at is not None
