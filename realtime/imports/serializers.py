"""What the lines of an import hold. Other members than these are mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError as Wrong
from django.utils import timezone
from rest_framework import serializers

from accounts.claims import MAX_ID
from accounts.fields import Flag, Metadata, Number, Text
from accounts.models import Role
from accounts.serializers import CHANNEL
from notifications.content import Content
from notifications.models import Notification
from realtime.chat.models import LONGEST_TEXT, Message, Session
from realtime.imports.models import LONGEST_REF

_CLOCKS: Final = timedelta(days=1)
"""By which the older system's clock may be ahead of ours."""


class Moment(serializers.DateTimeField):
    """ISO 8601 with an offset, such as 2024-05-01T09:30:00Z: without one nobody knows which moment is meant."""

    default_error_messages = {"naive": "Give the offset, such as 2024-05-01T09:30:00Z.", "future": "This has not happened yet."}

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, str) and not value.endswith(("Z", "z")) and value[-6:-5] not in ("+", "-"):
            self.fail("naive")
        moment: datetime = super().to_internal_value(value).astimezone(UTC)
        if moment > timezone.now() + _CLOCKS:
            self.fail("future")
        return moment


class Ref(Text):
    """What something is called in the older system."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=LONGEST_REF, **more)


class LineSerializer(serializers.Serializer[Any]):
    """What every line has. `references` names members that refer to earlier lines, and their kind."""

    references: Mapping[str, str] = {}
    kind = serializers.CharField()
    ref = Ref()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown[:5], "There is no such member."))
        return attrs


class UserLine(LineSerializer):
    """A member or an agent. `id` is its number, here as there; without it one is given."""

    id = Number(min_value=1, max_value=MAX_ID, required=False)
    username = Text(max_length=150, validators=[UnicodeUsernameValidator()])
    display_name = Text(max_length=100, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254, allow_blank=True, default="")
    role = serializers.ChoiceField([Role.MEMBER.value, Role.AGENT.value], default=Role.MEMBER.value)
    password = Text(max_length=128, allow_blank=True, default="", help_text="A hash as Django writes it; without one nobody logs in by password.")
    is_active = Flag(default=True)
    language = serializers.ChoiceField([code for code, _name in settings.LANGUAGES], default="")
    date_joined = Moment(required=False)
    max_sessions = Number(min_value=0, max_value=32_767, default=5)

    def validate_password(self, value: str) -> str:
        try:
            if value:
                identify_hasher(value)
        except ValueError as error:
            raise serializers.ValidationError("Must be a hash as Django writes it, such as pbkdf2_sha256$…, by one of PASSWORD_HASHERS.") from error
        return value or make_password(None)


class CustomerLine(LineSerializer):
    """A customer. `public_id` is the UUID by which its browser asks for a token, `external_id` the host's proved one."""

    id = Number(min_value=1, max_value=MAX_ID, required=False)
    public_id = serializers.UUIDField(required=False)
    external_id = Text(max_length=200, required=False)
    name = Text(max_length=100, allow_blank=True, default="")
    channel = Text(max_length=20, validators=[CHANNEL])
    metadata = Metadata(default=dict)
    created_at = Moment(required=False)


class NotificationLine(LineSerializer):
    """What a user was told."""

    references = {"user": "user"}
    user = Ref()
    type = serializers.CharField()
    title = serializers.CharField()
    message = serializers.CharField()
    link = serializers.CharField(allow_blank=True, default="")
    data = serializers.JSONField(default=dict)  # type: ignore[assignment]
    source = serializers.CharField(allow_blank=True, default="")  # type: ignore[assignment]
    status = serializers.ChoiceField(Notification.Status.values, default=Notification.Status.READ.value)
    created_at = Moment()
    read_at = Moment(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        said = {name: self.initial_data[name] for name in ("type", "title", "message", "link", "data", "source") if name in self.initial_data}
        try:
            content = Content.checked(**said)
        except Wrong as error:
            raise serializers.ValidationError(error.message_dict) from error
        words = content.words(settings.LANGUAGE_CODE)
        checked = {"type": content.type, "title": words.title, "message": words.message, "link": content.link, "data": content.data, "source": content.source}
        return {**attrs, **checked}


class SessionLine(LineSerializer):
    """A support session. One that is not closed is an agent's, or waits for one."""

    references = {"customer": "user", "agent": "user"}
    customer = Ref()
    agent = Ref(required=False, allow_null=True)
    public_id = serializers.UUIDField(required=False)
    channel = Text(max_length=20, validators=[CHANNEL])
    subject = Text(max_length=200, allow_blank=True, default="")
    status = serializers.ChoiceField(Session.Status.values, default=Session.Status.CLOSED.value)
    opened_at = Moment()
    assigned_at = Moment(required=False)
    answered_at = Moment(required=False)
    closed_at = Moment(required=False)
    rating = Number(min_value=1, max_value=5, required=False)
    comment = Text(max_length=1000, allow_blank=True, default="")
    rated_at = Moment(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        status = attrs["status"]
        if (status == Session.Status.CLOSED) != ("closed_at" in attrs):
            raise serializers.ValidationError({"closed_at": "A closed session needs it, and no other may have it."})
        if (status == Session.Status.OPEN and not attrs.get("agent")) or (status == Session.Status.WAITING and attrs.get("agent")):
            raise serializers.ValidationError({"agent": "An open session needs one, and one that waits has none."})
        early = [name for name in ("assigned_at", "answered_at", "closed_at", "rated_at") if name in attrs and attrs[name] < attrs["opened_at"]]
        if early:
            raise serializers.ValidationError(dict.fromkeys(early, "This is before the session was opened."))
        if "rating" in attrs and status != Session.Status.CLOSED:
            raise serializers.ValidationError({"rating": "Only a closed session can have one."})
        return attrs


class MessageLine(LineSerializer):
    """What was said in a session, in the order in which it was. `sender` is the agent; the customer is known."""

    references = {"session": "session", "sender": "user"}
    session = Ref()
    sender_type = serializers.ChoiceField([Message.SenderType.CUSTOMER.value, Message.SenderType.AGENT.value])
    sender = Ref(required=False, allow_null=True)
    text = Text(max_length=LONGEST_TEXT)
    note = Flag(default=False)
    read = Flag(default=True, help_text="Whether the other side has read it.")
    created_at = Moment()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs["sender_type"] == Message.SenderType.CUSTOMER and (attrs.get("sender") or attrs["note"]):
            raise serializers.ValidationError({"sender" if attrs.get("sender") else "note": "Only an agent's message can have it."})
        return attrs


KINDS: Final[Mapping[str, type[LineSerializer]]] = {
    "user": UserLine,
    "customer": CustomerLine,
    "notification": NotificationLine,
    "session": SessionLine,
    "message": MessageLine,
}
