"""What an anonymous customer has in support sessions becomes the verified customer's."""

from __future__ import annotations

from collections import deque
from typing import Final

from django.db.models import Q

from accounts.models import User
from notifications.wire import MAX_SEQ
from realtime.chat import replay, routing
from realtime.chat.locking import locked
from realtime.chat.models import Block, Message, Participant, Session
from realtime.chat.services import end
from realtime.chat.sessions import ACTIVE
from realtime.chat.telling import Telling

_TOLD: Final = 50  # sessions, the newest, that people are told have moved; the others are found over REST
_MISSED: Final = 200  # messages that are told again; likewise


def take_over(*, anonymous: User, verified: User) -> None:
    """Move sessions, messages, read marks and a block. Called in the transaction that ends the anonymous customer.

    A customer has one session at a time: what the anonymous one has open goes on, for it is before her eyes,
    and what the verified one has open elsewhere is closed. A block of either is a block of the verified one,
    and ends what either has open. What the anonymous one was told and never confirmed is told again.
    """
    routing.lock()
    sessions = locked(Session.objects.filter(Q(customer=anonymous) | Q(customer=verified, status__in=ACTIVE)))
    missed = _missed(anonymous)
    blocked = _keep_block(anonymous, verified)
    telling = Telling()
    moving = [session for session in sessions if session.customer_id == anonymous.pk]
    goes_on = any(session.status in ACTIVE for session in moving)
    for session in sessions:
        if session.customer_id == verified.pk and (goes_on or blocked):
            end(session, telling)
    told = {session.pk for session in moving[-_TOLD:]}
    for session in moving:
        session.customer = verified
        session.save(update_fields=["customer"])
        if session.pk in told:
            telling.session(session, "moved")
        if session.status in ACTIVE and blocked:
            end(session, telling)
        elif session.status == Session.Status.WAITING:
            telling.queue()
    _move_messages(anonymous, verified)
    Participant.objects.filter(user=anonymous).update(user=verified)
    rows = {session.pk: session for session in moving}
    for message in missed:
        message.session = rows[message.session_id]
        telling.message(message, only=verified)
    telling.send()


def _missed(user: User) -> list[Message]:
    """The newest messages that none of this user's sockets has confirmed, oldest first."""
    found: deque[int] = deque(maxlen=_MISSED)
    page = replay.unconfirmed(user.pk, after=0, upto=MAX_SEQ)
    while page:
        found.extend(item for _seq, item, _frame in page)
        page = replay.unconfirmed(user.pk, after=page[-1][0], upto=MAX_SEQ)
    return list(Message.objects.filter(pk__in=found).select_related("sender").order_by("pk"))


def _keep_block(anonymous: User, verified: User) -> bool:
    """Whether the verified one may not write from now on."""
    block = Block.objects.filter(customer=anonymous).first()
    if block is None:
        return Block.objects.filter(customer=verified).exists()
    Block.objects.get_or_create(customer=verified, defaults={"by": block.by, "reason": block.reason, "created_at": block.created_at})
    return True


def _move_messages(anonymous: User, verified: User) -> None:
    """Of two that are called the same the moved one loses its name; and its number was one in another stream."""
    moving = Message.objects.filter(sender=anonymous)
    names = Message.objects.filter(sender=verified).exclude(client_message_id="").values("client_message_id")
    moving.filter(client_message_id__in=names).update(client_message_id="")
    moving.update(sender=verified, sender_seq=0)
