"""What of presence outlives Redis."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class LastSeen(models.Model):
    """When a user came or went last, to about a minute; nothing of what it did while it appeared offline."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, db_constraint=False, related_name="last_seen")
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "last seen"

    def __str__(self) -> str:
        return f"{self.user_id}: {self.at:%Y-%m-%d %H:%M:%S}"
