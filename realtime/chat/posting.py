"""Writing in support sessions, over the socket and over REST.

What many write at once is stored together: a worker's transaction takes what has come up meanwhile,
a few statements for all of it. Who opens a session, or opens one again, goes the longer way, under
the row of routing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from django import db
from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils import translation

from accounts.batches import Batch
from accounts.executor import in_thread
from accounts.models import Role
from notifications.transactions import retried
from realtime.chat import judging, opening
from realtime.chat.appending import append, keep_numbers, store
from realtime.chat.declined import Declined, another_message, check_text
from realtime.chat.judging import Judged
from realtime.chat.models import LONGEST_NAME, LONGEST_TEXT, Message, Session
from realtime.chat.sessions import ACTIVE, locked
from realtime.chat.telling import Telling

MOST: Final = 100
"""Messages of one transaction."""


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    """What somebody wants to write. `session_id`: None for a customer's open session, or a new one.

    `text` has 1 to 4,000 characters after trimming; `client_message_id` is the client's name for it.
    `language` is what its author reads refusals in.
    """

    sender_id: int
    role: str
    session_id: UUID | None
    text: str
    client_message_id: str = ""
    is_note: bool = False
    is_staff: bool = False
    language: str = field(default_factory=lambda: translation.get_language() or settings.LANGUAGE_CODE)


@dataclass(frozen=True, slots=True)
class Sent:
    """A stored message with its session; `new` is False if it was stored before."""

    message: Message
    session: Session
    new: bool


Outcome = Sent | Exception
"""A message that is stored, or why it is not."""


def post(wanted: Post) -> Sent:
    """Write: it is stored, and everybody in the session whom it concerns is told after the commit. Raises Declined.

    The same `client_message_id` of the same sender again is the same message, and nobody is told twice.
    """
    return _result(post_all([wanted])[0])


async def apost(wanted: Post) -> Sent:
    """The same from a coroutine, together with what others of this worker write just now."""
    return _result(await _posts.ask(wanted))


def post_all(posts: Sequence[Post]) -> list[Outcome]:
    """Write many, in this order; says of each what has become of it. One that fails holds up no other."""
    outcomes: dict[int, Outcome] = {}
    first: dict[int, Judged] = {}
    named: set[tuple[int, str]] = set()
    again: list[int] = []
    earlier, sessions = _earlier(posts), _sessions(posts)
    for nth, wanted in enumerate(posts):
        name = (wanted.sender_id, wanted.client_message_id)
        with translation.override(wanted.language):
            try:
                text = wanted.text.strip()
                check_text(text, "text", LONGEST_TEXT, needed=True)
                check_text(wanted.client_message_id, "clientMessageId", LONGEST_NAME)
                if name in earlier:
                    outcomes[nth] = _the_same(wanted, earlier[name])
                elif name in named:
                    again.append(nth)  # it is among these, too: once that is stored, this is the same
                else:
                    first[nth] = judging.judge(wanted, text, sessions.get(_key(wanted)))
                    named |= {name} if wanted.client_message_id else set()
            except Declined as declined:
                outcomes[nth] = declined
    outcomes |= _store(posts, first)
    if again:
        outcomes |= zip(again, post_all([posts[nth] for nth in again]), strict=True)
    return [outcomes[nth] for nth in range(len(posts))]


def _store(posts: Sequence[Post], judged: Mapping[int, Judged]) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    quick = {nth: each for nth, each in judged.items() if each.session is not None}
    if quick:
        try:
            outcomes = _append(posts, quick)
        except IntegrityError:
            # The same at the same instant, on another worker, which was faster: find out which.
            if len(posts) > 1:
                return {nth: post_all([posts[nth]])[0] for nth in judged}
            [(nth, wanted)] = enumerate(posts)
            found = _earlier(posts)
            if not found:
                raise
            return {nth: _outcome(wanted, lambda: _the_same(wanted, found[wanted.sender_id, wanted.client_message_id]))}
    for nth, each in judged.items():
        if nth not in outcomes:
            outcomes[nth] = _outcome(posts[nth], partial(_open, posts[nth], each.text))
    return outcomes


@retried
def _append(posts: Sequence[Post], quick: Mapping[int, Judged]) -> dict[int, Outcome]:
    """Store these; those whose session has been closed meanwhile are left out."""
    rows = {session.pk: session for session in locked({each.session.pk for each in quick.values() if each.session is not None})}
    telling, written = Telling(), []
    outcomes: dict[int, Outcome] = {}
    for nth, before in quick.items():
        wanted = posts[nth]
        with translation.override(wanted.language):
            try:
                judged = judging.judge(wanted, before.text, rows.get(before.session.pk) if before.session else None)
            except Declined as declined:
                outcomes[nth] = declined
                continue
        if judged.session is not None:
            message = append(judged.session, wanted, judged.text)
            written.append(message)
            outcomes[nth] = Sent(message, judged.session, new=True)
    store(written)
    for message in written:
        telling.message(message)
    telling.send()
    keep_numbers(written)
    return outcomes


def _open(wanted: Post, text: str) -> Sent:
    try:
        message = opening.open_with(wanted, text)
        return Sent(message, message.session, new=True)
    except IntegrityError:
        found = _earlier([wanted])
        if not found:
            raise
        return _the_same(wanted, found[wanted.sender_id, wanted.client_message_id])


def _earlier(posts: Sequence[Post]) -> dict[tuple[int, str], Message]:
    """What these senders' clients have called so before."""
    names = {(each.sender_id, each.client_message_id) for each in posts if each.client_message_id and "\x00" not in each.client_message_id}
    if not names:
        return {}
    found = Message.objects.filter(sender__in={sender for sender, _ in names}, client_message_id__in={name for _, name in names})
    found = found.select_related("session__customer", "session__agent", "sender")
    return {name: each for each in found if (name := (each.sender_id or 0, each.client_message_id)) in names}


def _the_same(wanted: Post, found: Message) -> Sent:
    # A customer's next one may have opened another session than the one it was written in.
    elsewhere = wanted.role != Role.CUSTOMER and found.session.public_id != wanted.session_id
    if found.text != wanted.text.strip() or found.is_note != wanted.is_note or elsewhere:
        raise another_message("clientMessageId")
    return Sent(found, found.session, new=False)


def _key(wanted: Post) -> UUID | int:
    return wanted.session_id or wanted.sender_id


def _sessions(posts: Iterable[Post]) -> dict[UUID | int, Session]:
    """The sessions that were named, by their ids, and those that customers have open, by their customers."""
    named = {each.session_id for each in posts if each.session_id}
    customers = {each.sender_id for each in posts if each.session_id is None and each.role == Role.CUSTOMER}
    found: dict[UUID | int, Session] = {}
    for session in Session.objects.filter(Q(public_id__in=named) | Q(customer__in=customers, status__in=ACTIVE)).select_related("customer__block", "agent"):
        found[session.public_id] = session
        if session.status in ACTIVE:
            found[session.customer_id] = session
    return found


def _outcome(wanted: Post, work: Callable[[], Sent]) -> Outcome:
    with translation.override(wanted.language):
        try:
            return work()
        except (Declined, db.Error) as error:  # which is this one's alone: others of its batch are stored by now
            return error


def _result(outcome: Outcome) -> Sent:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _work(posts: Sequence[Post]) -> Sequence[Outcome]:
    return await in_thread(post_all, posts)


_posts: Final = Batch(_work, limit=MOST, at_once=2)
