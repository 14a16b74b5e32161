"""A customer proves who she is: what she said before is hers, and nobody loses or doubles anything by it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import User
from realtime.chat import services
from realtime.chat.models import Block, Message, Participant, Session
from realtime.chat.posting import post
from realtime.chat.routing import here
from realtime.declined import Declined
from tests import cast
from tests.accounts.visitors import proof
from tests.realtime.chat.conftest import CHAT, MEMBERS, Open, wants
from tests.realtime.chat.desk import at_once_missed, of_type, says, served, shut, write
from tests.servers.waiting import until
from tests.sockets import taken_over


@pytest.fixture
def vera(db: None) -> User:
    """A customer whom the host site knows."""
    return cast.customer("vera", external_id=f"host-{uuid.uuid4()}")


def proves(ann: User, vera: User) -> None:
    """Ann turns out to be vera."""
    taken_over[ann.pk] = vera.pk
    accounts.make_verified_customer(external_id=vera.customer.external_id, name="Vera", channel="WEB", metadata={}, anonymous=ann.customer)


def active(user: User) -> list[Session]:
    return list(Session.objects.filter(customer=user).exclude(status=Session.Status.CLOSED))


def test_everything_becomes_hers_and_all_are_told(opened: Open, ann: User, vera: User, bob: User, alice: User) -> None:
    old = served(ann, alice)
    says(ann, "Long ago", old)
    shut(old)
    session = served(ann, bob)
    says(ann, "Hello", session, "a-1")
    says(bob, "She is difficult.", session, note=True)
    says(bob, "Hello, Ann", session)
    said = Message.objects.filter(session__in=[old, session]).order_by("pk").values_list("pk", "session", "order", "text")
    before = list(said)
    desk, other, line = opened(bob, CHAT, new=True), opened(alice, CHAT, new=True), opened(vera, CHAT, new=True)
    hers = opened(ann, MEMBERS, new=True)
    proves(ann, vera)
    assert {each.customer_id for each in Session.objects.filter(pk__in=[old.pk, session.pk])} == {vera.pk}
    assert list(said.all()) == before
    assert not Message.objects.filter(sender=ann).exists()
    assert set(Participant.objects.filter(session=session).values_list("user", flat=True)) == {vera.pk, bob.pk}
    for socket, sessions in ((desk, [session]), (other, [old]), (line, [old, session])):
        told = [socket.until("session")["session"] for _ in sessions]
        assert [(each["id"], each["reason"], each["customer"]["userId"]) for each in told] == [(str(each.public_id), "moved", vera.pk) for each in sessions]
    assert line.until("message")["message"]["text"] == "Hello, Ann", "which nobody had confirmed"
    assert hers.ended() == 4410
    write(line, session, "I am Vera", "v-1")
    answer = desk.until("message")["message"]
    assert (answer["text"], answer["senderId"], answer["sessionId"]) == ("I am Vera", vera.pk, str(session.public_id))
    write(desk, session, "I see")
    assert line.until(lambda frame: frame["type"] == "message" and not frame["message"]["isMine"])["message"]["text"] == "I see"
    assert "difficult" not in str(line.frames)
    assert of_type(other.sync(), "message", "session") == []


def test_what_she_had_read_is_not_missed_again(opened: Open, ann: User, vera: User, bob: User) -> None:
    session = served(ann, bob)
    said = says(bob, "One", session)
    services.read(user_id=ann.pk, session_id=session.public_id, up_to=said.public_id)
    says(bob, "Two", session)
    proves(ann, vera)
    assert at_once_missed(opened, vera) == ["Two"]
    assert services.unread(vera.pk).count == 1


def test_what_she_sends_again_is_the_same_message(opened: Open, ann: User, vera: User, bob: User) -> None:
    session = served(ann, bob)
    first = says(ann, "Hello", session, "m-1")
    proves(ann, vera)
    line = opened(vera, CHAT, new=True)
    write(line, session, "Hello", "m-1")
    found = line.until("message")["message"]
    assert (found["id"], found["isMine"]) == (str(first.public_id), True)
    assert Message.objects.filter(session=session).count() == 1


def test_of_two_messages_that_are_called_the_same_the_moved_one_loses_its_name(ann: User, vera: User, bob: User) -> None:
    hers = served(vera, bob)
    kept = says(vera, "Of vera", hers, "m-1")
    shut(hers)
    session = served(ann, bob)
    moved = [says(ann, "Of ann", session, "m-1"), says(ann, "And more", session, "m-2")]
    proves(ann, vera)
    names = dict(Message.objects.filter(sender=vera).values_list("pk", "client_message_id"))
    assert names == {kept.pk: "m-1", moved[0].pk: "", moved[1].pk: "m-2"}


@pytest.mark.parametrize("waits", [True, False])
def test_of_two_open_sessions_the_one_before_her_eyes_goes_on(opened: Open, ann: User, vera: User, bob: User, alice: User, waits: bool) -> None:
    elsewhere = served(vera, alice)
    line, desk = opened(vera, CHAT, new=True), opened(alice, CHAT)
    desk.send({"type": "presence", "status": "busy"})  # so that she is not given what waits
    until(lambda: (present := here()) is not None and alice.pk not in present.available, what="she is seen to be busy")
    session = served(ann, None if waits else bob)
    proves(ann, vera)
    assert desk.until("session")["session"]["reason"] == "closed"
    assert [(frame["id"], frame["reason"]) for frame in (line.until("session")["session"], line.until("session")["session"])] == [
        (str(elsewhere.public_id), "closed"),
        (str(session.public_id), "moved"),
    ]
    if waits:
        assert line.until("queue")["data"]["sessionId"] == str(session.public_id)
    assert [each.pk for each in active(vera)] == [session.pk]
    assert active(ann) == []
    assert post(wants(vera, "To the other one", elsewhere)).session.pk == session.pk


def test_her_open_session_goes_on_if_the_anonymous_one_has_none(ann: User, vera: User, bob: User) -> None:
    elsewhere, old = served(vera, bob), served(ann, bob)
    shut(old)
    proves(ann, vera)
    assert [each.pk for each in active(vera)] == [elsewhere.pk]
    assert Session.objects.filter(customer=vera).count() == 2


@pytest.mark.parametrize("who", ["anonymous", "verified", "both"])
def test_a_block_of_either_stays_one(ann: User, vera: User, bob: User, who: str) -> None:
    served(ann, bob)
    served(vera, bob)
    for name, user in (("anonymous", ann), ("verified", vera)):
        if who in (name, "both"):
            services.block(by=bob, customer_id=user.pk, reason=f"as {name}")
    proves(ann, vera)
    assert Block.objects.get(customer=vera).reason == ("as verified" if who != "anonymous" else "as anonymous")
    assert active(vera) == active(ann) == []
    with pytest.raises(Declined) as declined:
        post(wants(vera, "Let me in"))
    assert declined.value.code == "FORBIDDEN"


def test_others_keep_what_is_theirs(ann: User, vera: User, cara: User, bob: User) -> None:
    other, session = served(cara, bob), served(ann, bob)
    mine = says(cara, "Mine", other, "m-1")
    says(ann, "Hers", session, "m-1")
    proves(ann, vera)
    assert [each.pk for each in active(cara)] == [other.pk]
    assert Message.objects.get(sender=cara) == mine
    assert set(Participant.objects.filter(session=other).values_list("user", flat=True)) == {cara.pk, bob.pk}


def test_the_anonymous_one_neither_writes_nor_opens_anything_any_more(ann: User, vera: User, bob: User) -> None:
    session = served(ann, bob)
    proves(ann, vera)
    for place, code in ((session, "NOT_FOUND"), (None, "FORBIDDEN")):
        with pytest.raises(Declined) as declined:
            post(wants(ann, "Who am I?", place))
        assert declined.value.code == code
    assert not Session.objects.filter(customer=ann).exists()


@pytest.mark.parametrize("begun", [True, False])
def test_what_is_written_at_the_same_moment_is_hers_or_refused(ann: User, vera: User, bob: User, begun: bool) -> None:
    session = served(ann, bob) if begun else None
    stored: list[list[str]] = [[] for _ in range(4)]
    warm = threading.Barrier(5)

    def go_on(mine: list[str], nth: int) -> None:
        with suppress(Declined):
            for number in range(1000):
                if number == 1:
                    warm.wait(20)
                name = f"{nth}-{number}"
                post(wants(ann, name, session, name))
                mine.append(name)
        connection.close()

    threads = [threading.Thread(target=go_on, args=(mine, nth)) for nth, mine in enumerate(stored)]
    for thread in threads:
        thread.start()
    warm.wait(20)
    proves(ann, vera)
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert not Session.objects.filter(customer=ann).exists()
    assert not Message.objects.filter(sender=ann).exists()
    [moved] = Session.objects.filter(customer=vera)
    assert max(len(mine) for mine in stored) < 1000, "they were refused at last"
    messages = list(Message.objects.filter(session=moved).order_by("order"))
    assert [each.order for each in messages] == list(range(1, len(messages) + 1))
    assert {each.sender_id for each in messages if each.sender_id} == {vera.pk}
    assert sorted(each.text for each in messages if each.sender_id) == sorted(name for mine in stored for name in mine)


def test_it_happens_as_she_comes_with_the_host_sites_word(
    api: Callable[..., APIClient], opened: Open, options: Callable[..., None], ann: User, bob: User
) -> None:
    options(identity_secret="shared with the host site for customers 0123456789")
    session = served(ann, bob)
    desk = opened(bob, CHAT, new=True)
    body = {"name": "Vera", "channel": "WEB", "identity": proof(f"host-{uuid.uuid4()}")}
    first, made = (api(who).post("/api/v1/customers", body, format="json").json() for who in (None, ann))
    assert made["userId"] == first["userId"] != ann.pk
    moved = desk.until("session")["session"]
    assert (moved["id"], moved["reason"], moved["customer"]) == (str(session.public_id), "moved", {"userId": made["userId"], "name": "Vera"})
