"""What is written at the moment in which its session changes hands: it waits for that, and is told to who has it then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from accounts import services as accounts
from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Message, Participant, Session
from realtime.chat.posting import Sent, post, post_all
from realtime.chat.take_over import take_over
from realtime.declined import Declined
from tests import cast
from tests.realtime.chat.conftest import wants
from tests.realtime.chat.desk import served, stream
from tests.servers.waiting import until


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Somebody does that while this block's transaction is under way, and has to wait for it."""
    begun = threading.Event()

    def run() -> None:
        begun.set()
        try:
            work()
        finally:
            connection.close()

    other = threading.Thread(target=run)
    with transaction.atomic():
        yield
        other.start()
        until(lambda: begun.is_set() and waits(), what="the other one waits")
    other.join(20)
    assert not other.is_alive()


def waits() -> bool:
    """Whether somebody waits for a lock in this database. SQLite does not say, but lets only one write."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def writes(sender: User, text: str, session: Session, into: list[object]) -> Callable[[], None]:
    return lambda: into.extend(post_all([wants(sender, text, session)]))


def test_what_a_customer_writes_as_her_session_is_claimed_its_agent_is_told(ann: User, bob: User) -> None:
    session, outcomes = served(ann, None), []
    with meanwhile(writes(ann, "Is anybody there?", session, outcomes)):
        services.claim(agent=bob, session_id=session.public_id)
    assert isinstance(outcomes[0], Sent), outcomes
    assert "Is anybody there?" in stream(bob)


def test_what_a_customer_writes_as_her_session_is_transferred_the_new_agent_is_told(ann: User, bob: User, alice: User) -> None:
    session, outcomes = served(ann, bob), []
    with meanwhile(writes(ann, "What now?", session, outcomes)):
        services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    assert isinstance(outcomes[0], Sent), outcomes
    assert ("What now?" in stream(alice), "What now?" in stream(bob)) == (True, False)


def test_what_an_agent_writes_as_it_gives_its_session_away_is_refused(ann: User, bob: User, alice: User) -> None:
    session, outcomes = served(ann, bob), []
    with meanwhile(writes(bob, "Too late", session, outcomes)):
        services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    assert isinstance(outcomes[0], Declined), outcomes
    assert "Too late" not in stream(ann)


def test_what_the_new_agent_writes_as_it_is_given_a_session_is_its_own(ann: User, bob: User, alice: User) -> None:
    session, outcomes = served(ann, bob), []
    Participant.objects.create(session=session, user=alice)  # she had it before
    note = wants(alice, "A note", session, note=True)
    with meanwhile(lambda: outcomes.extend(post_all([note]))):
        services.transfer(by=bob, session_id=session.public_id, to_user_id=alice.pk)
    assert isinstance(outcomes[0], Sent), outcomes
    assert outcomes[0].message.sender_id == Message.objects.get(pk=outcomes[0].message.pk).sender_id == alice.pk
    assert '"isMine":true' in stream(alice)


def test_of_two_who_claim_at_once_the_second_is_told_who_has_it(ann: User, bob: User, alice: User) -> None:
    session, refusals = served(ann, None), []

    def claims() -> None:
        with pytest.raises(Declined) as declined:
            services.claim(agent=alice, session_id=session.public_id)
        refusals.append((declined.value.code, "Bob" in declined.value.text))

    with meanwhile(claims):
        services.claim(agent=bob, session_id=session.public_id)
    assert refusals == [("CONFLICT", True)]


def test_what_an_anonymous_customer_writes_as_she_proves_who_she_is_is_refused(ann: User, bob: User) -> None:
    vera = cast.customer("vera", external_id=f"host-{ann.pk}")
    session, outcomes = served(ann, bob), []
    with meanwhile(writes(ann, "Who am I?", session, outcomes)):
        take_over(anonymous=ann, verified=vera)
    assert isinstance(outcomes[0], Declined), outcomes
    assert not Message.objects.filter(sender=ann).exists()


def test_what_an_agent_writes_as_its_customer_proves_who_she_is_reaches_her(ann: User, bob: User) -> None:
    vera = cast.customer("vera", external_id=f"host-{ann.pk}")
    session, outcomes = served(ann, bob), []
    with meanwhile(writes(bob, "Hello, Vera", session, outcomes)):
        take_over(anonymous=ann, verified=vera)
    assert isinstance(outcomes[0], Sent), outcomes
    assert ("Hello, Vera" in stream(vera), "Hello, Vera" in stream(ann)) == (True, False)


def test_an_anonymous_customer_opens_nothing_as_she_proves_who_she_is(ann: User) -> None:
    vera = cast.customer("vera", external_id=f"host-{ann.pk}")
    refusals = []

    def opens() -> None:
        with pytest.raises(Declined) as declined:
            post(wants(ann, "Is anybody there?"))
        refusals.append(declined.value.code)

    with meanwhile(opens):
        accounts.take_over(anonymous=ann.customer, verified=vera.customer)
    assert refusals == ["FORBIDDEN"]
    assert not Session.objects.filter(customer=ann).exists()


def test_a_customer_who_opens_a_session_at_that_moment_has_it(ann: User, bob: User) -> None:
    vera = cast.customer("vera", external_id=f"host-{ann.pk}")
    session = served(ann, bob)
    with meanwhile(lambda: post(wants(vera, "It is me"))):
        accounts.take_over(anonymous=ann.customer, verified=vera.customer)
    assert [each.pk for each in Session.objects.filter(customer=vera)] == [session.pk]
    assert "It is me" in stream(bob)
