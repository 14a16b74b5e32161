"""What is written in the very moment in which a session changes hands."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from django.db import connection, transaction

from accounts.models import User
from realtime.chat import services
from tests.realtime.chat.office import asks, at_once, stream
from tests.servers.waiting import until


@pytest.mark.parametrize("change", ["claimed", "transferred"])
def test_what_a_customer_writes_while_its_session_is_given_to_an_agent_reaches_that_agent(ann: User, bob: User, alice: User, change: str) -> None:
    session = asks(ann, "One")
    if change == "transferred":
        services.claim(agent=alice, session_id=session.public_id)
    writing = threading.Thread(target=at_once, args=[partial(asks, ann, "Two")])
    with transaction.atomic():
        if change == "claimed":
            services.claim(agent=bob, session_id=session.public_id)
        else:
            services.transfer(by=alice, session_id=session.public_id, to_user_id=bob.pk)
        writing.start()
        if connection.vendor == "postgresql":
            until(somebody_waits, what="the customer's message waits for the session")
    writing.join()
    said = [frame["message"]["text"] for frame in stream(bob, ["message"]) if frame["message"]["senderType"] == "CUSTOMER"]
    assert said == ["One", "Two"]
    assert "Two" not in [frame["message"]["text"] for frame in stream(alice, ["message"])]


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
