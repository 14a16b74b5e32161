"""Streams take no connection to Redis each (that leak is why the stock site left them), and lose nothing when Redis goes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from accounts.models import User
from notifications.models import Notification
from tests.contract.test_crowd import clients
from tests.servers.fleet import Servers
from tests.servers.raw import RawSocket
from tests.servers.redis import PrivateRedis
from tests.streams import Stream, listen

CROWD: Final = 500
WARM: Final = 50
ROUNDS: Final = 24
TEXT: Final = 1


@pytest.fixture
def crowd(db: None) -> list[User]:
    name = secrets.token_hex(4)
    return User.objects.bulk_create([User(username=f"{name}-{number}", display_name=f"Nr. {number}") for number in range(CROWD)])


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[PrivateRedis]:
    """A Redis that nobody else speaks to."""
    with PrivateRedis(tmp_path) as running:
        yield running


def frame(socket: RawSocket) -> dict[str, object]:
    """The next one of a socket's."""
    while (received := socket.receive())[0] != TEXT:
        pass
    found: dict[str, object] = json.loads(received[1])
    return found


def test_a_thousand_clients_share_the_connections_to_redis_and_lose_nothing_when_it_crashes(
    servers: Servers,
    alone: PrivateRedis,
    crowd: list[User],
    token: Callable[[User], str],
    service_key: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    # No heartbeat comes to the help of what Redis has lost.
    with servers.serve(workers=2, env={"REDIS_URL": alone.url, "WS_HEARTBEAT_INTERVAL": "120"}) as site, ExitStack() as stack:
        streams, sockets, workers = [], [], set()

        def join(users: list[User]) -> int:
            """Each of them listens in both ways; how many connections Redis then has."""
            for user in users:
                streams.append(stack.enter_context(listen(site, token=token(user))))
                sockets.append(stack.enter_context(RawSocket(site.port, f"/api/ws/notifications?token={token(user)}")))
                sockets[-1].shake_hands()
            for stream, socket in zip(streams[-len(users) :], sockets[-len(users) :], strict=True):
                workers.add(stream.until("connected").json["connection_id"].split("-")[0])
                assert frame(socket)["type"] == "connected"
            return clients(alone)

        few = join(crowd[:WARM])
        many = join(crowd[WARM:])
        assert len(workers) == 2

        key = {"Authorization": f"Bearer {service_key('notifications')}"}
        with httpx.Client(base_url=site.url, headers=key, timeout=60) as shop:
            for number in range(ROUNDS):
                if number == ROUNDS // 3:
                    alone.kill()
                elif number == 2 * ROUNDS // 3:
                    alone.start()
                told = [user.pk for user in (crowd[number % 3 :: 2] if number < ROUNDS - 1 else crowd)]
                answer = shop.post("/api/v1/notifications", json={"user_ids": told, "type": "system", "title": str(number), "message": "…"})
                assert answer.status_code == 201, answer.text

        own: dict[int, list[int]] = {user.pk: [] for user in crowd}
        for user_id, number in Notification.objects.filter(user__in=crowd).order_by("pk").values_list("user_id", "pk"):
            own[user_id].append(number)
        for user, stream, socket in zip(crowd, streams, sockets, strict=True):
            wanted = own[user.pk]
            assert heard(stream, len(wanted)) == [frame_id(frame(socket)) for _ in wanted] == wanted
        after = clients(alone)
        said = f"Redis has {few} connections with {2 * WARM} clients on 2 workers, {many} with {2 * CROWD}, half of them streams, {after} after its crash"
        with capsys.disabled():
            print(f"\n{said}; {sum(map(len, own.values()))} notifications each came once to both.")
        assert many <= few + 2, said
        assert after <= few + 10, said


def heard(stream: Stream, count: int) -> list[int]:
    return [event.json["id"] for event in stream.take(count, "notification")]


def frame_id(told: dict[str, object]) -> int:
    data = told["data"]
    assert isinstance(data, dict)
    return int(data["id"])
