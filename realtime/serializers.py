"""What REST says of sockets."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Role
from accounts.serializers import Problem
from realtime.sse import EVENTS


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


class StreamEvent(serializers.Serializer[Any]):
    """One event of a stream, as `EventSource` shows it."""

    id = serializers.CharField(help_text="epoch:number, where to go on from: the browser sends the last one as `Last-Event-ID`.")
    event = serializers.ChoiceField(sorted(EVENTS), help_text="The frame's `type`.")
    data = serializers.CharField(help_text="The frame's `data`, as JSON.")  # type: ignore[assignment]


class SocketRefused(Problem):
    """A refusal, with the members that a handshake's has too; they also stand in the headers `X-WebSocket-Error-Code` and `-Message`."""

    error_code = serializers.CharField(help_text="The same as `code`.")
    message = serializers.CharField(help_text="The same as `detail`.")
