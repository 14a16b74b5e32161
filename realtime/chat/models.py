"""What people write to each other."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LONGEST_TEXT = 4000
LONGEST_NAME = 100
"""Characters of what a client calls its message."""


class DirectMessages(models.QuerySet["DirectMessage"]):
    def between(self, one: int, other: int) -> DirectMessages:
        """The conversation of two people, newest first."""
        pair = self.alias(lower=_LOWER, higher=_HIGHER).filter(lower=min(one, other), higher=max(one, other))
        return pair.order_by("-pk")


_LOWER, _HIGHER = Least("sender_id", "recipient_id"), Greatest("sender_id", "recipient_id")


class DirectMessage(models.Model):
    """One message from one person to another.

    It is stored while both people's streams are locked, so that within a conversation the numbers of
    the rows are in the order in which both were told.
    """

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    # Without database constraints: they would lock both people's rows in every transaction that stores a message.
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+", verbose_name=_("sender"))
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="+", verbose_name=_("recipient"))
    text = models.TextField(_("message"), max_length=LONGEST_TEXT)
    client_message_id = models.CharField(max_length=LONGEST_NAME, blank=True, help_text="The sender's name for it, so that sending again is no second message.")
    sender_seq = models.BigIntegerField(help_text="Its number in the sender's own stream.")
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    objects: ClassVar[models.Manager[DirectMessage]] = DirectMessages.as_manager()

    class Meta:
        verbose_name = _("direct message")
        verbose_name_plural = _("direct messages")
        indexes: ClassVar = [models.Index(_LOWER, _HIGHER, F("id").desc(), name="direct_conversation")]
        constraints: ClassVar = [models.UniqueConstraint(fields=["sender", "client_message_id"], condition=~Q(client_message_id=""), name="direct_once")]

    def __str__(self) -> str:
        return self.text[:80]


class Session(models.Model):
    """A support session: one customer's conversation with whoever is its agent now."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="support_sessions", verbose_name=_("customer"))
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, db_constraint=False, null=True, blank=True, related_name="serving", verbose_name=_("agent")
    )
    channel = models.CharField(_("channel"), max_length=20)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.WAITING)
    newest = models.PositiveIntegerField(default=0, help_text="The place of its newest message.")
    opened_at = models.DateTimeField(_("opened"), default=timezone.now)
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True, help_text="Its place in the queue. It keeps that when its agent is lost.")
    assigned_at = models.DateTimeField(_("assigned"), null=True, blank=True)
    answered_at = models.DateTimeField(_("first answer"), null=True, blank=True)
    owed_since = models.DateTimeField(null=True, blank=True, help_text="When the customer wrote what nobody has answered yet.")
    written_at = models.DateTimeField(_("last message"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    rating = models.PositiveSmallIntegerField(_("rating"), null=True, blank=True)
    comment = models.TextField(_("comment"), max_length=1000, blank=True)
    rated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("support session")
        verbose_name_plural = _("support sessions")
        indexes: ClassVar = [
            models.Index(fields=["waiting_since", "id"], condition=Q(status="waiting"), name="session_queue"),
            models.Index(fields=["agent", "status"], name="session_of_agent"),
            models.Index(fields=["customer", "-id"], name="session_of_customer"),
            models.Index(fields=["-opened_at"], name="session_opened"),
        ]
        constraints: ClassVar = [models.UniqueConstraint(fields=["customer"], condition=~Q(status="closed"), name="one_session_at_once")]

    def __str__(self) -> str:
        return self.subject or f"{self._meta.verbose_name} {self.public_id}"


class Message(models.Model):
    """One message of a support session. Its `order` is given under the session's lock, so it has no holes.

    A note is the agents' own: no query for a customer may find it. What the system says is a code and its
    parameters, so that each reads it in its own language.
    """

    class SenderType(models.TextChoices):
        CUSTOMER = "CUSTOMER", _("customer")
        AGENT = "AGENT", _("agent")
        SYSTEM = "SYSTEM", _("system")

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    # Without database constraints: they would ask, in every transaction, for rows that are locked already or never go.
    session = models.ForeignKey(Session, models.CASCADE, db_constraint=False, related_name="messages", verbose_name=_("support session"))
    order = models.PositiveIntegerField()
    sender = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, db_constraint=False, null=True, related_name="+", verbose_name=_("sender"))
    sender_type = models.CharField(_("sender type"), max_length=8, choices=SenderType)
    is_note = models.BooleanField(_("note"), default=False)
    text = models.TextField(_("message"), max_length=LONGEST_TEXT, blank=True)
    said = models.JSONField(null=True, blank=True, help_text="What the system says: a code and its parameters.")
    client_message_id = models.CharField(max_length=LONGEST_NAME, blank=True, help_text="The sender's name for it, so that sending again is no second message.")
    sender_seq = models.BigIntegerField(default=0, help_text="Its number in the sender's own stream.")
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["session", "order"], name="message_order"),
            models.UniqueConstraint(fields=["sender", "client_message_id"], condition=~Q(client_message_id=""), name="message_once"),
        ]

    def __str__(self) -> str:
        return self.text[:80]


class Participant(models.Model):
    """Somebody's part in a session: its customer, and every agent it was ever assigned to."""

    session = models.ForeignKey(Session, models.CASCADE, db_constraint=False, related_name="participants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_constraint=False, related_name="participations")
    read_up_to = models.PositiveIntegerField(default=0, help_text="The place of the newest message that it has read.")
    joined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["session", "user"], name="one_part_each")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.session_id}"


class Transfer(models.Model):
    """A session changed hands. The rows of a session are its history."""

    class Reason(models.TextChoices):
        ROUTED = "routed", _("routed")
        CLAIMED = "claimed", _("claimed")
        TRANSFERRED = "transferred", _("transferred")
        GONE = "gone", _("agent gone")

    session = models.ForeignKey(Session, models.CASCADE, related_name="transfers", verbose_name=_("support session"))
    reason = models.CharField(_("reason"), max_length=11, choices=Reason)
    from_agent = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, db_constraint=False, null=True, related_name="+", verbose_name=_("from"))
    to_agent = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, db_constraint=False, null=True, related_name="+", verbose_name=_("to"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, db_constraint=False, null=True, related_name="+", verbose_name=_("by"))
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")

    def __str__(self) -> str:
        return self.get_reason_display()


class Attendance(models.Model):
    """What routing remembers of an agent. No row: an agent that nothing is known of yet."""

    agent = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="attendance")
    gone_since = models.DateTimeField(null=True, help_text="Since when it has had no connection, as far as Redis could be trusted.")
    idle_since = models.DateTimeField(null=True, help_text="When a session was given to it or closed last.")

    def __str__(self) -> str:
        return str(self.agent_id)


class Routing(models.Model):
    """The one row that every decision about who serves whom is made under."""

    swept_at = models.DateTimeField(help_text="When some worker last looked for agents that have come or gone.")

    def __str__(self) -> str:
        return str(self.swept_at)


class Confirmation(models.Model):
    """Up to which number of its stream a user's sockets have said that messages arrived."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="+")
    seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.seq}"


class Block(models.Model):
    """A customer who may not write any more."""

    customer = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="block", verbose_name=_("customer"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")

    def __str__(self) -> str:
        return self.reason
