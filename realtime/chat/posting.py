"""Writing in support sessions, over the socket and over REST.

What many write at once is stored together: a worker's transaction takes what has come up meanwhile,
a few statements for all of it. Who opens a session, or opens one again, goes the longer way, under
the row of routing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from django import db
from django.db import IntegrityError

from accounts.batches import Batch
from accounts.executor import in_thread
from accounts.models import Role
from notifications.transactions import retried
from realtime.chat import judging, opening
from realtime.chat.appending import append, store
from realtime.chat.locking import lock_for
from realtime.chat.models import LONGEST_NAME, LONGEST_TEXT, Message, Session
from realtime.chat.sessions import ACTIVE
from realtime.chat.telling import Telling
from realtime.declined import Declined, another_message, check_text

MOST: Final = 100
"""Messages of one transaction."""


@dataclass(frozen=True, slots=True, eq=False)
class Post:
    """What somebody wants to write. `session_id`: None for a customer's open session, or a new one.

    `text` has 1 to 4,000 characters after trimming; `client_message_id` is the client's name for it. Raises Declined.
    """

    sender_id: int
    role: str
    session_id: UUID | None
    text: str
    client_message_id: str = ""
    is_note: bool = False
    is_staff: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.strip())
        check_text(self.text, "text", LONGEST_TEXT, needed=True)
        check_text(self.client_message_id, "clientMessageId", LONGEST_NAME)


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
    new: list[int] = []
    names: set[tuple[int, str]] = set()
    again: list[int] = []
    for nth, wanted in enumerate(posts):
        name = (wanted.sender_id, wanted.client_message_id)
        if wanted.client_message_id and name in names:
            again.append(nth)  # it is among these, too: once that is stored, this is the same
        else:
            names.add(name)
            new.append(nth)
    outcomes = _write(posts, new)
    if again:
        outcomes |= zip(again, post_all([posts[nth] for nth in again]), strict=True)
    return [outcomes[nth] for nth in range(len(posts))]


def _write(posts: Sequence[Post], new: Sequence[int]) -> dict[int, Outcome]:
    outcomes = _append_new(posts, new)
    left = [nth for nth in new if not isinstance(outcomes.get(nth), Sent)]
    # What was stored before is that, whatever has become of its session; and opens none.
    earlier = _earlier([posts[nth] for nth in left])
    for nth in left:
        wanted, name = posts[nth], (posts[nth].sender_id, posts[nth].client_message_id)
        if name in earlier:
            outcomes[nth] = _outcome(partial(_the_same, wanted, earlier[name]))
        elif nth not in outcomes:
            outcomes[nth] = _outcome(partial(_open, wanted))
    return outcomes


def _append_new(posts: Sequence[Post], new: Sequence[int]) -> dict[int, Outcome]:
    try:
        return _append(posts, new)
    except IntegrityError:
        # Some were sent before. That is seldom, so it is not asked of each first.
        earlier = _earlier([posts[nth] for nth in new])
        if not earlier:
            raise
        same = {nth: earlier[name] for nth in new if (name := (posts[nth].sender_id, posts[nth].client_message_id)) in earlier}
        rest = [nth for nth in new if nth not in same]
        outcomes = {nth: _outcome(partial(_the_same, posts[nth], found)) for nth, found in same.items()}
        return outcomes | (_append_new(posts, rest) if rest else {})


@retried
def _append(posts: Sequence[Post], new: Sequence[int]) -> dict[int, Outcome]:
    """Store these, or say why not; those for which a session has to be opened are left out. Raises IntegrityError where one was sent before."""
    named = {each.session_id for nth in new if (each := posts[nth]).session_id}
    customers = {each.sender_id for nth in new if (each := posts[nth]).session_id is None and each.role == Role.CUSTOMER}
    sessions: dict[UUID | int, Session] = {}
    for session in lock_for(named, customers):
        sessions[session.public_id] = session
        if session.status in ACTIVE:
            sessions[session.customer_id] = session
    telling, written = Telling(), []
    outcomes: dict[int, Outcome] = {}
    for nth in new:
        wanted = posts[nth]
        try:
            session_of_it = judging.judge(wanted, sessions.get(wanted.session_id or wanted.sender_id))
        except Declined as declined:
            outcomes[nth] = declined
            continue
        if session_of_it is not None:
            message = append(session_of_it, wanted)
            written.append(message)
            telling.message(message)
            outcomes[nth] = Sent(message, session_of_it, new=True)
    if written:
        telling.send(partial(store, written))
    return outcomes


def _open(wanted: Post) -> Sent:
    try:
        message = opening.open_with(wanted)
        return Sent(message, message.session, new=True)
    except IntegrityError:
        found = _earlier([wanted])
        if not found:
            raise
        return _the_same(wanted, found[wanted.sender_id, wanted.client_message_id])


def _earlier(posts: Sequence[Post]) -> dict[tuple[int, str], Message]:
    """What these senders' clients have called so before."""
    names = {(each.sender_id, each.client_message_id) for each in posts if each.client_message_id}
    if not names:
        return {}
    found = Message.objects.filter(sender__in={sender for sender, _ in names}, client_message_id__in={name for _, name in names})
    found = found.select_related("session__customer", "session__agent", "sender")
    return {name: each for each in found if (name := (each.sender_id or 0, each.client_message_id)) in names}


def _the_same(wanted: Post, found: Message) -> Sent:
    # A customer's next one may have opened another session than the one it was written in.
    elsewhere = wanted.role != Role.CUSTOMER and found.session.public_id != wanted.session_id
    if found.text != wanted.text or found.is_note != wanted.is_note or elsewhere:
        raise another_message("clientMessageId")
    return Sent(found, found.session, new=False)


def _outcome(work: Callable[[], Sent]) -> Outcome:
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
