"""Two people who write to each other, and who looks on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import User
from notifications.models import Entry
from realtime.chat.direct import send_direct
from realtime.chat.models import DirectMessage, Session, Transfer
from realtime.chat.posting import Post
from realtime.chat.routing import here
from tests import cast
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import Frame, Socket, connect

MEMBERS = "/api/v1/ws"
CHAT = "/ws/chat"

Open = Callable[..., Socket]
Say = Callable[..., None]


def conversation(other: User | int) -> str:
    """The address of what the caller and this person have written."""
    return f"/api/v1/direct/{other if isinstance(other, int) else other.pk}/messages"


def wrote(sender: User, to: User, text: str = "Hello!", **more: str) -> DirectMessage:
    """Send it, from Python."""
    return send_direct(sender=sender, to_user_id=to.pk, text=text, **more).message


def topics(user: User) -> list[str]:
    """Of what stands in this user's stream, in order."""
    return list(Entry.objects.filter(user=user).order_by("seq").values_list("topic", flat=True))


@pytest.fixture(autouse=True)
def nobody_waits(db: None) -> None:
    """The floor is empty when a test begins."""
    empty_the_floor()


def empty_the_floor() -> None:
    """Routing is one for all: what other tests have left open would be given to this one's agents, and how long theirs took be told."""
    Transfer.objects.all().delete()
    Session.objects.exclude(status=Session.Status.CLOSED).update(status=Session.Status.CLOSED, closed_at=timezone.now(), owed_since=None)
    until(lambda: (present := here()) is not None and not present.available, what="their agents are gone, who would be given this one's")


def wants(sender: User, text: str, session: Session | UUID | None = None, name: str = "", *, note: bool = False) -> Post:
    """What somebody wants to write in a support session."""
    public_id = session.public_id if isinstance(session, Session) else session
    return Post(sender_id=sender.pk, role=sender.role, is_staff=sender.is_staff, session_id=public_id, text=text, client_message_id=name, is_note=note)


def texts(frames: Iterable[Frame]) -> list[str]:
    """Of the messages among these frames, in order."""
    return [frame["message"]["text"] for frame in frames if frame["type"] in ("message", "offline_message")]


@pytest.fixture
def cara(db: None) -> User:
    """Another customer."""
    return cast.customer("cara")


@pytest.fixture
def opened(server: Site, token: Callable[[User], str]) -> Iterator[Open]:
    """`opened(mia)`: an open socket of that user's old client; `opened(mia, new=True)`: of a new one; `since=5` resumes."""
    with ExitStack() as all_of_them:

        def opened(user: User, path: str = MEMBERS, *, new: bool = False, **query: object) -> Socket:
            socket = all_of_them.enter_context(connect(server.ws_url + path, token=token(user), new=new, query=query))
            socket.until("offline_messages_complete" if path == CHAT else "connected")
            return socket

        yield opened
