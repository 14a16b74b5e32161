"""Two people who write to each other, and who looks on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from accounts.models import User
from notifications.models import Entry
from realtime.chat.direct import send_direct
from realtime.chat.models import DirectMessage
from tests.servers.workers import Site
from tests.sockets import Socket, connect

MEMBERS = "/api/v1/ws"

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


@pytest.fixture
def opened(server: Site, token: Callable[[User], str]) -> Iterator[Open]:
    """`opened(mia)`: an open socket of that user's old client; `opened(mia, new=True)`: of a new one; `since=5` resumes."""
    with ExitStack() as all_of_them:

        def opened(user: User, path: str = MEMBERS, *, new: bool = False, **query: object) -> Socket:
            socket = all_of_them.enter_context(connect(server.ws_url + path, token=token(user), new=new, query=query))
            socket.until("connected")
            return socket

        yield opened
