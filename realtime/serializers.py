"""What REST says of sockets."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Role


class SocketStatus(serializers.Serializer[Any]):
    """Whose socket it would be. No `online_count` for customers, and while Redis does not answer.

    `broadcast_presence`: all who are not customers are told of everybody, and not only of those whom they `watch`.
    """

    authenticated = serializers.BooleanField()
    user_id = serializers.IntegerField()
    role = serializers.ChoiceField(Role.choices)
    expires_at = serializers.DateTimeField()
    online_count = serializers.IntegerField(required=False)
    heartbeat_interval = serializers.FloatField(help_text="Seconds.")
    broadcast_presence = serializers.BooleanField()


class SocketRefused(serializers.Serializer[Any]):
    """A refusal, as a handshake by HTTP has it; the same stands in the headers `X-WebSocket-Error-Code` and `-Message`."""

    error_code = serializers.CharField()
    message = serializers.CharField()
