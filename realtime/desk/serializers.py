"""What REST takes and gives at the desk."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.core.validators import validate_email, validate_slug
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.claims import MAX_ID
from accounts.fields import Metadata, Text
from notifications.serializers import LARGEST_ID
from realtime.chat.models import Message, Session
from realtime.chat.words import agent_name
from realtime.desk.figures import MOST_DAYS
from realtime.hours import zones
from realtime.hours.models import known_zone
from realtime.presence.serializers import STATUSES

EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2999, 12, 31)


class NamedCustomer(serializers.Serializer[Any]):
    """A customer by its name."""

    userId = serializers.IntegerField(source="pk")
    name = serializers.CharField(source="shown_name")


class NamedAgent(serializers.Serializer[Any]):
    """An agent by the name that others see: never its username."""

    userId = serializers.IntegerField(source="pk")
    name = serializers.SerializerMethodField()

    def get_name(self, agent: Any) -> str:
        return agent_name(agent)


# Canned replies


class RepliesQuery(serializers.Serializer[Any]):
    """Which canned replies, and for whom they are filled in."""

    session = serializers.UUIDField(required=False, help_text="Fill in the names of this session's customer and of the caller.")
    q = serializers.CharField(max_length=100, required=False, allow_blank=True, help_text="Only those with this in their shortcut or text.")
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)
    cursor = serializers.CharField(max_length=50, required=False, validators=[validate_slug], help_text="Only those after this shortcut; `next` has it.")


class ReplySerializer(serializers.Serializer[Any]):
    """A canned reply; `text` with its placeholders, or with the names in their places."""

    shortcut = serializers.CharField()
    text = serializers.CharField()


class ReplyPage(serializers.Serializer[Any]):
    """A page, by shortcut."""

    results = ReplySerializer(many=True)
    next = serializers.URLField(allow_null=True)


# Before and behind the desk


class FrontSerializer(serializers.Serializer[Any]):
    """What a shop's page shows before anybody has written. `nextOpening` is null while it is open, or where it does not open within 366 days."""

    shopName = serializers.CharField()
    askName = serializers.BooleanField(help_text="Whether the widget asks for a name first.")
    identityRequired = serializers.BooleanField(help_text="Whether only customers whom the host site vouches for may write.")
    waitWarn = serializers.FloatField(help_text="Seconds from which on agents are shown that somebody waits long.")
    waitBad = serializers.FloatField(help_text="Seconds from which on it is too long.")
    answersIn = serializers.IntegerField(source="answers_in", allow_null=True, help_text="The usual seconds to the first answer; null: too few to say.")
    open = serializers.BooleanField()
    nextOpening = serializers.DateTimeField(source="next_opening", allow_null=True)
    agentsOnline = serializers.BooleanField(source="agents_online", help_text="Whether any agent is there.")
    emailPossible = serializers.BooleanField(help_text="Whether answers are mailed to who leaves an address.")


class AgentsQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)
    cursor = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False, help_text="Only those after this number; `next` has it.")


class AgentSerializer(serializers.Serializer[Any]):
    """An agent as its colleagues see it. `status` and `available` are null while Redis does not say."""

    userId = serializers.IntegerField(source="user.pk")
    name = serializers.CharField(source="user.shown_name")
    status = serializers.ChoiceField(STATUSES, source="load.status", allow_null=True)
    openSessions = serializers.IntegerField(source="load.serving")
    maxSessions = serializers.IntegerField(source="load.most")
    available = serializers.BooleanField(source="load.available", allow_null=True, help_text="Whether it would be given one more session.")


class AgentPage(serializers.Serializer[Any]):
    """A page, by number."""

    results = AgentSerializer(many=True)
    next = serializers.URLField(allow_null=True)


# A customer


class MeChange(serializers.Serializer[Any]):
    """What is left out stays. An empty name is none."""

    name = Text(max_length=100, allow_blank=True, required=False)
    metadata = Metadata(required=False)


class MeSerializer(serializers.Serializer[Any]):
    """A customer as it sees itself; `name` is what it gave, or empty."""

    userId = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    channel = serializers.CharField()
    metadata = serializers.JSONField()


class EarlierSession(serializers.Serializer[Any]):
    """One of a customer's sessions."""

    id = serializers.UUIDField(source="public_id")
    status = serializers.ChoiceField(Session.Status.choices)
    subject = serializers.CharField()
    channel = serializers.CharField()
    openedAt = serializers.DateTimeField(source="opened_at")
    closedAt = serializers.DateTimeField(source="closed_at", allow_null=True)
    agent = NamedAgent(allow_null=True)
    rating = serializers.IntegerField(allow_null=True)


class CardSerializer(serializers.Serializer[Any]):
    """A customer as agents see it: without its id, which is its only secret. `email` is null unless it has left one."""

    userId = serializers.IntegerField(source="pk")
    name = serializers.CharField(source="user.shown_name")
    channel = serializers.CharField()
    language = serializers.CharField(source="user.language")
    metadata = serializers.JSONField()
    email = serializers.CharField(source="user.contact.email", allow_null=True)
    blocked = serializers.SerializerMethodField()
    createdAt = serializers.DateTimeField(source="created_at")
    sessions = EarlierSession(many=True, help_text="The newest 20.")

    def get_blocked(self, customer: Any) -> bool:
        return hasattr(customer.user, "block")


class BlockSerializer(serializers.Serializer[Any]):
    reason = Text(max_length=500, allow_blank=True, default="", help_text="For the other agents.")


class EmailSerializer(serializers.Serializer[Any]):
    email = Text(max_length=254, validators=[validate_email])


# Search


class SearchQuery(serializers.Serializer[Any]):
    q = serializers.CharField(min_length=2, max_length=100, help_text="What the messages hold, in any case.")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20)
    cursor = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, help_text="Only those before this place; `next` has it.")


class FoundSession(serializers.Serializer[Any]):
    """Where a message was written."""

    id = serializers.UUIDField(source="public_id")
    status = serializers.ChoiceField(Session.Status.choices)
    subject = serializers.CharField()
    customer = NamedCustomer()


class FoundMessage(serializers.Serializer[Any]):
    """A message, as in a frame but for `isMine` and its client's name; with its session."""

    id = serializers.UUIDField(source="public_id")
    session = FoundSession()
    senderType = serializers.ChoiceField(Message.SenderType.choices, source="sender_type")
    senderId = serializers.IntegerField(source="sender_id", allow_null=True)
    agentName = serializers.SerializerMethodField(help_text="Empty unless an agent has written.")
    text = serializers.CharField()
    isNote = serializers.BooleanField(source="is_note")
    createdAt = serializers.DateTimeField(source="created_at")

    def get_agentName(self, message: Any) -> str:
        return agent_name(message.sender) if message.sender_type == Message.SenderType.AGENT else ""


class SearchPage(serializers.Serializer[Any]):
    """A page, newest first. One may hold less than `limit`, or nothing, and still have a `next`: each looks through a bounded number of messages."""

    results = FoundMessage(many=True)
    next = serializers.URLField(allow_null=True)


# Figures


class FiguresQuery(serializers.Serializer[Any]):
    """Which days, in which time zone, and whose."""

    to = serializers.DateField(help_text="The last day.")
    tz = serializers.CharField(max_length=64, default="UTC", validators=[known_zone], help_text="A time zone such as Europe/Berlin.")
    agent = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False, help_text="Only this agent's.")

    def get_fields(self) -> dict[str, Any]:
        first = serializers.DateField(help_text="The first day, such as 2026-11-01.")
        return {"from": first, **super().get_fields()}  # a word of Python's own

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = attrs["from"], attrs["to"]
        for name in ("from", "to"):
            if not EARLIEST <= attrs[name] <= LATEST:
                raise serializers.ValidationError({name: _("Use a day from %(first)s to %(last)s.") % {"first": EARLIEST, "last": LATEST}})
        if last < first:
            raise serializers.ValidationError({"to": _("Must not be before “from”.")})
        if (last - first).days >= MOST_DAYS:
            raise serializers.ValidationError({"to": _("Ask for at most %(n)d days.") % {"n": MOST_DAYS}})
        return {**attrs, "zone": zones.find(attrs["tz"])}


class FiguresSerializer(serializers.Serializer[Any]):
    """Of some sessions. What is not answered, closed or rated yet does not count where that is asked."""

    sessions = serializers.IntegerField()
    firstAnswerMedian = serializers.FloatField(source="answer_median", allow_null=True, help_text="Seconds from the opening to the first answer.")
    firstAnswerMean = serializers.FloatField(source="answer_mean", allow_null=True, help_text="Seconds.")
    lengthMean = serializers.FloatField(source="length_mean", allow_null=True, help_text="Seconds from the opening to the end.")
    ratings = serializers.IntegerField()
    ratingMean = serializers.FloatField(source="rating_mean", allow_null=True, help_text="From 1 to 5.")


class DayFigures(FiguresSerializer):
    """Of one day's sessions of one agent; null: those that are nobody's."""

    day = serializers.DateField()
    agent = NamedAgent(allow_null=True)


class FiguresAnswer(serializers.Serializer[Any]):
    """A row for each day and agent with a session, and the figures of all of them together."""

    days = DayFigures(many=True)
    totals = FiguresSerializer()
