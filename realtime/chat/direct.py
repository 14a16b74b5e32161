"""What can be done with direct messages. Both ways in, the socket and REST, come through here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Role, User
from notifications import inbox
from notifications.inbox import Delivery, Late
from notifications.transactions import retried
from realtime.chat.events import DirectData, DirectMessageSent, OwnDirectMessageSent
from realtime.chat.models import LONGEST_NAME, LONGEST_TEXT, DirectMessage
from realtime.declined import Declined, another_message, check_text


@dataclass(frozen=True, slots=True)
class Sent:
    """A stored message; `new` is False if it was stored before."""

    message: DirectMessage
    new: bool


def send_direct(*, sender: User | int, to_user_id: int, text: str, client_message_id: str = "") -> Sent:
    """Write to somebody: it is stored, and both people's open sockets have it right after the commit.

    `sender` is a user or its number. Members and agents write to active members and agents. `text` has
    1 to 4,000 characters after trimming. The same `client_message_id` of the same sender again is the
    same message, and nobody is told twice. Call it last in a transaction, and once.

    Raises Declined.
    """
    sender_id = sender.pk if isinstance(sender, User) else sender
    text = text.strip()
    check_text(text, "message", LONGEST_TEXT, needed=True)
    check_text(client_message_id, "client_message_id", LONGEST_NAME)
    if to_user_id == sender_id:
        raise Declined("INVALID", _("Must be somebody else: nobody writes to oneself."), "to_user_id")
    people = {user.pk: user for user in writers().filter(pk__in=[sender_id, to_user_id])}
    if sender_id not in people:
        raise Declined("FORBIDDEN", _("Customers write in their support sessions only."))
    earlier = _earlier(sender_id, to_user_id, text, client_message_id)
    if earlier is not None:
        return Sent(earlier, new=False)
    if to_user_id not in people:
        raise Declined("NOT_FOUND", _("There is nobody with this number who could be written to."), "to_user_id")
    try:
        return Sent(_store(people[sender_id], people[to_user_id], text, client_message_id), new=True)
    except IntegrityError:
        # The same at the same instant, on another worker, which was faster.
        earlier = _earlier(sender_id, to_user_id, text, client_message_id)
        if earlier is None:
            raise
        return Sent(earlier, new=False)


def writers() -> QuerySet[User]:
    """Who may write directly and be written to."""
    found: QuerySet[User] = User.objects.filter(is_active=True).exclude(role=Role.CUSTOMER)
    return found


def own_event(message: DirectMessage) -> OwnDirectMessageSent:
    """What the sender's own sockets are told of it."""
    return OwnDirectMessageSent(timestamp=message.created_at, data=_data(message))


def _earlier(sender_id: int, to_user_id: int, text: str, client_message_id: str) -> DirectMessage | None:
    """The message that its sender's client called so before. Raises Declined if it was another one."""
    if not client_message_id:
        return None
    found = DirectMessage.objects.select_related("sender").filter(sender=sender_id, client_message_id=client_message_id).first()
    if found is not None and (found.recipient_id, found.text) != (to_user_id, text):
        raise another_message()
    return found


@retried
def _store(sender: User, recipient: User, text: str, client_message_id: str) -> DirectMessage:
    stored: list[DirectMessage] = []

    def write(seqs: Mapping[int, int]) -> dict[int, DirectMessageSent]:
        # Here both streams are locked: rows of one conversation are stored in the order of its frames.
        message = DirectMessage.objects.create(sender=sender, recipient=recipient, text=text, client_message_id=client_message_id, sender_seq=seqs[sender.pk])
        stored.append(message)
        return {sender.pk: own_event(message), recipient.pk: DirectMessageSent(timestamp=message.created_at, data=_data(message))}

    inbox.send([Delivery(recipients=[sender.pk, recipient.pk], event=Late(write))])
    return stored[0]


def _data(message: DirectMessage) -> DirectData:
    return DirectData(
        id=message.public_id,
        from_user_id=message.sender_id,
        from_username=message.sender.shown_name,
        to_user_id=message.recipient_id,
        message=message.text,
        timestamp=message.created_at,
        client_message_id=message.client_message_id,
    )
