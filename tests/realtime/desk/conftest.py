"""Support sessions as they stand in the database, with times of the test's choosing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.redis import RedisAway
from realtime.chat.models import Message, Participant, Session
from realtime.desk.mail import send_due
from realtime.desk.models import Contact
from realtime.presence import store
from tests.servers.smtp import Smtp
from tests.servers.waiting import until
from tests.servers.workers import Site

DESK = "/api/v1/support"


def session_of(customer: User, agent: User | None = None, **fields: Any) -> Session:
    """A session, saved, with its participants: open if it has an agent, else waiting; closed if it has been."""
    status = "closed" if fields.get("closed_at") else "open" if agent else "waiting"
    session = Session.objects.create(customer=customer, agent=agent, channel="WEB", **{"status": status, **fields})
    Participant.objects.create(session=session, user=customer)
    if agent is not None:
        Participant.objects.create(session=session, user=agent)
    return session


def said(session: Session, sender: User | None, text: str, *, at: datetime | None = None, is_note: bool = False) -> Message:
    """The next message of a session, saved."""
    kind = "SYSTEM" if sender is None else "CUSTOMER" if sender.pk == session.customer_id else "AGENT"
    session.newest += 1
    session.written_at = at or timezone.now()
    session.save(update_fields=["newest", "written_at"])
    words = {"said": {"code": "transferred"}} if sender is None else {"text": text}
    return Message.objects.create(
        session=session, order=session.newest, sender=sender, sender_type=kind, is_note=is_note, created_at=session.written_at, **words
    )


def known() -> bool:
    """Whether it is known who is here: Redis answers, and no worker was held up of late."""
    try:
        return not store.step("stand").young
    except RedisAway:
        return False


def send_known() -> int:
    """Send what is due, and again if it was not known all the while who is here. Returns how many mails were sent."""
    sent = 0
    while True:
        before = known()
        sent += send_due()
        if before and known():
            return sent
        until(known, what="it is known who is here")


@pytest.fixture
def smtp(server: Site, settings: Any, options: Callable[..., None]) -> Iterator[Smtp]:
    """A mail server that this process sends to, beside workers that know who is connected."""
    with Smtp() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        options(email_url=f"smtp://127.0.0.1:{running.port}", support_mail_after=600.0)
        until(known, what="it is known who is here")
        yield running
    Contact.objects.all().delete()  # or the next test's mail server would get what is due to these
