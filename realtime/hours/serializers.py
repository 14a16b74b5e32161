"""Business hours as REST shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from realtime.hours.models import known_zone
from realtime.hours.schedule import Span, clock


class HoursQuery(serializers.Serializer[Any]):
    """In whose times the away message speaks."""

    tz = serializers.CharField(max_length=64, required=False, validators=[known_zone], help_text="The caller's, such as Europe/Berlin; without it the shop's.")


class SpanSerializer(serializers.Serializer[Any]):
    """A part of a day, as `HH:MM` in the shop's time zone; it may close at `24:00`."""

    opens = serializers.CharField()
    closes = serializers.CharField()

    def to_representation(self, instance: Span) -> dict[str, str]:
        return {"opens": clock(instance.opens), "closes": clock(instance.closes)}


class WeekdaySerializer(serializers.Serializer[Any]):
    """0 is Monday."""

    weekday = serializers.IntegerField(min_value=0, max_value=6)
    slots = SpanSerializer(many=True)


class ExceptionSerializer(serializers.Serializer[Any]):
    """A date that is not like its weekday; without slots it is closed."""

    date = serializers.DateField()
    slots = SpanSerializer(many=True, source="spans")
    note = serializers.CharField()


class HoursSerializer(serializers.Serializer[Any]):
    """`nextOpening` and `awayMessage` are null while we are open; `nextOpening` also if it is more than 366 days away."""

    open = serializers.BooleanField()
    timeZone = serializers.CharField()
    nextOpening = serializers.DateTimeField(allow_null=True)
    awayMessage = serializers.CharField(allow_null=True)
    week = WeekdaySerializer(many=True)
    exceptions = ExceptionSerializer(many=True)
