"""Direct messages as REST reads and shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.fields import Text
from notifications.serializers import LARGEST_ID
from realtime.chat.models import LONGEST_NAME, LONGEST_TEXT, DirectMessage
from realtime.chat.words import deleted_text


class DirectMessageSerializer(serializers.Serializer[Any]):
    """The same members as in a frame's `data`."""

    id = serializers.UUIDField(source="public_id")
    from_user_id = serializers.IntegerField(source="sender_id")
    from_username = serializers.CharField(source="sender.shown_name")
    to_user_id = serializers.IntegerField(source="recipient_id")
    message = serializers.SerializerMethodField()
    timestamp = serializers.DateTimeField(source="created_at")
    client_message_id = serializers.CharField(help_text="What its sender's client called it, or empty.")

    def get_message(self, message: DirectMessage) -> str:
        return message.text or deleted_text()


class DirectQuery(serializers.Serializer[Any]):
    """Which part of a conversation."""

    limit = serializers.IntegerField(min_value=1, max_value=1000, default=50)
    cursor = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, help_text="Only those before this place; `next` has it.")


class DirectMessagePage(serializers.Serializer[Any]):
    """A page, newest first. It holds all that the caller's stream tells up to number `as_of`, and perhaps more."""

    results = DirectMessageSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    as_of = serializers.IntegerField()


class SendDirectSerializer(serializers.Serializer[Any]):
    """What to write. The same `client_message_id` again is the same message."""

    message = Text(max_length=LONGEST_TEXT)
    client_message_id = Text(max_length=LONGEST_NAME, allow_blank=True, trim_whitespace=False, default="")
