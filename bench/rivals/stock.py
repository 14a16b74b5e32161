"""Channels as its tutorial has it: a consumer, a group, a handler."""

from __future__ import annotations

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter

from bench.rivals.tokens import CONNECTED, user_of

django.setup()


class Consumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.group = f"user.{user_of(self.scope['query_string'])}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send(text_data=CONNECTED)

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def push(self, event: dict[str, str]) -> None:
        await self.send(text_data=event["frame"])


application = ProtocolTypeRouter({"websocket": Consumer.as_asgi()})
