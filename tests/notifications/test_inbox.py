"""The one door: numbers, what is stored under them, and when it is published."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts.groups import publish, user_group
from accounts.models import User
from notifications import inbox
from notifications.events import NotificationStateChanged, NotificationStateData
from notifications.inbox import Delivery, Late
from notifications.models import Body, Entry
from notifications.services import notify
from notifications.transactions import retried
from notifications.wire import ITEM_SLOT, SEQ_SLOT
from tests import cast
from tests.notifications.ear import Ear
from tests.notifications.stream import frames, head, hello, last, told
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def delivery(*users: User, text: str = "Hello") -> Delivery:
    ids = [user.pk for user in users]
    return Delivery(recipients=ids, event=hello(NOW, text), items={each: each * 10 for each in ids})


def send(*deliveries: Delivery) -> dict[int, int]:
    with transaction.atomic():
        return inbox.send(deliveries)


def state(count: int) -> NotificationStateChanged:
    return NotificationStateChanged(data=NotificationStateData(ids=[], status="read", unread_count=count))


# Numbers


def test_each_user_has_numbers_of_its_own_from_one_on(mia: User, bob: User) -> None:
    assert send(delivery(mia)) == {mia.pk: 1}
    assert send(delivery(mia, bob)) == {mia.pk: 2, bob.pk: 1}
    assert [frame["seq"] for frame in frames(mia)] == [1, 2]
    assert head(bob) == 1


def test_several_events_of_one_call_are_numbered_in_their_order(mia: User, bob: User) -> None:
    heads = send(delivery(mia, text="a"), delivery(bob, mia, text="b"), delivery(mia, text="c"))
    assert heads == {mia.pk: 3, bob.pk: 1}
    assert [(frame["seq"], frame["data"]["title"]) for frame in frames(mia)] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_recipient_that_is_named_twice_is_told_once(mia: User) -> None:
    assert send(delivery(mia, mia)) == {mia.pk: 1}
    assert len(frames(mia)) == 1


def test_a_delivery_to_nobody_is_nothing(mia: User) -> None:
    assert send(delivery()) == {}
    assert send() == {}
    assert send(delivery(), delivery(mia)) == {mia.pk: 1}


def test_a_rollback_leaves_no_hole(mia: User) -> None:
    send(delivery(mia))
    with transaction.atomic():
        assert inbox.send([delivery(mia)]) == {mia.pk: 2}
        transaction.set_rollback(True)
    assert send(delivery(mia)) == {mia.pk: 2}
    assert [frame["seq"] for frame in frames(mia)] == [1, 2]


def test_the_same_words_are_stored_once_for_all(db: None) -> None:
    crowd = [cast.member() for _ in range(5)]
    send(delivery(*crowd))
    bodies = set(Entry.objects.filter(user__in=crowd).values_list("body", flat=True))
    assert len(bodies) == 1
    text = Body.objects.get(pk__in=bodies).text
    assert f'"seq":{SEQ_SLOT},' in text
    assert f'"id":{ITEM_SLOT},' in text
    assert [last(user)["data"]["id"] for user in crowd] == [user.pk * 10 for user in crowd]


def test_a_second_call_waits_until_the_first_has_committed(mia: User) -> None:
    """Numbers are given in commit order, because whoever has one holds the inbox until then."""
    order: list[str] = []
    numbered, begun = threading.Event(), threading.Event()

    def second() -> None:
        numbered.wait(10)
        try:
            begun.set()
            send(delivery(mia, text="second"))
            order.append("second")
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    thread.start()
    with transaction.atomic():
        inbox.send([delivery(mia, text="first")])
        numbered.set()
        assert begun.wait(10)
        # Time enough for the other to overtake, if it could.
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert [frame["data"]["title"] for frame in frames(mia)] == ["first", "second"]


# Events that are written late


def test_a_late_event_knows_its_numbers_and_sees_what_was_committed_below_them(mia: User, bob: User) -> None:
    seen: dict[int, int] = {}

    def write(seqs: Mapping[int, int]) -> Mapping[int, NotificationStateChanged]:
        seen.update(seqs)
        return {user_id: state(count=seq * 100) for user_id, seq in seqs.items()}

    send(delivery(mia))
    send(delivery(mia), Delivery(recipients=[mia.pk, bob.pk], event=Late(write)), delivery(mia))
    assert seen == {mia.pk: 3, bob.pk: 1}
    assert frames(mia)[2] == {"type": "notification_state", "seq": 3, "data": {"ids": [], "all_up_to": None, "status": "read", "unread_count": 300, "as_of": 3}}
    assert last(bob)["data"]["unread_count"] == 100
    assert [frame["seq"] for frame in frames(mia)] == [1, 2, 3, 4]


@pytest.mark.parametrize("others", [{}, {0: state(1)}])
def test_a_late_event_that_forgets_or_invents_somebody_is_refused_and_numbers_nothing(mia: User, others: Mapping[int, Any]) -> None:
    with pytest.raises(ValueError, match="holes"):
        send(Delivery(recipients=[mia.pk], event=Late(lambda _seqs: others)))
    assert head(mia) == 0


# Rules of the door


def test_sending_outside_a_transaction_is_an_error(mia: User) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        inbox.send([delivery(mia)])
    assert head(mia) == 0


def test_sending_twice_in_one_transaction_is_an_error_where_the_tests_run(mia: User, bob: User) -> None:
    with transaction.atomic():
        inbox.send([delivery(mia)])
        with pytest.raises(transaction.TransactionManagementError, match="twice"):
            inbox.send([delivery(bob)])
        transaction.set_rollback(True)
    assert head(mia) == head(bob) == 0


def test_sending_twice_is_let_through_where_nobody_is_strict(mia: User, bob: User, options: Callable[..., None]) -> None:
    options(inbox_strict=False)
    with transaction.atomic():
        inbox.send([delivery(mia)])
        inbox.send([delivery(bob)])
    assert head(mia) == head(bob) == 1


# Publishing


def test_nothing_is_published_before_the_commit(mia: User, bob: User) -> None:
    with Ear(mia, bob) as ear:
        with transaction.atomic():
            notify(users=[mia, bob], type="mention", title="Hello", message="Bob mentions you")
            assert ear.heard() == []
        pushes = ear.heard()
    assert sorted(json.loads(push["frame"])["data"]["id"] for push in pushes) == sorted([last(mia)["data"]["id"], last(bob)["data"]["id"]])


def test_nothing_is_published_after_a_rollback(mia: User) -> None:
    with Ear(mia) as ear:
        with transaction.atomic():
            told(mia)
            transaction.set_rollback(True)
        assert ear.heard() == []
    assert head(mia) == 0


def test_what_is_published_is_what_the_stream_holds(mia: User) -> None:
    with Ear(mia) as ear:
        told(mia)
        send(delivery(mia, text="a"), delivery(mia, text="b"))
        pushes = ear.heard()
    assert [json.loads(push["frame"]) for push in pushes] == frames(mia)
    assert [(push["type"], push["seq"], push["topic"]) for push in pushes] == [("push", seq, "notification") for seq in (1, 2, 3)]


def test_with_redis_gone_it_is_stored_all_the_same(mia: User, redis: PrivateRedis) -> None:
    redis.kill()
    try:
        told(mia)
    finally:
        redis.start()
        # After a failure nobody asks Redis for a while.
        until(lambda: publish([(user_group(mia.pk), {"type": "hello"})]), what="Redis is asked again")
    assert head(mia) == 1


# Transactions that try again


class Passing(Exception):
    sqlstate = "40P01"
    sqlite_errorname = "SQLITE_BUSY"


class Lasting(Exception):
    sqlstate = "42P01"
    sqlite_errorname = "SQLITE_ERROR"


def failing(times: int, cause: type[Exception]) -> tuple[list[int], Callable[[], str]]:
    tries: list[int] = []

    @retried
    def work() -> str:
        tries.append(len(tries))
        if len(tries) <= times:
            raise OperationalError("lost") from cause()
        return "done"

    return tries, work


def test_a_transaction_that_lost_to_another_begins_anew(db: None) -> None:
    tries, work = failing(2, Passing)
    assert work() == "done"
    assert len(tries) == 3


def test_trying_again_has_an_end(db: None) -> None:
    tries, work = failing(100, Passing)
    with pytest.raises(OperationalError):
        work()
    assert 2 < len(tries) < 10


def test_what_cannot_pass_is_not_tried_again(db: None) -> None:
    tries, work = failing(1, Lasting)
    with pytest.raises(OperationalError):
        work()
    assert len(tries) == 1


def test_inside_a_transaction_its_owner_decides(db: None) -> None:
    tries, work = failing(1, Passing)
    with pytest.raises(OperationalError), transaction.atomic():
        work()
    assert len(tries) == 1
