"""Answers by mail, to customers who have left an address and are gone."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import close_old_connections
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.redis import RedisAway
from realtime.chat.models import Message, Participant
from realtime.chat.words import agent_name
from realtime.desk.models import Contact
from realtime.presence import store
from realtime.worker import draining

logger = logging.getLogger(__name__)

MOST: Final = 100
"""Mails tried by one call."""
MOST_MESSAGES: Final = 20
"""Messages in one mail: the newest."""
RETRY: Final = timedelta(minutes=5)
"""When a mail that failed is tried again; each further time takes twice as long, up to a day."""
STALE: Final = timedelta(days=7)
"""What has been due for longer is not mailed any more."""

_PAGE: Final = 500
_LOOK: Final = 60.0  # seconds between two looks of one worker, at most
_REFUSED: Final = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused)  # this mail; others mean the server


async def tick() -> None:
    """Send what is due, if this worker has not looked for it just now. To be called every few seconds, and not again while it runs."""
    if settings.SWITCHBOARD.email_url and _clock.is_time():
        await asyncio.to_thread(_send_and_hang_up)


def send_due() -> int:
    """Write to every customer who has left an address, is not connected, and has an agent's message unread for SUPPORT_MAIL_AFTER.

    One mail per silence: the next comes after she has read or written something. Nobody counts as gone
    while Redis does not answer or has just lost its memory. Returns how many mails were sent.
    """
    if not settings.SWITCHBOARD.email_url:
        return 0
    sent = 0
    for contact in islice(_gone(_pages()), MOST):
        done = _mail(contact)
        if done is None:  # the server does not answer, and would not the next time
            break
        sent += done
        if draining.is_set():
            break
    return sent


# Who is due


def _pages() -> Iterator[list[Contact]]:
    """Those who are due, in the order of their numbers."""
    last = 0
    while page := list(_perhaps_due().filter(pk__gt=last)[:_PAGE]):
        yield _due(page)
        last = page[-1].pk


def _perhaps_due() -> QuerySet[Contact]:
    """Those with anything unread of late. Coarse, so that no database finds a slow way to it."""
    behind = Participant.objects.filter(user=OuterRef("pk"), session__written_at__gt=_stale(), session__newest__gt=F("read_up_to"))
    contacts = Contact.objects.filter(Q(retry_at=None) | Q(retry_at__lte=timezone.now()), Exists(behind), customer__is_active=True)
    return contacts.select_related("customer").order_by("pk")


def _due(contacts: Sequence[Contact]) -> list[Contact]:
    customers = [contact.pk for contact in contacts]
    waited = timezone.now() - timedelta(seconds=settings.SWITCHBOARD.support_mail_after)
    late = _unread(customers).filter(created_at__lte=waited)
    newest = dict(late.order_by().values_list("session__customer").annotate(newest=Max("pk")))
    read = _read(customers)
    return [
        contact
        for contact in contacts
        if newest.get(contact.pk, 0) > contact.mailed_up_to and (contact.mailed_at is None or read.get(contact.pk, 0) != contact.read_then)
    ]


def _unread(customers: Sequence[int]) -> QuerySet[Message]:
    """What agents have written to these and they have not read. Who writes has read what stood there."""
    spoken = Message.objects.filter(sender_type=Message.SenderType.AGENT, is_note=False, created_at__gt=_stale(), session__customer__in=customers)
    return spoken.filter(session__participants__user=F("session__customer"), order__gt=F("session__participants__read_up_to"))


def _read(customers: Sequence[int]) -> dict[int, int]:
    """The places that each has read, of all sessions together: it grows when she reads or writes."""
    return dict(Participant.objects.filter(user__in=customers).order_by().values_list("user").annotate(read=Sum("read_up_to")))


def _stale() -> datetime:
    return timezone.now() - STALE - timedelta(seconds=settings.SWITCHBOARD.support_mail_after)


def _gone(pages: Iterable[Sequence[Contact]]) -> Iterator[Contact]:
    """Those of them who are not connected, as long as that is known."""
    for page in filter(None, pages):
        try:
            answer = store.step("attend", kind="c", users=[str(contact.pk) for contact in page])
        except RedisAway:
            return
        if answer.young:
            return
        yield from (contact for contact, (told, connections) in zip(page, answer.said["people"], strict=True) if told == store.OFFLINE and not connections)


# One mail


def _mail(contact: Contact) -> int | None:
    """Send one mail. Returns 1; 0 if it was not sent, or is somebody else's to send; None if nobody took it."""
    until = _claim(contact)
    if until is None:
        return 0
    read = _read([contact.pk]).get(contact.pk, 0)  # first: what she reads from here on ends the silence
    unread = list(_unread([contact.pk]).filter(pk__gt=contact.mailed_up_to).select_related("sender").order_by("-pk")[: MOST_MESSAGES + 1])
    mine = Contact.objects.filter(pk=contact.pk, retry_at=until)
    if not unread:
        mine.update(retry_at=contact.retry_at, tries=contact.tries)
        return 0
    mail = _written(contact, unread)
    close_old_connections()  # the mail's server may take its time
    try:
        mail.send()
    except (smtplib.SMTPException, OSError) as error:
        # Not the error itself, which may name the address.
        logger.warning("Customer %d could not be mailed, tried again later: %s %s", contact.pk, type(error).__name__, getattr(error, "smtp_code", ""))
        return 0 if isinstance(error, _REFUSED) else None
    mine.update(mailed_at=timezone.now(), mailed_up_to=unread[0].pk, read_then=read, retry_at=None, tries=0)
    return 1


def _claim(contact: Contact) -> datetime | None:
    """Make this mail ours until a moment, at which it would be tried again. None: another worker was faster."""
    until = timezone.now() + min(RETRY * 2 ** min(contact.tries, 9), timedelta(days=1))
    # As it was read, in columns of its own row: of two at once the second finds it changed.
    as_read = Contact.objects.filter(pk=contact.pk, retry_at=contact.retry_at, mailed_at=contact.mailed_at, email=contact.email)
    return until if as_read.update(retry_at=until, tries=F("tries") + 1) else None


def _written(contact: Contact, unread: Sequence[Message]) -> EmailMessage:
    """The mail, from the newest message to the oldest. It holds no word of hers: others' addresses can be left here, too."""
    with translation.override(contact.customer.language or settings.LANGUAGE_CODE):
        shown, url = unread[:MOST_MESSAGES], settings.SWITCHBOARD.support_url
        said = [_("%(name)s: %(text)s") % {"name": agent_name(each.sender), "text": each.text} for each in reversed(shown)]
        parts = [
            ngettext("While you were away you were sent a message:", "While you were away you were sent messages:", len(unread)),
            *([_("(Earlier ones are in the chat.)")] if len(unread) > len(shown) else []),
            *said,
            *([_("Go on here: %(url)s") % {"url": url}] if url else []),
            _("You left this address in a chat with us. You get no further mail before you have read this there or answered it."),
        ]
        return EmailMessage(_("Somebody has answered you"), "\n\n".join(parts), to=[contact.email], headers={"Auto-Submitted": "auto-generated"})


def _send_and_hang_up() -> None:
    try:
        send_due()
    finally:
        close_old_connections()


class Clock:
    """When this worker looks again."""

    def __init__(self) -> None:
        self._next = 0.0

    def is_time(self) -> bool:
        """Whether it is time. Once it has been, it is not for a while."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + min(_LOOK, settings.SWITCHBOARD.support_mail_after / 10)
        return True


_clock: Final = Clock()
