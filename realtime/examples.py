"""One of each frame as it may be on the wire: mia (123) and John (456) are members, Ann (457) a customer, Bob (7) an agent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from notifications import wire
from notifications.events import NotificationData, NotificationSent, NotificationStateChanged, NotificationStateData
from realtime import commands, events
from realtime.chat import commands as direct
from realtime.chat import events as chat
from realtime.chat import support_commands as support
from realtime.presence import commands as presence
from realtime.presence import events as people
from realtime.tasks import events as tasks

_AT: Final = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
_SESSION: Final = "a3d8a52e-6d5e-4a5b-9f0e-3f4a4b1c2d3e"
_MESSAGE: Final = "6f1c8a52-6d5e-4a5b-9f0e-3f4a4b1c2d3e"


def _written(name: str, text: str) -> chat.MessageData:
    return chat.MessageData(
        id=UUID(_MESSAGE),
        session_id=UUID(_SESSION),
        sender_type="AGENT",
        sender_id=7,
        agent_name="Bob",
        text=text,
        is_mine=False,
        created_at=_AT,
        client_message_id=name,
    )


def _task(status: Any, **more: Any) -> dict[str, Any]:
    report = {"task_id": "import-7", "title": "Import", "message": "Reading", "step": 1, "total_steps": 5, "progress": 20.0, "version": 2, "timestamp": _AT}
    return {**report, "status": status, **more}


_EVENTS: Final[tuple[wire.Event, ...]] = (
    events.Connected(
        data=events.ConnectedData(
            message="Welcome, mia!",
            user_id=123,
            online_count=42,
            seq=17,
            epoch="61cd4679f044",
            resumed=True,
            heartbeat_interval=30.0,
            connection_id="4711-9fb2c3d4e5f60718",
        ),
        timestamp=_AT,
    ),
    events.Heartbeat(data=events.HeartbeatData(seq=17, online_count=42), timestamp=_AT),
    events.Pong(timestamp=_AT, client_timestamp=1760000000000),
    events.TokenExpiring(data=events.TokenExpiringData(expires_at=_AT)),
    events.Error(error_code="INVALID_MESSAGE", message="The field “since” must be at least 0.", timestamp=_AT),
    NotificationSent(
        seq=msgspec.Raw(b"18"),
        notification_type="new_follower",
        timestamp=_AT,
        data=NotificationData(
            id=msgspec.Raw(b"789"),
            type="new_follower",
            title="New follower",
            message="John follows you",
            content="John follows you",
            data={"follower_id": 456},
            link="/users/456",
            source="community",
            status="unread",
            created_at=_AT,
        ),
    ),
    NotificationStateChanged(
        seq=msgspec.Raw(b"25"), data=NotificationStateData(ids=[789], all_up_to=None, status="read", unread_count=3, as_of=msgspec.Raw(b"25"))
    ),
    chat.DirectMessageSent(
        seq=msgspec.Raw(b"26"),
        timestamp=_AT,
        data=chat.DirectData(
            id=UUID(_MESSAGE), from_user_id=456, from_username="John", to_user_id=123, message="Hello!", timestamp=_AT, client_message_id="m-17"
        ),
    ),
    chat.MessageSent(seq=msgspec.Raw(b"27"), message=_written("m-18", "Hello")),
    chat.OfflineMessage(seq=msgspec.Raw(b"27"), message=_written("m-18", "Hello")),
    chat.OfflineMessagesComplete(count=1),
    chat.NoteWritten(seq=msgspec.Raw(b"28"), note=_written("", "Asked the warehouse.")),
    chat.SessionChanged(
        seq=msgspec.Raw(b"29"),
        session=chat.SessionData(
            id=UUID(_SESSION),
            status="open",
            reason="transferred",
            channel="WEB",
            subject="",
            customer=chat.Person(user_id=457, name="Ann"),
            agent=chat.Person(user_id=7, name="Bob"),
            opened_at=_AT,
            waiting_since=None,
            assigned_at=_AT,
            answered_at=None,
            closed_at=None,
            rating=None,
            comment="",
            note="She has written about this before.",
        ),
    ),
    chat.Queue(data=chat.QueueData(session_id=UUID(_SESSION), position=2, waiting=5, estimate_s=90)),
    chat.Waiting(data=chat.WaitingData(count=5)),
    chat.MessagesRead(seq=msgspec.Raw(b"30"), data=chat.ReadData(session_id=UUID(_SESSION), user_id=7, up_to=UUID(_MESSAGE))),
    chat.Looking(data=chat.LookingData(session_id=UUID(_SESSION), agents=[chat.Person(user_id=7, name="Bob")])),
    people.UserStatus(data=people.UserStatusData(user_id=456, status="online", timestamp=_AT)),
    people.Presence(data=people.PresenceData(user_id=456, status="away", data=msgspec.Raw(b'{"device":"desktop"}'))),
    people.Typing(data=people.TypingData(user_id=456, is_typing=True, context="post_123")),
    tasks.Progress(data=tasks.TaskData(**_task("running"))),
    tasks.Completed(seq=msgspec.Raw(b"31"), data=tasks.CompletedData(**_task("completed", step=5, progress=100.0, version=5), result={"rows": 3})),
    tasks.TaskFailed(seq=msgspec.Raw(b"32"), message="The file is empty.", data=tasks.TaskData(**_task("failed")), timestamp=_AT),
)

_COMMANDS: Final[tuple[wire.Command, ...]] = (
    commands.Ping(timestamp=1760000000000),
    commands.Resume(since="61cd4679f044:17"),
    commands.Ack(seq=17),
    commands.Auth(token="eyJ…"),  # noqa: S106
    direct.SendDirectMessage(to_user_id=456, message="Hello!", client_message_id="m-17"),
    support.WriteMessage(session_id=_SESSION, text="Hello", client_message_id="m-18"),
    support.Read(session_id=_SESSION, up_to=_MESSAGE),
    support.Look(session_id=_SESSION),
    presence.Presence(status="away", data={"device": "desktop"}),
    presence.Watch(user_ids=[456], contexts=["post_123"]),
    presence.Typing(data=presence.TypingIn(is_typing=True, context="post_123")),
)

EXAMPLES: Final[Mapping[type[msgspec.Struct], Any]] = {type(each): msgspec.json.decode(msgspec.json.encode(each)) for each in (*_EVENTS, *_COMMANDS)}
"""By its declaration, as what JSON holds."""
