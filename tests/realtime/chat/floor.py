"""The support floor of the routing's tests: what customers and agents do there, and what they were told of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from accounts.models import Agent, User
from notifications.models import Entry
from notifications.wire import splice
from realtime.chat import posting, routing, services
from realtime.chat.models import Message, Routing, Session, Transfer
from realtime.declined import Declined
from tests import cast
from tests.realtime.chat.conftest import CHAT, Open, wants
from tests.servers.waiting import until
from tests.sockets import Socket

SOON = 5.0
"""Seconds for what takes one on a machine that does nothing else."""


def agent(name: str = "bob", *, most: int) -> User:
    """An agent who may have so many sessions."""
    user = cast.agent(name)
    Agent.objects.filter(user=user).update(max_sessions=most)
    return user


def asks(customer: User, text: str = "Is anybody there?") -> Session:
    """A customer writes; its session."""
    return posting.post(wants(customer, text)).session


def new_question(name: str = "ann") -> Session:
    """A new customer's."""
    return asks(cast.customer(name))


def answers(by: User, session: Session, text: str = "Here I am.") -> None:
    posting.post(wants(by, text, session))


def closes(by: User, session: Session) -> None:
    services.close(by=by, session_id=session.public_id)


def now(session: Session) -> Session:
    """It, as it stands in the database."""
    return Session.objects.select_related("customer", "agent").get(pk=session.pk)


def is_with(session: Session, agent: User | None) -> bool:
    """Whether that agent has it; None: it waits."""
    found = now(session)
    return found.agent == agent and found.status == (Session.Status.WAITING if agent is None else Session.Status.OPEN)


def given_to(session: Session, agent: User | None, *, seconds: float = SOON) -> None:
    """Wait until that agent has it."""
    until(lambda: is_with(session, agent), what=f"it is with {agent}", seconds=seconds)


def comes(opened: Open, who: User, path: str = CHAT, *, new: bool = True) -> Socket:
    """An agent connects, and routing knows it."""
    socket = opened(who, path, new=new)
    until(lambda: who.pk in available(), what="it is available")
    return socket


def goes(socket: Socket, who: User) -> None:
    """An agent's only socket is closed, and routing knows it."""
    socket.close()
    until(lambda: who.pk not in connected(), what="it has gone")


def available() -> frozenset[int]:
    present = routing.here()
    return present.available if present else frozenset()


def connected() -> frozenset[int]:
    present = routing.here()
    return present.connected if present else frozenset()


def hands(session: Session) -> list[tuple[str, int | None, int | None]]:
    """Through whose hands it went: why, from whom, to whom."""
    return list(Transfer.objects.filter(session=session).order_by("pk").values_list("reason", "from_agent", "to_agent"))


def stream(user: User | int, kinds: Iterable[str] = ("session", "message", "note", "read")) -> list[dict[str, Any]]:
    """What stands in somebody's stream, in order."""
    entries = Entry.objects.filter(user=user).order_by("seq").values_list("body__text", "seq", "item")
    frames = (json.loads(splice(text, seq=seq, item=item)) for text, seq, item in entries)
    return [frame for frame in frames if frame["type"] in kinds]


def reasons(user: User) -> list[str]:
    """What somebody was told has become of sessions, in order."""
    return [frame["session"]["reason"] for frame in stream(user, ["session"])]


def said_by_the_system(session: Session) -> list[Message]:
    return list(Message.objects.filter(session=session, sender_type=Message.SenderType.SYSTEM).order_by("order"))


def at_once(*works: Callable[[], object]) -> list[object]:
    """Do these in threads that begin together; what each gave in the same order, or how it was declined."""
    together = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        together.wait()
        try:
            return work()
        except Declined as declined:
            return declined
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def swept() -> None:
    """Wait until some worker has looked twice."""
    for _ in range(2):
        before = Routing.objects.get().swept_at
        until(lambda before=before: Routing.objects.get().swept_at > before, what="a worker looks")  # type: ignore[misc]
