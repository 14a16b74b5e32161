"""Much is written at once over lines that break: all of it is stored once, and everybody has it in the database's order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from itertools import cycle

import pytest

from accounts.models import User
from notifications.models import Entry
from realtime.chat.models import Message, Session
from tests import cast
from tests.faults.ledger import heads
from tests.realtime.chat.correspondent import Correspondent
from tests.realtime.chat.desk import served
from tests.servers.waiting import auntil
from tests.servers.workers import Site

SESSIONS = [("ann", "bob"), ("cara", "bob"), ("dora", "alice"), ("emma", "alice")]


async def cut_lines(clients: Sequence[Correspondent], chance: random.Random) -> int:
    """Break one line after the other, until cancelled."""
    while True:
        await asyncio.sleep(chance.uniform(0.01, 0.06))
        await chance.choice(clients).hang_up()


async def write_all(client: Correspondent, sessions: Sequence[str], names: Sequence[str], chance: random.Random) -> None:
    """Every fifth is sent two to five times."""
    for number, (name, session_id) in enumerate(zip(names, cycle(sessions), strict=False)):
        await client.write(session_id, name, times=chance.randint(2, 5) if number % 5 == 0 else 1)


async def correspond(clients: Sequence[Correspondent], sessions: Sequence[Sequence[str]], count: int, database_url: str, seed: int) -> None:
    """Have them write so many messages together, and wait until everybody has heard everything."""
    chance = random.Random(seed)
    lines = [asyncio.create_task(client.run()) for client in clients]
    await auntil(lambda: all(client.open for client in clients), what="they connect")
    cuts = asyncio.create_task(cut_lines(clients, chance))
    names = [[f"{number}-{count}" for count in range(number, count, len(clients))] for number in range(len(clients))]
    await asyncio.gather(*(write_all(client, *what, chance) for client, *what in zip(clients, sessions, names, strict=True)))
    await auntil(lambda: not any(client.unanswered for client in clients), what="all is answered", seconds=60)
    cuts.cancel()
    ends = await asyncio.to_thread(heads, database_url, {client.user_id for client in clients})
    await auntil(lambda: all(client.cursor >= ends[client.user_id] for client in clients), what="everybody has heard it", seconds=60)
    await asyncio.gather(*(client.sync() for client in clients))
    for line in lines:
        line.cancel()
    await asyncio.gather(*lines, return_exceptions=True)


def told(user: User) -> list[tuple[int, str]]:
    """The messages in somebody's stream, by number and id."""
    rows = Entry.objects.filter(user=user, topic__in=["support", "support.own"]).order_by("seq").values_list("seq", "body__text")
    found = [(seq, json.loads(text.replace("\x01", "0"))) for seq, text in rows]
    return [(seq, frame["message"]["id"]) for seq, frame in found if frame["type"] == "message"]


@pytest.mark.fault
@pytest.mark.parametrize("count", [1000, pytest.param(5000, marks=[pytest.mark.long_fault, pytest.mark.timeout(400)])])
def test_what_is_sent_again_over_broken_lines_is_stored_once_and_heard_in_order(server: Site, token: Callable[[User], str], db: None, count: int) -> None:
    people = {name: cast.customer(name) for name, _ in SESSIONS} | {name: cast.agent(name) for name in ("bob", "alice")}
    sessions = [served(people[customer], people[agent]) for customer, agent in SESSIONS]
    mine = {user: [each for each in sessions if user.pk in (each.customer_id, each.agent_id)] for user in people.values()}
    tabs = [user for user in people.values() for _ in range(2)]
    clients = [Correspondent(url=server.url, user_id=user.pk, token=token(user)) for user in tabs]
    places = [[str(session.public_id) for session in mine[user]] for user in tabs]
    asyncio.run(correspond(clients, places, count, server.env["DATABASE_URL"], seed=count))

    assert Message.objects.filter(session__in=sessions).count() == count
    assert Session.objects.filter(pk__in=[each.pk for each in sessions], status=Session.Status.OPEN).count() == len(sessions)
    stored = {session: list(Message.objects.filter(session=session).order_by("order")) for session in sessions}
    for messages in stored.values():
        assert [each.order for each in messages] == list(range(1, len(messages) + 1))
    for user, client in zip(tabs, clients, strict=True):
        assert not client.complaints, client.complaints[:5]
        assert [(seq, message["id"]) for seq, message in client.heard] == told(user)
        for session in mine[user]:
            heard = [message for _, message in client.heard if message["sessionId"] == str(session.public_id)]
            assert [(each["id"], each["text"], each["isMine"], each["senderId"]) for each in heard] == [
                (str(each.public_id), each.text, each.sender_id == user.pk, each.sender_id) for each in stored[session]
            ]
        assert all(len(ids) == 1 for ids in client.ids.values()), "one name, one message"
    reconnects = sum(len(client.connections) - 1 for client in clients)
    assert reconnects >= count // 50, reconnects
    assert len({worker for client in clients for each in client.connections if (worker := each.partition("-")[0])}) == 2
    print(f"\n{count} messages, {reconnects} reconnects")
