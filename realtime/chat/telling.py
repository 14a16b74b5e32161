"""What one transaction tells the people of support sessions: collected, and sent once, at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.conf import settings
from django.db import transaction
from django.utils import translation

from accounts.models import Role, User
from notifications import inbox
from notifications.inbox import Delivery, Late
from realtime.chat import queue
from realtime.chat.events import (
    MessageData,
    MessageSent,
    MessagesRead,
    NoteWritten,
    OwnMessageSent,
    OwnNoteWritten,
    Person,
    ReadData,
    SessionChanged,
    SessionData,
)
from realtime.chat.models import Message, Session
from realtime.chat.words import agent_name, text_of

Reason = Literal["opened", "assigned", "transferred", "returned", "closed", "reopened", "rated", "moved", "renamed"]


@dataclass
class Telling:
    """Nothing is sent before `send`. Each is told in its own language."""

    _deliveries: list[Delivery] = field(default_factory=list)
    _told: list[tuple[int, Message, dict[int, int], list[int]]] = field(default_factory=list)
    _queue: bool = False

    def message(self, message: Message, *, only: User | None = None) -> None:
        """What was written: to its session's people, of whom only the agents read notes, and to its author's own sockets.

        `only`: to this one, who has it before it from now on. `message.sender_seq` is known after `send`.
        """
        session, by = message.session, message.sender
        people = [only] if only is not None else [session.customer, session.agent]
        others = {user.pk: user for user in people if user is not None and user != by and not (message.is_note and user.role == Role.CUSTOMER)}

        def write(seqs: Mapping[int, int]) -> dict[int, MessageSent | NoteWritten]:
            return {
                user_id: message_event(message, language=others[user_id].language) if user_id in others else message_event(message, own=True)
                for user_id in seqs
            }

        own = [by.pk] if by is not None and only is None else []
        # By its number a message is found among those that nobody has confirmed. Notes are not sent again.
        items: dict[int, int] = {} if message.is_note or message.pk is None else dict.fromkeys(others, message.pk)
        if own or others:
            self._told.append((len(self._deliveries), message, items, list(others)))
            self._deliveries.append(Delivery(recipients=[*own, *others], event=Late(write), items=items))

    def session(self, session: Session, reason: Reason, *, also: Iterable[User] = (), note: str = "") -> None:
        """What has become of a session: to its customer, its agent and these."""
        for user in {user.pk: user for user in (session.customer, session.agent, *also) if user is not None}.values():
            with translation.override(user.language or settings.LANGUAGE_CODE):
                data = session_data(session, reason, note="" if user.role == Role.CUSTOMER else note)
            self._deliveries.append(Delivery(recipients=[user.pk], event=SessionChanged(session=data)))

    def read(self, session: Session, user_id: int, message: Message, *, before: int) -> None:
        """Up to which message somebody has read who had read up to the place `before`: to both sides. Of notes customers learn nothing."""
        seen: Message | None = message
        if message.is_note:
            said = Message.objects.filter(session=session, is_note=False, order__gt=before, order__lt=message.order)
            seen = said.order_by("-order").first()
        agents = {each for each in (user_id, session.agent_id) if each not in (None, session.customer_id)}
        for people, newest in ((agents, message), ({session.customer_id}, seen)):
            if newest is not None:
                data = ReadData(session_id=session.public_id, user_id=user_id, up_to=newest.public_id)
                self._deliveries.append(Delivery(recipients=[*people], event=MessagesRead(data=data)))

    def queue(self) -> None:
        """The queue has changed: to everybody who waits, after all else."""
        self._queue = True

    def send(self, store: Callable[[], None] | None = None) -> None:
        """The last thing in the transaction: it locks the inboxes. `store` stores messages of which each knows its `sender_seq` by then."""

        def numbered(numbers: Sequence[Mapping[int, int]]) -> None:
            for nth, message, _items, _others in self._told:
                message.sender_seq = numbers[nth].get(message.sender_id or 0, message.sender_seq)
            if store is not None:
                store()
                for _nth, message, items, others in self._told:
                    if not message.is_note:
                        items.update(dict.fromkeys(others, message.pk))

        inbox.send(self._deliveries, numbered=numbered)
        if self._queue:
            transaction.on_commit(queue.tell, robust=True)


def message_event(message: Message, *, own: bool = False, language: str | None = None) -> MessageSent | NoteWritten:
    """The event, as its author or another one is told it, in that language; None: in the active one."""
    if language is not None and (message.said is not None or message.sender is None or not message.sender.display_name):
        with translation.override(language or settings.LANGUAGE_CODE):
            return message_event(message, own=own)
    data = MessageData(
        id=message.public_id,
        session_id=message.session.public_id,
        sender_type=message.sender_type,  # type: ignore[arg-type]
        sender_id=message.sender_id,
        agent_name=agent_name(message.sender) if message.sender_type == Message.SenderType.AGENT else "",
        text=text_of(message),
        is_mine=own,
        created_at=message.created_at,
        client_message_id=message.client_message_id,
    )
    if message.is_note:
        return (OwnNoteWritten if own else NoteWritten)(note=data)
    return (OwnMessageSent if own else MessageSent)(message=data)


def session_data(session: Session, reason: Reason, *, note: str = "") -> SessionData:
    """A session as its people are told of it, in the active language."""
    return SessionData(
        id=session.public_id,
        status=session.status,  # type: ignore[arg-type]
        reason=reason,
        channel=session.channel,
        subject=session.subject,
        customer=Person(user_id=session.customer_id, name=session.customer.shown_name),
        agent=Person(user_id=session.agent.pk, name=agent_name(session.agent)) if session.agent is not None else None,
        opened_at=session.opened_at,
        waiting_since=session.waiting_since,
        assigned_at=session.assigned_at,
        answered_at=session.answered_at,
        closed_at=session.closed_at,
        rating=session.rating,
        comment=session.comment,
        note=note,
    )
