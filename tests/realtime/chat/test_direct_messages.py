"""Direct messages as they are stored: once, in order, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest
from django.db import connection, transaction

from accounts.models import User
from realtime.chat.direct import send_direct
from realtime.chat.events import DIRECT, OWN_DIRECT
from realtime.chat.models import DirectMessage
from realtime.declined import Declined
from tests.notifications.stream import head
from tests.realtime.chat.conftest import conversation, topics, wrote
from tests.servers.workers import Site


def test_many_who_send_the_same_at_one_instant_over_two_workers_store_one(server: Site, mia: User, bob: User, token: Callable[[User], str]) -> None:
    headers, ready = {"Authorization": f"Bearer {token(mia)}"}, Barrier(8)

    def post(number: int) -> tuple[int, str]:
        with httpx.Client(timeout=30) as client:
            ready.wait()
            answer = client.post(server.url + conversation(bob), json={"message": "Hello!", "client_message_id": f"m-{number}"}, headers=headers)
        return answer.status_code, answer.json().get("id", answer.text)

    for number in range(10):
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(post, [number] * 8))
        assert sorted(code for code, _ in answers) == [200] * 7 + [201], answers
        assert len({name for _, name in answers}) == 1
    assert DirectMessage.objects.filter(sender=mia).count() == head(mia) == head(bob) == 10


def test_two_who_write_to_each_other_at_once_both_read_it_in_the_order_they_were_told(db: None, mia: User, bob: User) -> None:
    def write(number: int) -> None:
        sender, to = ((mia, bob), (bob, mia))[number % 2]
        try:
            wrote(sender, to, str(number))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(60)))
    rows = list(DirectMessage.objects.between(mia.pk, bob.pk))
    own = [row.sender_seq for row in rows]
    assert own == list(range(60, 0, -1))  # both streams hold all of them, so one number is both people's
    assert [head(mia), head(bob)] == [60, 60]
    assert [topics(mia), topics(bob)] == [[OWN_DIRECT if row.sender_id == me.pk else DIRECT for row in reversed(rows)] for me in (mia, bob)]


def test_what_is_rolled_back_is_told_to_nobody(mia: User, bob: User) -> None:
    with transaction.atomic():
        wrote(mia, bob, client_message_id="m-1")
        transaction.set_rollback(True)
    assert [head(mia), head(bob), DirectMessage.objects.filter(sender=mia).count()] == [0, 0, 0]
    assert send_direct(sender=mia, to_user_id=bob.pk, text="Hello!", client_message_id="m-1").new


def test_it_belongs_last_and_once_into_a_transaction(mia: User, bob: User) -> None:
    with transaction.atomic():
        wrote(mia, bob)
        with pytest.raises(transaction.TransactionManagementError, match="twice"):
            wrote(mia, bob)


@pytest.mark.parametrize(
    ("text", "name", "field"),
    [("\ud800", "", "message"), ("x", "\udfff", "client_message_id"), ("x", "y" * 101, "client_message_id"), ("y" * 4001, "", "message")],
)
def test_what_cannot_be_stored_is_refused_from_python_too(mia: User, bob: User, text: str, name: str, field: str) -> None:
    with pytest.raises(Declined) as refused:
        send_direct(sender=mia.pk, to_user_id=bob.pk, text=text, client_message_id=name)
    assert (refused.value.code, refused.value.field) == ("INVALID", field)


def test_a_page_is_read_from_the_conversations_own_index(mia: User, bob: User) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
        plan = DirectMessage.objects.between(mia.pk, bob.pk)[:10].explain()
    assert "direct_conversation" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
