"""Who is here, in Python, in the words that the community site knows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import User
from accounts.redis import RedisAway
from realtime.presence import manager
from tests import cast
from tests.realtime.presence.test_rest import BELL, CHAT, opened
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import Site

Token = Callable[[User], str]


@pytest.fixture
def john(db: None) -> User:
    return cast.member("john")


def test_a_view_can_ask_who_is_here(server: Site, token: Token, mia: User, john: User) -> None:
    assert not manager.is_user_online(mia.pk)
    with opened(server, token(mia)), opened(server, token(mia), BELL), opened(server, token(john)):
        assert manager.is_user_online(mia.pk)
        assert manager.get_user_connections_count(mia.pk) == 2
        assert manager.get_user_connections_count(john.pk) == 1
        assert manager.get_online_users(limit=2) == [john.pk, mia.pk]
        assert manager.get_online_users()[:2] == [john.pk, mia.pk]
        assert manager.get_online_count() == len(manager.get_online_users())
    until(lambda: not manager.is_user_online(john.pk), what="John has gone")
    assert manager.get_user_connections_count(john.pk) == 0
    assert john.pk not in manager.get_online_users()


async def test_a_coroutine_can_ask_the_same(server: Site, token: Token, mia: User, john: User) -> None:
    assert not await manager.ais_user_online(mia.pk)
    with opened(server, token(john)), opened(server, token(mia)):
        assert await manager.ais_user_online(mia.pk)
        assert await manager.aget_user_connections_count(mia.pk) == 1
        assert await manager.aget_online_users(limit=2) == [mia.pk, john.pk]
        assert await manager.aget_online_count() == len(await manager.aget_online_users())


async def test_a_customer_is_online_but_not_among_those_who_are_counted(server: Site, token: Token, ann: User) -> None:
    with opened(server, token(ann), CHAT):
        assert manager.is_user_online(ann.pk)
        assert await manager.ais_user_online(ann.pk)
        assert manager.get_user_connections_count(ann.pk) == 1
        assert ann.pk not in manager.get_online_users()


def test_who_appears_offline_is_not_online_here_either(server: Site, token: Token, mia: User) -> None:
    with opened(server, token(mia)) as page:
        page.send({"type": "presence", "status": "offline"})
        until(lambda: not manager.is_user_online(mia.pk), what="Mia appears offline")
        assert manager.get_user_connections_count(mia.pk) == 0
        assert mia.pk not in manager.get_online_users()


async def test_redis_may_forget_and_nobody_is_gone(server: Site, token: Token, mia: User, flush: Callable[[], None]) -> None:
    with opened(server, token(mia)):
        flush()
        assert manager.is_user_online(mia.pk)
        flush()
        assert await manager.ais_user_online(mia.pk)


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_limit_that_makes_no_sense_is_an_error(limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        manager.get_online_users(limit)
    with pytest.raises(ValueError, match="1 to 1000"):
        await manager.aget_online_users(limit)


async def test_without_redis_it_is_not_known(mia: User, redis: PrivateRedis) -> None:
    def answers() -> bool:
        try:
            return manager.get_online_count() >= 0
        except RedisAway:
            return False

    redis.kill()
    try:
        with pytest.raises(RedisAway):
            manager.is_user_online(mia.pk)
        with pytest.raises(RedisAway):
            await manager.ais_user_online(mia.pk)
    finally:
        redis.start()
        until(answers, what="Redis is asked again")
