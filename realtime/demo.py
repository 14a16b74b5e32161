"""What a newcomer finds: people, and enough that has happened to them that no page is empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from accounts.models import Agent, Role, User
from accounts.services import make_customer
from notifications.models import Notification
from notifications.services import notify, set_status
from realtime.chat import services
from realtime.chat.models import Message, Session
from realtime.chat.posting import Post, post
from realtime.desk.models import CannedReply

PASSWORD: Final = "password123"  # noqa: S105
PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "agent001": {"role": Role.AGENT, "display_name": "Bob"},
    "agent002": {"role": Role.AGENT, "display_name": "Alice"},
    "mia": {"role": Role.MEMBER, "display_name": "Mia"},
    "john": {"role": Role.MEMBER, "display_name": "John"},
    "admin": {"role": Role.MEMBER, "display_name": "Admin", "is_staff": True, "is_superuser": True},
}

_REPLIES: Final = {
    "hello": "Hello {customer}, I am {agent}. How can I help you?",
    "moment": "One moment please, I am looking into it.",
    "parcel": "Your parcel is on its way. You get the tracking number by mail within the hour.",
    "refund": "The refund is on its way; it takes your bank two to three days.",
    "bye": "You are welcome, {customer}. Have a good day.",
}
_NOTIFICATIONS: Final = (
    {"type": "system", "title": "Welcome", "message": "This is where you read what is new. It comes without reloading."},
    {"type": "new_follower", "title": "New follower", "message": "John follows you.", "link": "/", "data": {"follower": "john"}},
    {"type": "new_comment", "title": "New comment", "message": "John wrote: “Where did you find this one?”", "link": "/"},
    {"type": "analysis", "title": "Your report is ready", "message": "12 of 12 pages were read.", "link": "/"},
)


@dataclass(frozen=True)
class _Story:
    """What was said in a session, each line so many minutes ago. Lines that begin with “> ” are the agent's, with “# ” its notes."""

    customer: str
    metadata: dict[str, Any]
    lines: Sequence[tuple[float, str]]
    agent: str | None = None
    rating: int | None = None
    comment: str = ""
    channel: str = "WEB"


_STORIES: Final = (
    _Story(
        customer="Zoë",
        metadata={"page": "/orders/1042", "timeZone": "Europe/Berlin"},
        agent="agent001",
        rating=5,
        comment="Fast and kind.",
        lines=(
            (1504, "Hello, I ordered the wrong size. Can I still change it?"),
            (1503, "> Hello Zoë, I am Bob. Which size should it be?"),
            (1501, "M instead of L, please. It is order 1042."),
            (1500, "# Not packed yet, changed it in the shop."),
            (1499, "> Done. You get a new confirmation by mail."),
            (1498, "Great, thank you."),
        ),
    ),
    _Story(
        customer="Ann",
        metadata={"page": "/cart", "timeZone": "America/New_York", "plan": "gold"},
        agent="agent001",
        lines=(
            (22, "Hi, do you ship to Canada?"),
            (21, "> Hello Ann, we do. It takes five to seven days."),
            (20, "And can I pay by invoice there?"),
            (18, "> Yes, from the second order on."),
        ),
    ),
    _Story(
        customer="李明",
        metadata={"page": "/help", "timeZone": "Asia/Shanghai"},
        channel="WECHAT",
        lines=((3, "你好，我的包裹什么时候能到？订单号是 1077。"),),
    ),
)


def make_people() -> list[str]:
    """Make those who are not there; returns their usernames."""
    return [username for username, fields in PEOPLE.items() if _make(username, fields)]


def missing() -> list[Callable[[], None]]:
    """What makes the rest, of which there is nothing yet. To be called with a Redis."""
    found: list[Callable[[], None]] = []
    if not CannedReply.objects.exists():
        found.append(_make_replies)
    if not Notification.objects.filter(user__username="mia").exists():
        found.append(_make_notifications)
    if not Session.objects.exists():
        found.append(_make_sessions)
    return found


@transaction.atomic
def _make(username: str, fields: dict[str, Any]) -> bool:
    if User.objects.filter(username=username).exists():
        return False
    user = User.objects.create_user(username, password=PASSWORD, **fields)
    if user.role == Role.AGENT:
        Agent.objects.create(user=user)
    return True


def _make_replies() -> None:
    CannedReply.objects.bulk_create([CannedReply(shortcut=shortcut, text=text) for shortcut, text in _REPLIES.items()])


def _make_notifications() -> None:
    mia = User.objects.get(username="mia")
    for each in _NOTIFICATIONS:
        notify(users=mia, source="demo", **each)
    own = list(Notification.objects.filter(user=mia, source="demo").order_by("pk"))
    for hours, one in zip((49, 26, 3, 0.2), own, strict=True):
        Notification.objects.filter(pk=one.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    set_status(notifications=Notification.objects.filter(pk__in=[each.pk for each in own[:2]]), status="read")


def _make_sessions() -> None:
    for story in _STORIES:
        _tell(story)


def _tell(story: _Story) -> None:
    customer = make_customer(name=story.customer, channel=story.channel, metadata=story.metadata).user
    (_, question), *more = story.lines
    session = services.open_session(customer=customer, text=question).session
    if story.agent is None:
        _put_back(session, story)
        return
    agent = User.objects.get(username=story.agent)
    if session.agent is None:
        services.claim(agent=agent, session_id=session.public_id)
    else:  # who answers while this is made
        agent = session.agent
    for _, line in more:
        sender = agent if line.startswith(("> ", "# ")) else customer
        text = line.removeprefix("> ").removeprefix("# ")
        post(Post(sender_id=sender.pk, role=sender.role, session_id=session.public_id, text=text, is_note=line.startswith("# ")))
    if story.rating is not None:
        services.close(by=agent, session_id=session.public_id)
        services.rate(customer=customer, session_id=session.public_id, rating=story.rating, comment=story.comment)
    _put_back(session, story)


def _put_back(session: Session, story: _Story) -> None:
    """Let it have happened when the story says so."""
    session.refresh_from_db()
    at = [timezone.now() - timedelta(minutes=minutes) for minutes, _ in story.lines]
    said = session.messages.exclude(sender_type=Message.SenderType.SYSTEM).order_by("order")
    for moment, message in zip(at, said, strict=True):
        Message.objects.filter(pk=message.pk).update(created_at=moment)
    session.opened_at, session.written_at = at[0], at[-1]
    session.waiting_since = at[0] if session.waiting_since else None
    session.owed_since = at[-1] if session.owed_since else None
    session.assigned_at = at[0] if session.assigned_at else None
    session.answered_at = at[1] if session.answered_at else None
    session.closed_at = at[-1] if session.closed_at else None
    session.save()
