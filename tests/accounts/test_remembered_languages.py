"""The language of whoever opens a socket is stored, and a crowd costs no write each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from accounts import languages
from accounts.executor import in_thread
from accounts.models import User
from tests import cast
from tests.asgi import counted_queries
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import connect


def stored(users: list[User]) -> list[str]:
    by_id = dict(User.objects.filter(pk__in=[user.pk for user in users]).values_list("pk", "language"))
    return [by_id[user.pk] for user in users]


async def remembered(wishes: dict[User, str]) -> None:
    """Tell all of these at once, and wait until the batch is through."""
    for user, language in wishes.items():
        languages.remember_soon(user_id=user.pk, language=language)
    await languages._changed.ask((0, "en"))  # nobody's, and of the same batch


@pytest.fixture
def crowd(db: None) -> list[User]:
    return [cast.member(f"speaks-{number}") for number in range(20)]


async def test_the_languages_of_a_crowd_are_written_in_one_statement_for_each_language(crowd: list[User]) -> None:
    wishes = {user: ("en", "zh-hans")[number % 2] for number, user in enumerate(crowd)}
    with counted_queries() as queries:
        await remembered(wishes)
    assert await in_thread(stored, crowd) == list(wishes.values())
    assert len([sql for sql in queries if sql.startswith("UPDATE")]) == 2


async def test_of_two_wishes_of_one_user_the_later_counts(mia: User) -> None:
    languages.remember_soon(user_id=mia.pk, language="zh-hans")
    await remembered({mia: "en"})
    assert await in_thread(stored, [mia]) == ["en"]


async def test_a_row_that_somebody_else_writes_is_not_waited_for(crowd: list[User]) -> None:
    held, done = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold() -> None:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=crowd[0].pk)
            loop.call_soon_threadsafe(held.set)
            asyncio.run_coroutine_threadsafe(done.wait(), loop).result(30)

    holding = asyncio.create_task(in_thread(hold))
    await held.wait()
    one_writer = connection.vendor == "sqlite"  # which knows no rows
    if one_writer:
        done.set()
    async with asyncio.timeout(20):
        await remembered(dict.fromkeys(crowd, "zh-hans"))
    done.set()
    await holding
    assert await in_thread(stored, crowd) == ["zh-hans" if one_writer else "", *["zh-hans"] * (len(crowd) - 1)]


def test_a_socket_leaves_the_language_of_its_handshake(server: Site, mia: User, token: Callable[[User], str]) -> None:
    with connect(server.ws_url + "/api/ws/notifications", token=token(mia), headers={"Accept-Language": "zh-CN"}) as socket:
        socket.until("connected")
        until(lambda: stored([mia]) == ["zh-hans"], what="the language in the database")
