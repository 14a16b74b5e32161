"""What came from older systems, by what it was called there."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

LONGEST_REF = 100


class Imported(models.Model):
    """The row that something of an older system has become. A reference is imported once, however often its line is read.

    A table of its own and no column of theirs: notifications are stored by the thousand, and few were imported.
    """

    class Kind(models.TextChoices):
        USER = "user"  # customers, too
        NOTIFICATION = "notification"
        SESSION = "session"
        MESSAGE = "message"

    kind = models.CharField(max_length=12, choices=Kind)
    ref = models.CharField(max_length=LONGEST_REF)
    row = models.BigIntegerField(help_text="Its number here.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "ref"], name="imported_once")]
        indexes: ClassVar = [models.Index(fields=["kind", "row"], name="imported_row")]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"
