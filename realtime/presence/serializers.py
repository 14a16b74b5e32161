"""Presence as REST shows it."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from realtime.presence.services import MOST

STATUSES: Final = ["online", "away", "busy", "offline"]


class OnlineQuery(serializers.Serializer[Any]):
    """How many of those who are online, those who came last first."""

    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=100)


class CountSerializer(serializers.Serializer[Any]):
    """How many members and agents are online: those of whom `user_status` tells."""

    online_count = serializers.IntegerField()


class PersonSerializer(serializers.Serializer[Any]):
    """How somebody is, over all of its connections. `last_seen` is when it came or went last, to about a minute; null: never."""

    user_id = serializers.IntegerField()
    online = serializers.BooleanField()
    status = serializers.ChoiceField(STATUSES)
    last_seen = serializers.DateTimeField(allow_null=True)
    connections_count = serializers.IntegerField()


class OnlineSerializer(CountSerializer):
    users = PersonSerializer(many=True)


class ConnectionsSerializer(serializers.Serializer[Any]):
    """Over all workers. `users` has at most 1,000 names with their connections, and none unless staff asks."""

    total_users = serializers.IntegerField()
    total_connections = serializers.IntegerField()
    users = serializers.DictField(child=serializers.IntegerField())
