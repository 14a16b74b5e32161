"""The ground that the tests stand on: the cast, a real database, a real Redis, real servers.

What a test writes is really committed, because other processes must see it: nothing wraps a test in
a transaction and nothing is flushed. Each test makes its own people and looks at nobody else's.
Redis is private to each process of a parallel run, so a test may flush or kill it.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from django.conf import settings
from django.db import connection
from django.utils import translation
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts import service_keys, tokens
from accounts.models import User
from notifications.models import Notification
from realtime.chat.models import Message, Participant
from realtime.tasks.models import Task
from tests import cast, discretion, frames, sockets
from tests.once import ONCE
from tests.servers.fleet import Servers, complaints
from tests.servers.redis import PrivateRedis
from tests.servers.workers import Site

# One line per request of the tests' own HTTP client would bury what a failing test has to say.
logging.getLogger("httpx").setLevel(logging.WARNING)


def pytest_configure() -> None:
    # A run that a shell has put into the background ignores Ctrl-C, and all that it starts would, too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long-soak", action="store_true", help="let memory and slow readers be watched for minutes, not seconds")
    parser.addoption("--soak-minutes", type=float, default=0.0, help="let notifications with churn go on for so long (two hours: 120)")
    parser.addoption("--soak-report", default="var/soak.md", help="where its figures are written to")
    parser.addoption("--real-time", action="store_true", help="let the old clients' minute take a minute, not three seconds")
    parser.addoption("--long-faults", action="store_true", help="add the faults that last, some a minute, to those of seconds")
    parser.addoption("--long-fuzz", action="store_true", help="let all sockets be fuzzed for twenty minutes, not for seconds")
    parser.addoption("--long-schema", action="store_true", help="let all REST calls be made in ever new ways for 20 minutes")
    parser.addoption("--through-nginx", action="store_true", help="put nginx before the workers to which faults happen")
    parser.addoption("--fault-report", metavar="FILE", help="append what each fault did to this table")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long-faults"):
        left_out = [item for item in items if item.get_closest_marker("long_fault")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if item.path.stem in ONCE:
            item.add_marker("once")
    wrapped = [item.nodeid for item in items if item.get_closest_marker("django_db") or "transactional_db" in getattr(item, "fixturenames", ())]
    if wrapped:
        raise pytest.UsageError(f"These would roll back or flush what other tests stand on; ask for the fixture `db` instead: {wrapped}")


# What everything stands on


@pytest.fixture(scope="session")
def redis() -> Iterator[PrivateRedis]:
    """The Redis of this process and its servers. Who kills it starts it again."""
    with PrivateRedis(settings.SWITCHBOARD.var_dir) as running:
        yield running


@pytest.fixture(scope="session")
def db(django_db_setup: None, django_db_blocker: Any, redis: PrivateRedis) -> Iterator[None]:
    """The database, in place of pytest-django's fixture, which would wrap each test in a transaction."""
    with django_db_blocker.unblock():
        yield
        remember_what_was_written()
        if connection.vendor == "postgresql":
            # Threads of this process may still hold a connection, and PostgreSQL drops no database that is in use.
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")


def remember_what_was_written() -> None:
    """Also what came by REST, from Python or from a page."""
    for model, *names in ((Message, "text"), (Notification, "title", "message"), (Task, "title")):
        for texts in model.objects.order_by("-pk").values_list(*names)[: discretion.MOST // 4]:
            for text in texts:
                discretion.everywhere.remember(text)


@pytest.fixture
def flush(redis: PrivateRedis) -> Callable[[], None]:
    """`flush()` empties Redis."""

    def flush() -> None:
        with redis_py.Redis.from_url(redis.url) as client:
            client.flushall()

    return flush


@pytest.fixture
def options(settings: Any) -> Callable[..., None]:
    """Change options of ours in this process for one test: `options(login_failures=2)`."""

    def change(**changes: Any) -> None:
        settings.SWITCHBOARD = dataclasses.replace(settings.SWITCHBOARD, **changes)

    return change


def _was_agent_of(customer: int, agent: int) -> bool:
    people = (customer, sockets.taken_over.get(customer, customer))
    return Participant.objects.filter(session__customer__in=people, user=agent).exists()


@pytest.fixture(scope="session", autouse=True)
def customers_see_nobody(request: pytest.FixtureRequest) -> Iterator[None]:
    """No socket of a customer's, in whatever test, was told anything about other people, but how its own agent is."""
    if any("db" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("db")  # so that it is still there at the end
    yield
    told = [pair for pair in sockets.agents_of_customers if not _was_agent_of(*pair)]
    assert not told, told
    assert not sockets.not_for_customers, "\n".join(sockets.not_for_customers[:20])


@pytest.fixture(scope="session", autouse=True)
def logs_are_discreet() -> Iterator[None]:
    """No log of any server that a test has started, nor this process's own, holds a credential or what somebody wrote."""
    listener = discretion.Listener(discretion.everywhere)
    logging.getLogger().addHandler(listener)
    yield
    logging.getLogger().removeHandler(listener)
    leaks = discretion.everywhere.leaks()
    assert not leaks, "\n".join(leaks[:20])


@pytest.fixture(autouse=True)
def frames_as_described() -> Iterator[None]:
    """Whatever came over the wire in this test is in the AsyncAPI document."""
    yield
    wrong = frames.taken()
    assert not wrong, "\n".join(wrong[:10])


@pytest.fixture(autouse=True)
def nobody_else_s_language() -> Iterator[None]:
    """A request that this process answers leaves its language behind."""
    yield
    translation.deactivate()


# The cast


@pytest.fixture
def ann(db: None) -> User:
    """A customer."""
    return cast.customer("ann")


@pytest.fixture
def bob(db: None) -> User:
    """An agent."""
    return cast.agent("bob")


@pytest.fixture
def alice(db: None) -> User:
    """Another agent."""
    return cast.agent("alice")


@pytest.fixture
def mia(db: None) -> User:
    """A member."""
    return cast.member("mia")


@pytest.fixture
def eve(db: None) -> User:
    """A member that belongs nowhere."""
    return cast.member("eve")


@pytest.fixture
def admin(db: None) -> User:
    """A member of the staff."""
    return cast.staff("admin")


@pytest.fixture
def token(db: None) -> Callable[[User], str]:
    """`token(mia)`: a bearer token of that user."""
    return lambda user: tokens.issue(user)[0]


@pytest.fixture
def expired(db: None) -> Callable[[User], str]:
    """`expired(mia)`: a bearer token of that user that was good until a minute ago."""

    def issue(user: User) -> str:
        made = AccessToken()
        made.set_exp(lifetime=timedelta(minutes=-1))
        return tokens.sign(made, user)

    return issue


@pytest.fixture
def service_key(db: None) -> Callable[..., str]:
    """`service_key("users")`: a new key with those scopes, as the text that goes behind `Bearer`."""
    return lambda *scopes: service_keys.make(name="a program", scopes=scopes)[1]


class Caller(APIClient):
    """A REST client whose words are remembered, also those that are refused."""

    def _encode_data(self, data: Any, *how: Any, **more: Any) -> Any:
        discretion.everywhere.remember(data)
        return super()._encode_data(data, *how, **more)


_addresses = itertools.count(1)


@pytest.fixture
def address() -> str:
    """An address that no other test calls from, because limits per address are the real ones."""
    number = next(_addresses)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@pytest.fixture
def api(db: None, address: str) -> Callable[..., APIClient]:
    """`api(mia)`: a REST client with that user's bearer; `api()`: one without; `api(key)`: with that text as bearer."""

    def client(who: User | str | None = None) -> APIClient:
        bearer = tokens.issue(who)[0] if isinstance(who, User) else who
        made = Caller(REMOTE_ADDR=address)
        if bearer is not None:
            made.credentials(HTTP_AUTHORIZATION=f"Bearer {bearer}")
        return made

    return client


# Servers


@pytest.fixture(scope="session")
def servers(db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Starts servers. None of them may have logged a traceback or a credential when the session ends."""
    folder = tmp_path_factory.mktemp("logs")
    yield Servers(folder)
    found = {log.name: complaints(log.read_text(errors="replace")) for log in folder.iterdir()}
    assert not any(found.values()), "\n\n".join(f"{name}:\n{line}" for name, lines in found.items() for line in lines[:5])


@pytest.fixture(scope="session")
def server(servers: Servers) -> Iterator[Site]:
    """Two real workers, as in production."""
    with servers.serve(workers=2) as running:
        yield running


@pytest.fixture(scope="session")
def daphne(servers: Servers) -> Iterator[Site]:
    """A real `runserver`, as in development."""
    with servers.runserver() as running:
        yield running
