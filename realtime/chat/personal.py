"""What people wrote: for an export, and to be deleted.

A customer's conversations are hers: of them only when they were, with whom, and how many stars she gave is kept, for the
figures. What agents wrote to customers is the shop's, and stays without their name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Role, User
from accounts.personal import erase_log, members
from notifications.personal import forget_told
from realtime.chat import queue, routing
from realtime.chat.events import DIRECT, OWN_DIRECT, OWN_SUPPORT, SUPPORT
from realtime.chat.locking import locked
from realtime.chat.models import Block, Confirmation, DirectMessage, Message, Participant, Session, Transfer
from realtime.chat.sessions import ACTIVE
from realtime.chat.words import agent_name, text_of

_SESSION: Final = ("public_id", "channel", "subject", "status", "opened_at", "assigned_at", "answered_at", "closed_at", "rating", "comment", "rated_at")


def export(user: User) -> Iterator[tuple[str, Any]]:
    """Sections of an export: a name, and an object or a list."""
    letters = DirectMessage.objects.filter(Q(sender=user) | Q(recipient=user)).order_by("pk")
    yield "direct_messages", letters.values("public_id", "sender_id", "recipient_id", "text", "created_at")
    yield "support_sessions", map(_session, Session.objects.filter(customer=user).select_related("agent").order_by("pk").iterator())
    if user.role != Role.CUSTOMER:
        written = Message.objects.filter(sender=user).order_by("pk")
        yield "support_messages", written.values("session__public_id", "text", "is_note", "created_at")
    block = Block.objects.filter(pk=user.pk).first()
    if block is not None:
        yield "block", members(block, ("reason", "created_at"))


def erase(user: User) -> tuple[Mapping[str, int], set[int]]:
    """Delete what this person wrote; returns what went, and who was told of it and has to load anew. Call it before the person loses its name."""
    routing.lock()
    concerned = _concerned(user)
    about = _about(user)
    letters = DirectMessage.objects.filter(sender=user)
    erase_log(letters)
    gone = {"direct messages": letters.update(text="", client_message_id="")}
    sessions = Session.objects.filter(customer=user)
    if user.role == Role.CUSTOMER:
        gone |= _erase_sessions(sessions)
    else:
        _erase_name(user)
    for rows in (Block.objects.filter(pk=user.pk), Confirmation.objects.filter(pk=user.pk)):
        erase_log(rows)
        rows.delete()
    # This locks their streams, and so it comes last.
    forget_told(concerned, (SUPPORT, OWN_SUPPORT, DIRECT, OWN_DIRECT), about=lambda text: any(each in text for each in about))
    return gone, concerned


def _session(session: Session) -> dict[str, Any]:
    said = Message.objects.filter(session=session).select_related("sender").order_by("order")
    names = ("public_id", "sender_type", "is_note", "created_at")
    messages = [{**members(message, names), "text": text_of(message)} for message in said]
    return {**members(session, _SESSION), "agent": agent_name(session.agent) if session.agent else None, "messages": messages}


def _concerned(user: User) -> set[int]:
    """With whom this person has talked: they were told."""
    part = Participant.objects.filter(user=user).values("session")
    people = {
        each for pair in DirectMessage.objects.filter(Q(sender=user) | Q(recipient=user)).values_list("sender_id", "recipient_id").distinct() for each in pair
    }
    people.update(Participant.objects.filter(session__in=part).values_list("user_id", flat=True))
    for each in Session.objects.filter(Q(customer=user) | Q(pk__in=part)).values_list("customer_id", "agent_id"):
        people.update(filter(None, each))
    return people - {user.pk}


def _about(user: User) -> list[str]:
    """What stands in every frame that names this person or one of its sessions."""
    numbers = [f'"{name}":{user.pk}{end}' for name in ("from_user_id", "to_user_id", "userId", "senderId", "user_id") for end in ",}"]
    # What the system says of an agent names it in words.
    named = [json.dumps(user.display_name, ensure_ascii=False)[1:-1]] if user.role == Role.AGENT and user.display_name else []
    return [*numbers, *named, *map(str, Session.objects.filter(customer=user).values_list("public_id", flat=True))]


def _erase_sessions(sessions: QuerySet[Session]) -> dict[str, int]:
    locked(sessions)
    said = Message.objects.filter(session__in=sessions.values("pk"))
    moved = Transfer.objects.filter(session__in=sessions.values("pk"))
    for rows in (sessions, said, moved):
        erase_log(rows)
    messages = said.filter(said__isnull=True).update(text="", client_message_id="")
    moved.update(note="")
    ended = {"status": Session.Status.CLOSED, "closed_at": timezone.now(), "owed_since": None, "waiting_since": None}
    if sessions.filter(status__in=ACTIVE).update(**ended):
        transaction.on_commit(queue.tell, robust=True)
    return {"support messages": messages, "support sessions, of which the times stay": sessions.update(subject="", comment="")}


def _erase_name(user: User) -> None:
    """What the system said of an agent has its name."""
    said = Message.objects.filter(said__isnull=False, session__in=Participant.objects.filter(user=user).values("session"))
    for message in said.iterator():
        names = {name: "" if value == user.display_name and name in ("left", "agent") else value for name, value in (message.said or {}).items()}
        if names != message.said:
            Message.objects.filter(pk=message.pk).update(said=names)
