"""What a handshake asks the database before it answers: nothing while Redis is warm, one query while it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.db.models import F

from accounts import standing
from accounts.executor import in_thread
from accounts.models import User
from tests.asgi import Handshake, counted_queries

PATHS = ["/api/v1/ws", "/ws/chat", "/api/ws/notifications"]


@pytest.fixture
def queries(db: None, options: Callable[..., None]) -> Iterator[list[str]]:
    # The keeper's own would be counted too, and it puts the last revocations back into an emptied Redis.
    options(keeper_interval=10.0)
    with counted_queries() as found:
        yield found


async def test_the_counter_sees_queries_of_executor_threads(queries: list[str]) -> None:
    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    await in_thread(ask)
    await in_thread(ask)
    assert queries == ["SELECT 1", "SELECT 1"]


@pytest.mark.parametrize("path", PATHS)
async def test_no_query_is_made_before_a_socket_is_accepted_while_redis_is_warm(path: str, mia: User, token: Callable[[User], str], queries: list[str]) -> None:
    mine = token(mia)
    async with Handshake("/api/ws/notifications", token=mine) as first:
        await first.until("connected")
    queries.clear()
    async with Handshake(path, token=mine, queries=queries) as second:
        assert second.accepted
        assert second.queries_before_answer == []


async def test_one_query_is_made_before_a_socket_is_accepted_after_redis_was_emptied(
    mia: User, token: Callable[[User], str], queries: list[str], flush: Callable[[], None]
) -> None:
    mine = token(mia)
    for expected in (1, 0):
        if expected:
            flush()
        queries.clear()
        async with Handshake("/api/ws/notifications", token=mine, queries=queries) as handshake:
            assert handshake.accepted
            assert len(handshake.queries_before_answer) == expected, handshake.queries_before_answer
            await handshake.until("connected")


async def test_a_token_that_was_revoked_before_redis_was_emptied_is_still_refused(
    mia: User, token: Callable[[User], str], queries: list[str], flush: Callable[[], None]
) -> None:
    mine = token(mia)
    async with Handshake("/api/ws/notifications", token=mine) as before:
        assert before.accepted
    # Not `Revocation.objects.revoke`: what was revoked a moment ago the keepers of running workers put back into an emptied Redis.
    await in_thread(lambda: User.objects.filter(pk=mia.pk).update(token_version=F("token_version") + 1))
    await in_thread(mia.refresh_from_db)
    await standing.aput({mia.pk: mia.standing})
    queries.clear()
    async with Handshake("/api/ws/notifications", token=mine, queries=queries) as warm:
        assert (warm.status, warm.queries_before_answer) == (401, [])
    flush()
    async with Handshake("/api/ws/notifications", token=mine, queries=queries) as cold:
        assert cold.status == 401
        assert len(cold.queries_before_answer) == 1


async def test_a_token_that_is_no_good_costs_no_query(mia: User, expired: Callable[[User], str], queries: list[str], flush: Callable[[], None]) -> None:
    old = expired(mia)
    flush()
    queries.clear()
    for bad in (old, "nonsense", ""):
        async with Handshake("/api/ws/notifications", token=bad, queries=queries) as handshake:
            assert handshake.status == 401
    assert queries == []
