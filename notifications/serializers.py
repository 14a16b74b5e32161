"""Notifications as REST reads and shows them. What a notification may say is checked by `content`, for every way in."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.fields import Number, Text
from notifications.content import DATA_BYTES, DATA_DEPTH
from notifications.models import Announcement, Notification, Preference, valid_type

MOST_USERS: Final = 1000  # of one request; an audience has no such bound
LARGEST_ID: Final = 2**63 - 1


class Choice(serializers.ChoiceField):
    """One of some words. What is no text is refused unseen: the framework's own field would print it first."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=type(data).__name__)
        chosen: str = super().to_internal_value(data)
        return chosen


@extend_schema_field({})
class Unchecked(serializers.Field[Any, Any, Any, Any]):
    """Any JSON, for a service that checks it in a bounded way."""

    def to_internal_value(self, data: Any) -> Any:
        return data


@extend_schema_field(OpenApiTypes.OBJECT)
class UncheckedObject(Unchecked):
    """The same, of which only an object will do."""


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """The same members as in a frame; `content` repeats `message`."""

    content = serializers.CharField(source="message", read_only=True)

    class Meta:
        model = Notification
        fields: ClassVar = ["id", "type", "title", "message", "content", "data", "link", "source", "status", "created_at"]
        read_only_fields = fields


class ListQuery(serializers.Serializer[Any]):
    """Which of one's own notifications."""

    status = Choice(Notification.Status.choices, required=False)
    type = serializers.CharField(max_length=50, required=False, validators=[valid_type])
    limit = serializers.IntegerField(min_value=0, max_value=1000, default=50, help_text="0 asks for `unread_count` and `as_of` alone.")
    cursor = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, help_text="Only those with a lower id; `next` has it.")


class NotificationPage(serializers.Serializer[Any]):
    """A page, newest first. `unread_count` counts all of the user's, whatever was asked for, and is true at number `as_of` of its stream."""

    results = NotificationSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    unread_count = serializers.IntegerField()
    as_of = serializers.IntegerField()


class SendSerializer(serializers.Serializer[Any]):
    """Something to tell: to one user, to several, or to an audience."""

    user_id = Number(required=False)
    user_ids = serializers.ListField(child=Number(), min_length=1, max_length=MOST_USERS, required=False)
    audience = Choice([each for each in Announcement.Audience.choices if each[0] != "users"], required=False)
    type = Text(max_length=50)
    title = Text(max_length=200)
    message = Text(max_length=4000)
    link = Text(max_length=500, allow_blank=True, default="")
    data = UncheckedObject(default=dict, help_text=f"An object of at most {DATA_BYTES} bytes as JSON, {DATA_DEPTH} levels deep.")  # type: ignore[assignment]
    source = Text(max_length=50, allow_blank=True, default="")  # type: ignore[assignment]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("user_id", "user_ids", "audience") if name in attrs]
        if len(named) != 1:
            text = _("Name the recipients by exactly one of user_id, user_ids and audience.")
            raise serializers.ValidationError(dict.fromkeys(named or ["user_id"], text))
        return attrs


class AnnouncementSerializer(serializers.ModelSerializer[Announcement]):
    """What was told to an audience; `completed_at` is null if it broke off, and staff can continue it in the admin."""

    class Meta:
        model = Announcement
        fields: ClassVar = ["id", "audience", "told", "completed_at"]
        read_only_fields = fields


class SentSerializer(serializers.Serializer[Any]):
    """The ids of what was stored (who has turned the type off has none), or the announcement."""

    ids = serializers.ListField(child=serializers.IntegerField(), required=False)
    announcement = AnnouncementSerializer(required=False)


class StatusSerializer(serializers.Serializer[Any]):
    status = Choice(Notification.Status.choices)


class ReadAllSerializer(serializers.Serializer[Any]):
    """`up_to` is the newest id that the user has seen; without it all are meant."""

    up_to = Number(min_value=1, max_value=LARGEST_ID, required=False)


class ReadAllAnswer(serializers.Serializer[Any]):
    """How many were unread before, and the count after."""

    changed = serializers.IntegerField()
    unread_count = serializers.IntegerField()
    as_of = serializers.IntegerField()


class PreferencesSerializer(serializers.Serializer[Any]):
    """`off`, `silent` or `full` by type. A type that is not named is told in full."""

    preferences = serializers.DictField(child=Choice(Preference.Mode.choices))
