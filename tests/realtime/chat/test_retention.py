"""What a shop does not want to keep for ever goes when it says so, and not before."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from notifications.models import Notification
from notifications.services import notify
from realtime.chat import services
from realtime.chat.direct import send_direct
from realtime.chat.models import DirectMessage, Message, Session
from tests import cast
from tests.realtime.chat.support import asked


def prune(*words: str) -> str:
    out = io.StringIO()
    call_command("prune", *words, stdout=out)
    return out.getvalue()


def test_what_is_old_goes_only_when_it_is_asked_for_and_what_is_newer_or_open_stays(mia: User, eve: User, bob: User) -> None:
    # Older than anything that other tests have made.
    ancient = timezone.now() - timedelta(days=5000)
    closed, new, active = (asked(cast.customer(), agent=bob) for _ in range(3))
    for session in (closed, new):
        services.close(by=bob, session_id=session.public_id)
    Session.objects.filter(pk__in=[closed.pk, active.pk]).update(opened_at=ancient)
    Session.objects.filter(pk=closed.pk).update(closed_at=ancient)
    for title in ("old", "new"):
        notify(users=mia, type="system", title=title, message=title)
        send_direct(sender=mia, to_user_id=eve.pk, text=title)
    Notification.objects.filter(user=mia, title="old").update(created_at=ancient)
    DirectMessage.objects.filter(sender=mia, text="old").update(created_at=ancient)

    def left() -> tuple[list[str], list[str], set[int]]:
        told = list(Notification.objects.filter(user=mia).order_by("pk").values_list("title", flat=True))
        written = list(DirectMessage.objects.filter(sender=mia).order_by("pk").values_list("text", flat=True))
        return told, written, set(Session.objects.filter(agent=bob).values_list("pk", flat=True))

    everything = (["old", "new"], ["old", "new"], {closed.pk, new.pk, active.pk})
    prune()
    assert left() == everything
    prune("--notifications", "5001", "--sessions", "5001", "--messages", "5001")
    assert left() == everything
    said = prune("--notifications", "4000", "--sessions", "4000", "--messages", "4000")
    assert "1 notifications, 1 sessions, 1 messages" in said
    assert left() == (["new"], ["new"], {new.pk, active.pk})
    assert not Message.objects.filter(session_id=closed.pk).exists()
    with pytest.raises(CommandError, match="whole days"):
        prune("--messages", "0")
