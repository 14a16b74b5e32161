"""What an address of Redis stands for. That it can be spoken to is tried in tests/faults and tests/realtime/test_layer_hosts.py."""

import ssl

import pytest
from redis.sentinel import SentinelConnectionPool

from accounts.redis_hosts import client, sentinels


def test_an_address_names_sentinels_the_master_and_how_to_log_in_at_either():
    said = sentinels("sentinel://shop:p%40ss@a:5000,[::1],c/mymaster/2?sentinel_username=watch&sentinel_password=w%2Frd&protocol=2")
    assert said == {
        "sentinels": [("a", 5000), ("::1", 26379), ("c", 26379)],
        "master_name": "mymaster",
        "sentinel_kwargs": {"username": "watch", "password": "w/rd"},
        "username": "shop",
        "password": "p@ss",
        "db": 2,
        "protocol": 2,
    }


def test_without_a_login_and_a_database_there_is_none():
    assert sentinels("sentinel://a/mymaster") == {"sentinels": [("a", 26379)], "master_name": "mymaster", "sentinel_kwargs": {}}


def test_with_tls_the_sentinels_are_spoken_to_under_the_same_conditions_as_the_master():
    made = client({"address": "sentinels://a,b/mymaster?ssl_cert_reqs=none&sentinel_password=word"})
    pool = made.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    [one, _two] = pool.sentinel_manager.sentinels
    ways = [pool.make_connection(), one.connection_pool.make_connection()]
    assert [(way.cert_reqs, way.password) for way in ways] == [(ssl.CERT_NONE, None), (ssl.CERT_NONE, "word")]


@pytest.mark.parametrize("scheme", ["sentinel", "sentinels"])
def test_all_sentinels_are_asked_within_the_time_that_there_is_for_redis(scheme, options):
    options(redis_timeout=0.9)
    manager = client({"address": f"{scheme}://a,b/mymaster"}).connection_pool.sentinel_manager
    for each in manager.sentinels:
        given = each.connection_pool.connection_kwargs
        assert given["socket_timeout"] == given["socket_connect_timeout"] == pytest.approx(0.3)
