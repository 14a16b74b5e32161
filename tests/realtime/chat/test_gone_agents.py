"""An agent who is gone for longer than the grace loses what it has not answered, and nobody loses anything otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone, translation

from accounts.models import Role, User
from realtime.chat import routing, services
from realtime.chat.models import Attendance, Routing, Session, Transfer
from realtime.chat.words import text_of
from tests import cast
from tests.realtime.chat import floor
from tests.realtime.chat.conftest import CHAT, Open, texts
from tests.realtime.chat.floor import SOON, agent, answers, asks, comes, given_to, goes, hands, is_with, new_question, reasons, stream, swept
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until

GRACE = 3.0
"""Seconds; SUPPORT_GRACE of the tests."""


@pytest.fixture(autouse=True)
def nobody_is_here(db: None, nobody_waits: None) -> None:
    until(lambda: not floor.connected(), what="the agents of other tests have gone")


def test_it_loses_what_it_has_not_answered_and_keeps_the_rest_until_the_customer_writes(opened: Open, ann: User, bob: User, alice: User) -> None:
    console = comes(opened, bob)
    answered, unanswered = new_question("bert"), asks(ann, "One")
    answers(bob, answered)
    asks(ann, "Two")
    goes(console, bob)
    other = comes(opened, alice)
    given_to(unanswered, alice, seconds=GRACE + SOON)
    assert took_since_bob_left(unanswered) >= GRACE
    swept()
    assert is_with(answered, bob)
    assert hands(unanswered) == [("routed", None, bob.pk), ("gone", bob.pk, alice.pk)]
    other.until(lambda frame: frame["type"] == "message" and frame["message"]["senderType"] == "SYSTEM")
    assert texts(other.frames) == ["One", "Two", "Bob had to leave. Alice is here now."]
    assert (reasons(ann), reasons(bob), reasons(alice)) == (["assigned", "transferred"], ["assigned", "assigned", "transferred"], ["transferred"])
    asks(answered.customer, "And another thing")
    given_to(answered, alice)


def took_since_bob_left(session: Session) -> float:
    """Seconds from when its absence was noted to when the session was taken away."""
    lost = Transfer.objects.filter(session=session, reason="gone").latest("pk")
    return (lost.created_at - Attendance.objects.get(agent=lost.from_agent).gone_since).total_seconds()


def test_without_another_its_customers_wait_at_their_old_place_and_are_told_so_in_their_language(opened: Open) -> None:
    people = [cast.customer(name) for name in ("ann", "bert")]
    User.objects.filter(pk=people[0].pk).update(language="zh-hans")
    bob = agent(most=2)
    console = comes(opened, bob)
    first, second = asks(people[0]), asks(people[1])
    later = new_question("carl")
    line = opened(people[1], CHAT, new=True)
    goes(console, bob)
    for session in (first, second):
        given_to(session, None, seconds=GRACE + SOON)
    assert list(Session.objects.filter(status="waiting").order_by("waiting_since")) == [first, second, later]
    for who, session, language in zip(people, (first, second), ("zh-hans", "en"), strict=True):
        [words] = floor.said_by_the_system(session)
        with translation.override(language):
            assert [frame["message"]["text"] for frame in stream(who, ["message"])][1:] == [text_of(words)]
        assert reasons(who) == ["assigned", "returned"]
        assert hands(session) == [("routed", None, bob.pk), ("gone", bob.pk, None)]
    assert line.until(lambda frame: frame["type"] == "message")["message"]["text"] == "Bob had to leave. Somebody else will be with you soon."
    assert line.until("queue")["data"]["position"] == 2
    alice = agent("alice", most=1)
    comes(opened, alice)
    given_to(first, alice)
    assert is_with(second, None)


def test_who_comes_back_within_the_grace_keeps_all(opened: Open, bob: User, alice: User) -> None:
    console = comes(opened, bob)
    session = new_question()
    goes(console, bob)
    comes(opened, alice)
    until(lambda: gone_since(bob), what="that is noted")
    comes(opened, bob)
    until(lambda: gone_since(bob) is None, what="that it is back is noted")
    end = timezone.now() + timedelta(seconds=GRACE + 0.5)
    until(lambda: Routing.objects.get().swept_at > end, what="the grace is over")
    assert is_with(session, bob)


def gone_since(agent: User) -> object:
    return Attendance.objects.filter(agent=agent).values_list("gone_since", flat=True).first()


def test_an_absence_of_earlier_days_does_not_count_for_a_session_given_today(opened: Open, bob: User, alice: User) -> None:
    Attendance.objects.create(agent=bob, gone_since=timezone.now() - timedelta(days=1))  # and nobody waited since, so nobody looked
    console = comes(opened, bob)
    with transaction.atomic():
        routing.lock()  # no worker looks between
        session = new_question()
        goes(console, bob)
    comes(opened, alice)
    given_to(session, alice, seconds=GRACE + SOON)
    given, lost = Transfer.objects.filter(session=session).order_by("pk")
    assert lost.created_at - given.created_at >= timedelta(seconds=GRACE)


def test_what_has_changed_hands_since_a_worker_looked_is_not_taken_from_its_new_agent(opened: Open, admin: User, bob: User, alice: User) -> None:
    console = comes(opened, bob)
    session = new_question()
    goes(console, bob)
    seen_by_a_slow_worker = routing.here()
    assert seen_by_a_slow_worker is not None
    services.assign(by=admin, session=session, to=alice)
    routing._give(seen_by_a_slow_worker, [session.pk])
    assert is_with(session, alice)


def test_who_has_come_back_since_a_worker_looked_keeps_all(opened: Open, bob: User, alice: User) -> None:
    console = comes(opened, bob)
    session = new_question()
    until(lambda: (seen := routing.here()) is not None and seen.age >= GRACE, what="an absence counts")
    with no_worker_looks():
        goes(console, bob)
        Attendance.objects.update_or_create(agent=bob, defaults={"gone_since": timezone.now() - timedelta(days=1)})
        seen_by_a_slow_worker = routing.here()
        assert seen_by_a_slow_worker is not None
        assert session.pk in routing._lost(seen_by_a_slow_worker)
        comes(opened, bob)
        routing._give(seen_by_a_slow_worker, [session.pk])
        assert is_with(session, bob)


@contextmanager
def no_worker_looks() -> Iterator[None]:
    Routing.objects.update(swept_at=timezone.now() + timedelta(hours=1))
    try:
        yield
    finally:
        Routing.objects.update(swept_at=timezone.now())


@pytest.mark.parametrize("how", ["deactivated", "another role", "deleted"])
def test_who_is_no_agent_any_more_loses_them_at_once(opened: Open, bob: User, alice: User, how: str) -> None:
    comes(opened, bob)
    unanswered, answered = new_question(), new_question("bert")
    answers(bob, answered)
    comes(opened, alice)
    pk = bob.pk
    if how == "deleted":
        bob.delete()
    else:
        User.objects.filter(pk=pk).update(**({"is_active": False} if how == "deactivated" else {"role": Role.MEMBER}))
    given_to(unanswered, alice, seconds=GRACE - 1)
    assert hands(unanswered)[-1] == ("gone", None if how == "deleted" else pk, alice.pk)
    swept()
    assert Session.objects.get(pk=answered.pk).status == Session.Status.OPEN
    asks(answered.customer, "And?")
    given_to(answered, alice)


@pytest.fixture(params=["emptied", "restarted", "frozen", "away"])
def fault(request: pytest.FixtureRequest, redis: PrivateRedis, flush: Callable[[], None]) -> Callable[[], datetime]:
    """`fault()` lets it happen to Redis, for longer than the grace where it can last; when Redis began to be well again."""

    def fault() -> datetime:
        if request.param in ("emptied", "restarted"):
            began = timezone.now()
            flush() if request.param == "emptied" else redis.restart()
            return began
        redis.freeze() if request.param == "frozen" else redis.kill()
        try:
            a_grace_passes()
        finally:
            began = timezone.now()
            redis.thaw() if request.param == "frozen" else redis.start()
        return began

    return fault


def a_grace_passes() -> None:
    end = timezone.now() + timedelta(seconds=GRACE + 0.5)
    until(lambda: Routing.objects.get().swept_at > end, what="a worker has looked after the grace")


def test_only_an_absence_that_redis_has_seen_for_the_whole_grace_costs_anybody_a_session(
    opened: Open, fault: Callable[[], datetime], bob: User, alice: User
) -> None:
    comes(opened, bob)
    of_bob = new_question()
    console = comes(opened, alice)
    of_alice = new_question()
    assert is_with(of_alice, alice)
    goes(console, alice)
    until(lambda: gone_since(alice), what="that is noted")
    well = fault()
    given_to(of_alice, bob, seconds=2 * GRACE + SOON)
    assert Transfer.objects.get(session=of_alice, reason="gone").created_at - well >= timedelta(seconds=GRACE)
    a_grace_passes()
    assert hands(of_bob) == [("routed", None, bob.pk)]
