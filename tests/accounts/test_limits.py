"""How often is often enough, counted over all workers; and who counts as one."""

import asyncio
import secrets
import time

import pytest
from django.test import RequestFactory

from accounts.addresses import UNKNOWN, client_address, neighbourhood
from accounts.limits import ahit, hit
from tests.servers.waiting import until


@pytest.fixture
def key(db):
    return secrets.token_hex(8)


def test_so_many_are_allowed_at_once_and_the_next_is_told_how_long_to_wait(key):
    assert [hit("test", key, (3, 60.0)) for _ in range(3)] == [None, None, None]
    wait = hit("test", key, (3, 60.0))
    assert 19 < wait <= 20


def test_a_refused_try_costs_nothing(key):
    for _ in range(10):
        wait = hit("test", key, (1, 60.0))
    assert 59 < wait <= 60


def test_what_was_refused_is_allowed_again_when_it_was_said(key):
    rate = (2, 0.6)
    assert [hit("test", key, rate), hit("test", key, rate)] == [None, None]
    began, wait = time.monotonic(), hit("test", key, rate)
    until(lambda: hit("test", key, rate) is None, what="allowed again")
    assert wait - 0.05 <= time.monotonic() - began


def test_keys_and_names_are_counted_apart(key):
    assert hit("test", key, (1, 60.0)) is None
    assert hit("test", key + "2", (1, 60.0)) is None
    assert hit("test2", key, (1, 60.0)) is None
    assert hit("test", key, (1, 60.0)) is not None


def test_no_limit_is_no_limit(key):
    assert [hit("test", key, (0, 60.0)) for _ in range(100)] == [None] * 100


async def test_coroutines_and_threads_count_together(key):
    rate = (10, 60.0)
    results = await asyncio.gather(*(ahit("test", key, rate) for _ in range(8)), *(asyncio.to_thread(hit, "test", key, rate) for _ in range(8)))
    assert sum(result is None for result in results) == 10


async def test_without_redis_nobody_is_refused(key, without_redis):
    for _ in range(5):
        assert await ahit("test", key, (1, 60.0)) is None
        assert await asyncio.to_thread(hit, "test", key, (1, 60.0)) is None


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", UNKNOWN),
        ("unknown", UNKNOWN),
        ("1.2.3.4, 5.6.7.8", UNKNOWN),
    ],
)
def test_an_address_is_what_the_server_says_and_always_a_valid_one(remote, address):
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR="198.51.100.1", HTTP_X_REAL_IP="198.51.100.2")
    assert client_address(request) == address


def test_all_addresses_of_one_ipv6_network_count_as_one():
    assert neighbourhood("2001:db8:1:2::1") == neighbourhood("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert neighbourhood("2001:db8:1:3::1") != neighbourhood("2001:db8:1:2::1")
    assert neighbourhood("203.0.113.9") == "203.0.113.9"
    assert neighbourhood("no address") == "no address"


async def test_tries_that_are_asked_for_together_are_counted_one_by_one(db: None) -> None:
    mine, other = secrets.token_hex(8), secrets.token_hex(8)
    answers = await asyncio.gather(*(ahit("together", key, (3, 60.0)) for key in (mine, other, mine, mine, mine, other, mine)))
    assert [answer is None for answer in answers] == [True, True, True, True, False, True, False]
