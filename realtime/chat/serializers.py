"""Support sessions as REST reads and shows them. What is shown is shown to somebody: `context["user"]`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.claims import MAX_ID
from accounts.fields import Flag, Number, Text
from accounts.models import User
from accounts.serializers import CHANNEL
from notifications.serializers import Choice
from realtime.chat.models import LONGEST_NAME, LONGEST_TEXT, Message, Session, Transfer
from realtime.chat.words import agent_name, text_of

LONGEST_PREVIEW: Final = 200
LONGEST_CURSOR: Final = 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


Place = tuple[datetime, UUID]
"""Where a page of sessions ends: their time, and the session."""


def shown_agent(user: User | None) -> dict[str, Any] | None:
    """Whom a session is served by, as a customer may see it."""
    return {"userId": user.pk, "name": agent_name(user)} if user is not None else None


class SupportPersonSerializer(serializers.Serializer[Any]):
    """Somebody by the name that others may see."""

    userId = serializers.IntegerField()
    name = serializers.CharField()


class MessageSerializer(serializers.Serializer[Any]):
    """The same members as in a frame, and whether it is a note."""

    id = serializers.UUIDField(source="public_id")
    sessionId = serializers.UUIDField(source="session.public_id")
    senderType = serializers.ChoiceField(Message.SenderType.choices, source="sender_type")
    senderId = serializers.IntegerField(source="sender_id", allow_null=True)
    agentName = serializers.SerializerMethodField(help_text="Empty unless an agent has written.")
    text = serializers.SerializerMethodField()
    isMine = serializers.SerializerMethodField()
    isNote = serializers.BooleanField(source="is_note")
    createdAt = serializers.DateTimeField(source="created_at")
    clientMessageId = serializers.CharField(source="client_message_id", help_text="What its sender's client called it, or empty.")

    def get_agentName(self, message: Message) -> str:
        return agent_name(message.sender) if message.sender_type == Message.SenderType.AGENT else ""

    def get_text(self, message: Message) -> str:
        return text_of(message)

    def get_isMine(self, message: Message) -> bool:
        user: User = self.context["user"]
        return message.sender_id == user.pk


class PreviewSerializer(MessageSerializer):
    """A session's newest message that the caller may see, its text cut off after some 200 characters."""

    def get_text(self, message: Message) -> str:
        text = text_of(message)
        return text if len(text) <= LONGEST_PREVIEW else f"{text[: LONGEST_PREVIEW - 1]}…"


class SessionSerializer(serializers.Serializer[Any]):
    """The same members as in a frame, and what the caller has not read yet."""

    id = serializers.UUIDField(source="public_id")
    status = serializers.ChoiceField(Session.Status.choices)
    channel = serializers.CharField()
    subject = serializers.CharField()
    customer = serializers.SerializerMethodField()
    agent = serializers.SerializerMethodField()
    openedAt = serializers.DateTimeField(source="opened_at")
    waitingSince = serializers.DateTimeField(source="waiting_since", allow_null=True)
    assignedAt = serializers.DateTimeField(source="assigned_at", allow_null=True)
    answeredAt = serializers.DateTimeField(source="answered_at", allow_null=True)
    closedAt = serializers.DateTimeField(source="closed_at", allow_null=True)
    rating = serializers.IntegerField(allow_null=True)
    comment = serializers.CharField()
    unreadCount = serializers.SerializerMethodField()
    lastMessage = serializers.SerializerMethodField()
    readUpTo = serializers.SerializerMethodField(help_text="The newest message that the other side has read.")

    @extend_schema_field(SupportPersonSerializer)
    def get_customer(self, session: Session) -> dict[str, Any]:
        return {"userId": session.customer_id, "name": session.customer.shown_name}

    @extend_schema_field(SupportPersonSerializer(allow_null=True))
    def get_agent(self, session: Session) -> dict[str, Any] | None:
        return shown_agent(session.agent)

    def get_unreadCount(self, session: Session) -> int:
        count: int = self.context["unread"].get(session.pk, 0)
        return count

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_readUpTo(self, session: Session) -> str | None:
        seen = self.context["read"].get(session.pk)
        return None if seen is None else str(seen)

    @extend_schema_field(PreviewSerializer(allow_null=True))
    def get_lastMessage(self, session: Session) -> dict[str, Any] | None:
        last = self.context["last"].get(session.pk)
        return PreviewSerializer(last, context=self.context).data if last is not None else None


class TransferSerializer(serializers.Serializer[Any]):
    """Once that the session changed hands."""

    reason = serializers.ChoiceField(Transfer.Reason.choices)
    fromAgent = serializers.SerializerMethodField()
    toAgent = serializers.SerializerMethodField()
    by = serializers.SerializerMethodField()
    note = serializers.CharField()
    createdAt = serializers.DateTimeField(source="created_at")

    @extend_schema_field(SupportPersonSerializer(allow_null=True))
    def get_fromAgent(self, transfer: Transfer) -> dict[str, Any] | None:
        return shown_agent(transfer.from_agent)

    @extend_schema_field(SupportPersonSerializer(allow_null=True))
    def get_toAgent(self, transfer: Transfer) -> dict[str, Any] | None:
        return shown_agent(transfer.to_agent)

    @extend_schema_field(SupportPersonSerializer(allow_null=True))
    def get_by(self, transfer: Transfer) -> dict[str, Any] | None:
        return shown_agent(transfer.by)


class ParticipantSerializer(SupportPersonSerializer):
    """`readUpTo` is the newest message that it has read."""

    joinedAt = serializers.DateTimeField()
    readUpTo = serializers.UUIDField(allow_null=True)


class SessionDetail(SessionSerializer):
    """One session, true at number `asOf` of the caller's stream. Only agents and staff get `transfers` and `participants`, oldest first."""

    transfers = TransferSerializer(many=True, required=False)
    participants = ParticipantSerializer(many=True, required=False)
    asOf = serializers.IntegerField()


class SessionPage(serializers.Serializer[Any]):
    """A page. It holds all that the caller's stream tells up to number `asOf`, and perhaps more."""

    results = SessionSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    asOf = serializers.IntegerField()


class MessagePage(serializers.Serializer[Any]):
    """A page. It holds all that the caller's stream tells up to number `asOf`, and perhaps more."""

    results = MessageSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    asOf = serializers.IntegerField()


class UnreadSerializer(serializers.Serializer[Any]):
    """What the caller has not read in all its sessions, true at number `asOf` of its stream."""

    unreadCount = serializers.IntegerField(source="count")
    asOf = serializers.IntegerField(source="as_of")


@extend_schema_field({"type": "string", "maxLength": LONGEST_CURSOR, "pattern": "^[0-9]{1,17}\\.[0-9a-f]{32}$"})
class SessionCursor(serializers.Field[Any, Any, Any, Any]):
    """Where a page of sessions ended, as a text that holds nothing which the caller has not been shown."""

    default_error_messages = {"invalid": _("Use the cursor of `next` as it is.")}

    def to_internal_value(self, data: str) -> Place:
        microseconds, _dot, number = data[:LONGEST_CURSOR].partition(".")
        try:
            return _EPOCH + timedelta(microseconds=int(microseconds)), UUID(number)
        except (ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: Place) -> str:
        moment, number = value
        return f"{(moment - _EPOCH) // timedelta(microseconds=1)}.{number.hex}"


class SessionQuery(serializers.Serializer[Any]):
    """Which of the sessions that the caller may see."""

    status = Choice(Session.Status.choices, required=False)
    agent = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False, help_text="The agent's number.")
    channel = serializers.CharField(max_length=20, required=False)
    q = serializers.CharField(max_length=100, required=False, help_text="A part of the customer's name, the subject or what was written.")
    cursor = SessionCursor(required=False, help_text="Only those behind this place; `next` has it.")
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=50)

    def get_fields(self) -> dict[str, Any]:
        # `from` is no name that a class could give to a field.
        since = serializers.DateTimeField(required=False, help_text="Opened at this time or later. A date alone is its beginning in UTC.")
        until = serializers.DateTimeField(required=False, help_text="Opened before this time.")
        return {**super().get_fields(), "from": since, "to": until}


class MessageQuery(serializers.Serializer[Any]):
    """Which part of a session."""

    order = Choice([("newest", _("newest first")), ("oldest", _("oldest first"))], default="newest")
    cursor = serializers.UUIDField(required=False, help_text="Only those behind this message; `next` has it.")
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=50)


class SayingSerializer(serializers.Serializer[Any]):
    """What to write. The same `clientMessageId` again is the same message. A `note` is for agents only, who write and read it."""

    text = Text(max_length=LONGEST_TEXT)
    clientMessageId = Text(max_length=LONGEST_NAME, allow_blank=True, trim_whitespace=False, default="")
    note = Flag(default=False)


class OpenSerializer(serializers.Serializer[Any]):
    """What it is about and, if something is to be written at once, that. Without `channel` it is the customer's own."""

    subject = Text(max_length=200, allow_blank=True, default="")
    channel = Text(max_length=20, allow_blank=True, validators=[CHANNEL], default="")
    text = Text(max_length=LONGEST_TEXT, allow_blank=True, default="")
    clientMessageId = Text(max_length=LONGEST_NAME, allow_blank=True, trim_whitespace=False, default="")


class TransferToSerializer(serializers.Serializer[Any]):
    """To which agent, and what that one should know. The customer does not see the note."""

    toUserId = Number(min_value=1, max_value=MAX_ID)
    note = Text(max_length=500, allow_blank=True, default="")


class ReadSerializer(serializers.Serializer[Any]):
    """`upTo` is the newest message that was read; without it all are meant."""

    upTo = serializers.UUIDField(required=False, allow_null=True)


class RateSerializer(serializers.Serializer[Any]):
    """From 1, bad, to 5, very good."""

    rating = Number(min_value=1, max_value=5)
    comment = Text(max_length=1000, allow_blank=True, default="")
