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
