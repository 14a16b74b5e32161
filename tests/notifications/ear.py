"""Hearing what is published to a user's group, as a worker would."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import redis
from channels.layers import get_channel_layer
from django.conf import settings

from accounts.groups import publish, user_group
from accounts.models import User

PATIENCE = 5.0  # seconds


class Ear:
    """Listens to users' groups inside a `with` block."""

    def __init__(self, *users: User) -> None:
        self.users = users
        self.layer: Any = get_channel_layer()

    def heard(self) -> list[dict[str, Any]]:
        """All messages since it was last asked, in order; nothing that was published before is missing."""
        publish([(user_group(self.users[0].pk), {"type": "end of it"})])
        messages: list[dict[str, Any]] = []
        while True:
            line = self.subscription.get_message(timeout=PATIENCE)
            assert line is not None, "Redis delivers nothing"
            message = self.layer.deserialize(line["data"])
            if message["type"] == "end of it":
                return messages
            messages.append(message)

    def __enter__(self) -> Self:
        self.client = redis.Redis.from_url(settings.REDIS_URL)
        self.subscription = self.client.pubsub(ignore_subscribe_messages=False)
        prefix = settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"]
        self.subscription.subscribe(*(f"{prefix}__group__{user_group(user.pk)}" for user in self.users))
        for _ in self.users:
            assert self.subscription.get_message(timeout=PATIENCE) is not None, "Redis does not confirm"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.subscription.close()
        self.client.close()
