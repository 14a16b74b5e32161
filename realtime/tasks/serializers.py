"""Tasks as REST reads and shows them."""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.claims import MAX_ID
from accounts.fields import Flag, Number, Real, Text
from accounts.models import User
from notifications.serializers import LARGEST_ID, Choice, Unchecked
from notifications.wire import MAX_SEQ
from realtime.tasks.events import why
from realtime.tasks.models import LONGEST_ID, Task, valid_id
from realtime.tasks.reports import LONGEST_TEXT
from realtime.tasks.services import LONGEST_TIMEOUT

MOST: Final = 100
"""Tasks of one page: each may have a result of 32 KiB."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class TaskSerializer(serializers.Serializer[Any]):
    """A task as it is. `progress` is in percent, `timeout` in seconds; `total_steps` is 0 where it is not known."""

    id = serializers.CharField(source="public_id")
    user_id = serializers.IntegerField(source="owner_id", help_text="Whose task it is.")
    title = serializers.CharField()
    status = serializers.ChoiceField(Task.Status.choices)
    step = serializers.IntegerField()
    total_steps = serializers.IntegerField()
    progress = serializers.SerializerMethodField()
    message = serializers.CharField()
    result = serializers.JSONField(allow_null=True)
    error = serializers.SerializerMethodField(help_text="Why it has failed or was cancelled, or empty.")
    notify = serializers.BooleanField(help_text="Whether its end makes a notification.")
    link = serializers.CharField()
    version = serializers.IntegerField(help_text="Of two the one with the higher version is the later.")
    cancel_requested = serializers.BooleanField(help_text="Whether somebody has asked it to stop.")
    timeout = serializers.FloatField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_progress(self, task: Task) -> float:
        return round(task.progress, 1)  # as in frames

    def get_error(self, task: Task) -> str:
        return why(task) if task.status in (Task.Status.FAILED, Task.Status.CANCELLED) else ""


class TaskQuery(serializers.Serializer[Any]):
    """Which of one's own tasks."""

    status = Choice(Task.Status.choices, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=50)
    cursor = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, help_text="Only those before this place; `next` has it.")


class TaskPage(serializers.Serializer[Any]):
    """A page, newest first. It holds all ends that the caller's stream tells up to number `as_of`, and perhaps more."""

    results = TaskSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    as_of = serializers.IntegerField()


class BeginSerializer(serializers.Serializer[Any]):
    """A task to begin; `context["user"]` is who begins it. The same `id` again is the same task."""

    id = Text(
        max_length=LONGEST_ID,
        allow_blank=True,
        trim_whitespace=False,
        validators=[valid_id],
        default="",
        help_text="Its name, chosen by a service as it likes; of people a UUID. Without it one is made.",
    )
    user_id = Number(min_value=1, max_value=MAX_ID, required=False, help_text="Whose task it is. A service must say so; people begin their own only.")
    title = Text(max_length=200)
    total_steps = Number(min_value=0, max_value=MAX_SEQ, default=0, help_text="0: not known.")
    notify = Flag(default=False, help_text="Make a notification of its end.")
    link = Text(max_length=500, allow_blank=True, default="", help_text="Where that notification leads.")
    timeout = Real(min_value=0.5, max_value=LONGEST_TIMEOUT, required=False, help_text="Seconds without a report after which it has failed.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # What people may choose is out of the way of what services count, so that nobody can take such an id first.
        if isinstance(self.context["user"], User):
            if attrs["id"] and not _UUID.fullmatch(attrs["id"]):
                raise serializers.ValidationError({"id": _("Use a UUID, or leave it out.")})
        elif "user_id" not in attrs:
            raise serializers.ValidationError({"user_id": _("Say whose task it is.")})
        return attrs


class ReportSerializer(serializers.Serializer[Any]):
    """What has changed of a task. Nothing at all is a sign of life."""

    version = Number(min_value=1, max_value=MAX_SEQ, required=False, help_text="Of the report: 1 for the first one. Without it this is the latest.")
    step = Number(min_value=0, max_value=MAX_SEQ, required=False)
    total_steps = Number(min_value=0, max_value=MAX_SEQ, required=False)
    progress = Real(min_value=0, max_value=100, required=False, help_text="In percent. Without it, it is reckoned from the steps.")
    message = Text(max_length=LONGEST_TEXT, allow_blank=True, required=False)
    status = Choice(Task.Status.choices, required=False)
    result = Unchecked(required=False, allow_null=True, help_text="Any JSON of at most 32 KiB.")
    error = Text(max_length=LONGEST_TEXT, allow_blank=True, required=False, help_text="Why it has failed, as its owner shall read it.")
