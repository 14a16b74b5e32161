"""The sockets: one consumer, several filters. Each is registered once, here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from realtime import commands
from realtime.chat import commands as direct
from realtime.chat import support_commands as support
from realtime.chat.customers import CustomersView
from realtime.chat.looks import Looks
from realtime.chat.recall import Confirming, Recall
from realtime.consumer import SocketConsumer
from realtime.presence.commands import PRESENCE, TYPING, PresenceCommands
from realtime.presence.events import UserStatus
from realtime.refusals import OldClients
from realtime.tasks.steps import Steps
from realtime.tasks.watching import TaskSocket, TasksSocket


class MemberSocket(Steps, direct.DirectCommands, support.TypingAnywhere, CustomersView, Confirming, PresenceCommands, SocketConsumer):
    """The community site's: everything that concerns the user."""

    topics = ("notification", "direct", "support", "task")
    own_topics = ("direct.own", "support.own")
    accepts = {**commands.EVERYWHERE, **direct.COMMANDS, **PRESENCE, **TYPING}
    tells = (UserStatus,)
    old_clients = OldClients.STAY_AWAY
    looks = counts = True


class ChatSocket(support.SupportCommands, Looks, CustomersView, Recall, PresenceCommands, SocketConsumer):
    """The support widget's and the agent console's."""

    topics = ("support",)
    own_topics = ("support.own",)
    accepts = {**commands.EVERYWHERE, **support.COMMANDS, **PRESENCE, **TYPING}
    old_clients = OldClients.MIXED
    looks = True


class NotificationSocket(SocketConsumer):
    """The bell's."""

    topics = ("notification",)
    old_clients = OldClients.BY_HTTP


STREAM: Final = "api/notifications/stream"
"""Where the bell's frames are server-sent events, for a plain GET."""

SOCKETS: Final[Mapping[str, type[SocketConsumer]]] = {
    "api/v1/ws": MemberSocket,
    "ws/chat": ChatSocket,
    "api/ws/notifications": NotificationSocket,
    "api/ws/tasks/<str:task_id>": TaskSocket,
    "api/v1/ws/tasks/<str:user_id>": TasksSocket,
}
