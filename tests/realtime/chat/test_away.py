"""Who writes while the shop is closed and nobody is there is told when somebody is back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Message, Session
from realtime.chat.posting import post
from realtime.hours.models import DatedException
from tests.realtime.chat.conftest import CHAT, Open, wants
from tests.realtime.chat.floor import comes


@pytest.fixture
def closed(db: None) -> Iterator[None]:
    """The shop is closed today and tomorrow, so that midnight does not matter."""
    today = datetime.now(UTC).date()
    days = DatedException.objects.bulk_create(DatedException(date=today + timedelta(days=number), opens=None, closes=None) for number in range(2))
    yield
    DatedException.objects.filter(pk__in=[day.pk for day in days]).delete()


def told(session: Session) -> list[str]:
    """What the system has said there."""
    return [message.said["text"] for message in Message.objects.filter(session=session, sender_type="SYSTEM").order_by("order")]


@pytest.mark.parametrize(("language", "beginning"), [("en", "We are back"), ("zh-hans", "客服现在不在线")])
def test_a_customer_is_told_in_her_language_when_somebody_is_back(closed: None, opened: Open, ann: User, language: str, beginning: str) -> None:
    User.objects.filter(pk=ann.pk).update(language=language)
    line = opened(ann, CHAT, new=True)
    line.send({"type": "message", "text": "Hello?"})
    heard = line.until(lambda frame: frame["type"] == "message" and frame["message"]["senderType"] == "SYSTEM")["message"]
    session = Session.objects.get(customer=ann)
    assert told(session) == [heard["text"]]
    assert beginning in heard["text"]
    line.send({"type": "message", "text": "Are you there?"})
    line.until(lambda frame: frame["type"] == "message" and frame["message"]["text"] == "Are you there?")
    assert len(told(session)) == 1, "it is said once"


def test_it_is_said_again_when_a_closed_session_is_opened_again(closed: None, ann: User) -> None:
    session = post(wants(ann, "Hello?")).session
    services.close(by=ann, session_id=session.public_id)
    post(wants(ann, "One more thing", session))
    assert len(told(session)) == 2


def test_nothing_is_said_while_the_shop_is_open(ann: User) -> None:
    assert told(post(wants(ann, "Hello?")).session) == []


def test_who_is_served_at_once_is_not_told_that_nobody_is_there(closed: None, opened: Open, ann: User, bob: User) -> None:
    comes(opened, bob)
    session = post(wants(ann, "Hello?")).session
    assert Session.objects.get(pk=session.pk).agent_id == bob.pk
    assert told(session) == []
