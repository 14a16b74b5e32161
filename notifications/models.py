"""What users are told, and the numbered stream in which each of them is told it."""

from __future__ import annotations

import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

valid_type = RegexValidator(r"\A[a-z0-9][a-z0-9_-]*\Z", _("Use small letters, digits, “_” and “-”, such as new_follower."))


def new_epoch() -> str:
    return secrets.token_hex(6)


class Epoch(models.Model):
    """One history of numbers. A restore begins another, so that no cursor is taken for one of the old history."""

    value = models.CharField(max_length=12, default=new_epoch)

    def __str__(self) -> str:
        return self.value


class Inbox(models.Model):
    """A user's stream: numbers up to `head` are given, those up to `floor` are no longer kept."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="inbox")
    head = models.BigIntegerField(default=0)
    floor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.floor}…{self.head}"


class Body(models.Model):
    """A durable frame's text, shared by all that were told the same in the same words."""

    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.text[:80]


class Entry(models.Model):
    """A numbered place in a user's stream."""

    pk = models.CompositePrimaryKey("user_id", "seq")
    # Without database constraints: they would lock the user's row in every transaction that tells it something.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    seq = models.BigIntegerField()
    topic = models.CharField(max_length=12)
    item = models.BigIntegerField(null=True, help_text="The recipient's own row that the body leaves open.")
    body = models.ForeignKey(Body, models.CASCADE, db_constraint=False, related_name="+")

    def __str__(self) -> str:
        return f"{self.user_id}/{self.seq} {self.topic}"


class Announcement(models.Model):
    """The same words to many. Delivered in chunks; one broken off goes on after `told_up_to`."""

    class Audience(models.TextChoices):
        EVERYONE = "everyone", _("everyone")
        MEMBERS = "members", _("all members")
        AGENTS = "agents", _("all agents")
        CUSTOMERS = "customers", _("all customers")
        STAFF = "staff", _("all staff")
        USERS = "users", _("chosen users")

    audience = models.CharField(_("audience"), max_length=10, choices=Audience)
    user_ids = models.JSONField(_("chosen users"), default=list, blank=True)
    type = models.CharField(_("type"), max_length=50, validators=[valid_type])
    title = models.CharField(_("title"), max_length=200)
    message = models.TextField(_("message"), max_length=4000)
    translations = models.JSONField(default=dict, blank=True, editable=False, help_text="Title and message by language, where they differ.")
    link = models.CharField(_("link"), max_length=500, blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)
    source = models.CharField(_("source"), max_length=50, blank=True)
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, help_text="Named by who sends, so that sending again is no second announcement.")
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    told_up_to = models.BigIntegerField(default=0, editable=False, help_text="Users with a number up to this one have been told.")
    told = models.PositiveIntegerField(_("told"), default=0, editable=False)
    completed_at = models.DateTimeField(_("completed"), null=True, editable=False)

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")

    def __str__(self) -> str:
        return self.title


class Notification(models.Model):
    """One thing that one user is told."""

    class Status(models.TextChoices):
        UNREAD = "unread", _("unread")
        READ = "read", _("read")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="notifications", verbose_name=_("recipient"))
    type = models.CharField(_("type"), max_length=50, validators=[valid_type])
    title = models.CharField(_("title"), max_length=200)
    message = models.TextField(_("message"), max_length=4000)
    link = models.CharField(_("link"), max_length=500, blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)
    source = models.CharField(_("source"), max_length=50, blank=True)
    status = models.CharField(_("status"), max_length=6, choices=Status, default=Status.UNREAD)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    announcement = models.ForeignKey(Announcement, models.SET_NULL, null=True, blank=True, related_name="notifications")

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], name="notification_newest"),
            models.Index(fields=["user"], condition=models.Q(status="unread"), name="notification_unread"),
            models.Index(fields=["-created_at"], name="notification_created"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "announcement"], name="announced_once"),
        ]

    def __str__(self) -> str:
        return self.title


class Preference(models.Model):
    """How a user wants to be told of one type of notification. No row: in full."""

    class Mode(models.TextChoices):
        OFF = "off", _("not at all")
        SILENT = "silent", _("silently")
        FULL = "full", _("in full")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    type = models.CharField(max_length=50, validators=[valid_type])
    mode = models.CharField(max_length=6, choices=Mode)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "type"], name="one_preference_per_type")]

    def __str__(self) -> str:
        return f"{self.type}: {self.mode}"
