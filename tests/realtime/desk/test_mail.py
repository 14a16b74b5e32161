"""Answers by mail, sent by a real SMTP client to a real server, to customers whom real workers know to be gone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from realtime.chat.models import Session
from realtime.chat.posting import Post, post
from realtime.chat.services import read
from realtime.desk import mail
from realtime.desk.mail import MOST_MESSAGES, send_due
from realtime.desk.models import Contact
from realtime.desk.services import leave_email
from realtime.presence import store
from tests import cast
from tests.realtime.desk.conftest import said, send_known, session_of
from tests.servers.redis import PrivateRedis
from tests.servers.smtp import Smtp
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import connect

Options = Callable[..., None]


def ago(**time: float) -> datetime:
    return timezone.now() - timedelta(**time)


def address(user: User) -> str:
    return f"{user.username}@shop.example"


@pytest.fixture
def session(smtp: Smtp, ann: User, bob: User) -> Session:
    """Ann has asked bob, and left her address."""
    leave_email(customer=ann, email=address(ann))
    session = session_of(ann, bob)
    post(Post(sender_id=ann.pk, role=ann.role, session_id=session.public_id, text="Where is my parcel?"))
    session.refresh_from_db()
    return session


@pytest.fixture
def answered(session: Session, bob: User) -> Session:
    """Bob has answered, eleven minutes ago."""
    said(session, bob, "It left today.", at=ago(minutes=11))
    return session


def mailed(smtp: Smtp, user: User) -> list[str]:
    """The texts of all mails to her, after what is due was sent."""
    send_known()
    return [each.get_content().replace("\r\n", "\n") for each in smtp.to(address(user))]


def again(user: User) -> None:
    """As if it were time to try again."""
    Contact.objects.filter(pk=user.pk).update(retry_at=ago(seconds=1))


# Who gets one, and what stands in it


def test_a_customer_who_is_gone_gets_what_agents_wrote_and_she_has_not_read(smtp: Smtp, answered: Session, ann: User, bob: User, options: Options) -> None:
    options(email_from="Shop <support@shop.example>", support_url="https://shop.example/help")
    said(answered, bob, "She has asked for this twice.", is_note=True)
    said(answered, None, "")
    said(answered, bob, "You have it tomorrow.\nGreetings")
    [text] = mailed(smtp, ann)
    assert "Bob: It left today.\n\nBob: You have it tomorrow.\nGreetings\n\nGo on here: https://shop.example/help\n" in text
    assert "twice" not in text
    assert "parcel" not in text
    [sent] = smtp.to(address(ann))
    assert sent["Subject"] == "Somebody has answered you"
    assert sent["Auto-Submitted"] == "auto-generated"


def test_there_is_a_link_only_if_there_is_an_address_for_it_and_nothing_that_the_customer_may_have_made_up(smtp: Smtp, answered: Session, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(display_name="BUY NOW http://eve.example")
    [text] = mailed(smtp, ann)
    assert "http" not in text


def test_it_is_written_in_her_language_and_an_agent_without_a_display_name_is_not_called_by_its_username(
    smtp: Smtp, answered: Session, ann: User, bob: User
) -> None:
    User.objects.filter(pk=ann.pk).update(language="zh-hans")
    User.objects.filter(pk=bob.pk).update(display_name="")
    [text] = mailed(smtp, ann)
    assert smtp.to(address(ann))[0]["Subject"] == "您收到了新的回复"
    assert bob.username not in text
    assert "It left today." in text


def test_of_many_messages_the_newest_are_in_it(smtp: Smtp, session: Session, ann: User, bob: User) -> None:
    for number in range(MOST_MESSAGES + 5):
        said(session, bob, f"number {number}.", at=ago(minutes=11))
    [text] = mailed(smtp, ann)
    assert text.count("Bob: ") == MOST_MESSAGES
    assert "number 4." not in text
    assert "number 5." in text
    assert "Earlier ones" in text


# Who gets none


def test_nobody_is_mailed_before_the_time(smtp: Smtp, session: Session, ann: User, bob: User, options: Options) -> None:
    said(session, bob, "It left today.", at=ago(minutes=9))
    assert mailed(smtp, ann) == []
    options(support_mail_after=500.0)
    assert len(mailed(smtp, ann)) == 1


def test_who_is_connected_is_mailed_once_she_has_gone(smtp: Smtp, server: Site, answered: Session, ann: User, token: Callable[[User], str]) -> None:
    with connect(server.ws_url + "/ws/chat", token=token(ann)) as socket:
        socket.until("connected")
        assert mailed(smtp, ann) == []
    until(lambda: len(mailed(smtp, ann)) == 1, what="she has gone, and was mailed")


def test_who_is_connected_and_appears_offline_is_not_mailed(
    smtp: Smtp, server: Site, answered: Session, ann: User, bob: User, token: Callable[[User], str]
) -> None:
    with connect(server.ws_url + "/ws/chat", token=token(ann)) as socket:
        socket.until("connected")
        socket.send({"type": "presence", "status": "offline"})
        until(lambda: store.step("look", kind="c", users=[str(ann.pk)]).said["people"] == [["offline", 0]], what="she appears offline")
        assert mailed(smtp, ann) == []


def test_what_was_read_is_not_mailed_and_neither_is_what_she_or_the_system_wrote(smtp: Smtp, answered: Session, ann: User, bob: User) -> None:
    read(user_id=ann.pk, session_id=answered.public_id)
    said(answered, ann, "Thanks.", at=ago(minutes=11))
    said(answered, None, "", at=ago(minutes=11))
    said(answered, bob, "Nice woman.", at=ago(minutes=11), is_note=True)
    assert mailed(smtp, ann) == []


def test_another_customer_and_one_without_an_address_get_nothing(smtp: Smtp, answered: Session, bob: User) -> None:
    zoe, carl = cast.customer("zoe"), cast.customer("carl")
    said(session_of(carl, bob), bob, "For Carl.", at=ago(minutes=11))
    leave_email(customer=zoe, email=address(zoe))
    send_known()
    assert [smtp.to(address(each)) for each in (zoe, carl)] == [[], []]
    assert all("Carl" not in each.get_content() for each in smtp.mails)


def test_who_was_deactivated_gets_nothing(smtp: Smtp, answered: Session, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert mailed(smtp, ann) == []


def test_what_is_very_old_is_not_mailed_any_more(smtp: Smtp, session: Session, ann: User, bob: User) -> None:
    said(session, bob, "It left today.", at=ago(days=8))
    assert mailed(smtp, ann) == []


def test_nobody_counts_as_gone_while_redis_is_away_or_has_just_forgotten_everything(
    smtp: Smtp, answered: Session, ann: User, redis: PrivateRedis, flush: Callable[[], None]
) -> None:
    flush()
    assert send_due() == 0
    redis.kill()
    try:
        assert send_due() == 0
    finally:
        redis.start()
    until(lambda: len(mailed(smtp, ann)) == 1, what="it is known that she is gone")


def test_without_a_mail_server_nothing_is_tried(smtp: Smtp, answered: Session, ann: User, options: Options) -> None:
    options(email_url="")
    assert mailed(smtp, ann) == []
    assert Contact.objects.get(pk=ann.pk).tries == 0


# Once per silence


def test_there_is_one_mail_until_she_reads_and_then_only_of_what_is_new(smtp: Smtp, answered: Session, ann: User, bob: User) -> None:
    assert len(mailed(smtp, ann)) == 1
    later = said(answered, bob, "Are you there?", at=ago(minutes=11))
    assert len(mailed(smtp, ann)) == 1
    read(user_id=ann.pk, session_id=answered.public_id)
    assert len(mailed(smtp, ann)) == 1
    said(answered, bob, "It is there.", at=ago(minutes=11))
    [_first, second] = mailed(smtp, ann)
    assert "It is there." in second
    assert later.text not in second


def test_what_she_writes_ends_a_silence_too(smtp: Smtp, answered: Session, ann: User, bob: User) -> None:
    assert len(mailed(smtp, ann)) == 1
    post(Post(sender_id=ann.pk, role=ann.role, session_id=answered.public_id, text="Great."))
    answered.refresh_from_db()
    said(answered, bob, "Anything else?", at=ago(minutes=11))
    assert len(mailed(smtp, ann)) == 2


def test_another_address_gets_what_the_wrong_one_got_and_the_same_one_again_does_not(smtp: Smtp, answered: Session, ann: User) -> None:
    assert len(mailed(smtp, ann)) == 1
    leave_email(customer=ann, email=address(ann))
    assert len(mailed(smtp, ann)) == 1
    leave_email(customer=ann, email=f"right-{address(ann)}")
    send_known()
    assert len(smtp.to(f"right-{address(ann)}")) == 1


def test_two_workers_at_once_send_one_mail(smtp: Smtp, answered: Session, ann: User) -> None:
    smtp.held.clear()
    with ThreadPoolExecutor(2) as workers:
        first = workers.submit(send_known)
        assert smtp.received.acquire(timeout=30)
        second = workers.submit(send_known)
        assert second.result(30) == 0
        smtp.held.set()
        assert first.result(30) == 1
    assert len(smtp.to(address(ann))) == 1
    assert len(mailed(smtp, ann)) == 1


def test_many_workers_at_once_send_one_mail_to_each(smtp: Smtp, bob: User) -> None:
    people = [cast.customer("ann") for _ in range(8)]
    for each in people:
        leave_email(customer=each, email=address(each))
        said(session_of(each, bob), bob, "It left today.", at=ago(minutes=11))
    with ThreadPoolExecutor(4) as workers:
        sent = sum(workers.map(lambda _: send_known(), range(4)))
    assert sent == len(people)
    assert [len(smtp.to(address(each))) for each in people] == [1] * len(people)


# What fails


def test_a_mail_that_is_refused_is_tried_again_later_and_logged_without_the_address(
    smtp: Smtp, answered: Session, ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    smtp.refuses = True
    with caplog.at_level(logging.WARNING):
        assert mailed(smtp, ann) == []
    assert f"Customer {ann.pk} could not be mailed" in caplog.text
    assert "shop.example" not in caplog.text
    smtp.refuses = False
    assert mailed(smtp, ann) == []
    again(ann)
    assert len(mailed(smtp, ann)) == 1


def test_each_failure_is_waited_for_longer(smtp: Smtp, answered: Session, ann: User) -> None:
    smtp.refuses, waits = True, []
    for _ in range(12):
        send_known()
        contact = Contact.objects.get(pk=ann.pk)
        assert contact.retry_at is not None
        waits.append(round((contact.retry_at - timezone.now()).total_seconds() / 60))
        again(ann)
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == 24 * 60


def test_a_server_that_does_not_answer_is_not_asked_for_everybody(smtp: Smtp, answered: Session, ann: User, bob: User, settings: Any) -> None:
    zoe = cast.customer("zoe")
    leave_email(customer=zoe, email=address(zoe))
    said(session_of(zoe, bob), bob, "It left today.", at=ago(minutes=11))
    settings.EMAIL_PORT = 1
    assert send_due() == 0
    assert sorted(Contact.objects.filter(pk__in=[ann.pk, zoe.pk]).values_list("tries", flat=True)) == [0, 1]
    settings.EMAIL_PORT = smtp.port
    again(ann)
    assert send_known() == 2


# Called by the worker


async def test_a_worker_looks_once_in_a_while_and_asks_nothing_in_between(smtp: Smtp, answered: Session, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "_clock", mail.Clock())
    await mail.tick()
    assert len(smtp.to(address(ann))) == 1
    monkeypatch.setattr(mail, "send_due", lambda: pytest.fail("asked again at once"))
    await mail.tick()
