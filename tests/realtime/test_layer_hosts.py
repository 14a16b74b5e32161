"""The layer takes channels-redis's configuration in all its forms, and plain code publishes to the same places."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import redis as redis_py
from django.conf import settings

from accounts import groups
from accounts.groups import publish
from realtime.layer import LoopLayer
from tests.realtime.ears import GROUP, PATIENCE, Ear, push, pushed
from tests.servers.certificates import make_certificate
from tests.servers.redis import PrivateRedis
from tests.servers.redis_hosts import HOST, Replica, Sentinel, TcpRedis, behind_tls, free_port
from tests.servers.waiting import auntil

PASSWORD = "open-sesame"


async def speaks(layer: LoopLayer) -> None:
    """Whether both ways to say something are heard by both ways to listen."""
    ear = Ear()
    assert await layer.listen(GROUP, ear)
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    await layer.group_send(GROUP, {"type": "push", "seq": 1})
    assert await asyncio.to_thread(push, 2) == 1
    await ear.until(2)
    assert ear.heard == [1, 2]
    assert [(await layer.receive(channel))["seq"] for _ in range(2)] == [1, 2]


FORMS: dict[str, Callable[[TcpRedis], Any]] = {
    "url": lambda redis: f"redis://{HOST}:{redis.port}",
    "url-with-a-database": lambda redis: f"redis://{HOST}:{redis.port}/3",
    "url-resp2": lambda redis: f"redis://{HOST}:{redis.port}?protocol=2",
    "url-resp3": lambda redis: f"redis://{HOST}:{redis.port}?protocol=3",
    "pair": lambda redis: (HOST, redis.port),
    "dict": lambda redis: {"host": HOST, "port": redis.port, "db": 2},
    "dict-with-an-address": lambda redis: {"address": f"redis://{HOST}:{redis.port}", "protocol": 2},
}


@pytest.mark.parametrize("form", FORMS)
async def test_a_host_may_be_written_in_each_form(form: str, tmp_path: Path, configured: Callable[..., LoopLayer]) -> None:
    with TcpRedis(tmp_path) as redis:
        await speaks(configured(hosts=[FORMS[form](redis)]))


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.parametrize("form", FORMS)
async def test_plain_code_does_not_try_a_dead_host_again_in_any_form(form: str, tmp_path: Path, configured: Callable[..., LoopLayer]) -> None:
    configured(hosts=[FORMS[form](TcpRedis(tmp_path))])
    began = time.monotonic()
    assert push(1) == 0
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_host_may_be_a_unix_socket(protocol: int, redis: PrivateRedis, configured: Callable[..., LoopLayer]) -> None:
    await speaks(configured(hosts=[f"{redis.url}?protocol={protocol}"]))


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("in_url", [True, False])
async def test_a_host_may_have_a_password(in_url: bool, protocol: int, tmp_path: Path, configured: Callable[..., LoopLayer]) -> None:
    with TcpRedis(tmp_path, password=PASSWORD) as redis:
        host = {"address": f"redis://{HOST}:{redis.port}", "password": PASSWORD, "protocol": protocol}
        await speaks(configured(hosts=[f"{redis.url}?protocol={protocol}" if in_url else host]))


async def test_a_missing_password_is_said(
    tmp_path: Path, configured: Callable[..., LoopLayer], options: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    options(redis_timeout=0.2)
    with TcpRedis(tmp_path, password=PASSWORD) as redis:
        layer = configured(hosts=[(HOST, redis.port)])
        assert not await layer.listen(GROUP, Ear())
        assert "authenticate" in caplog.text
        with pytest.raises(ConnectionError, match="authenticate"):
            await layer.new_channel()


def socket_of(redis: PrivateRedis) -> Path:
    return Path(unquote(urlsplit(redis.url).path))


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_host_may_be_behind_tls(checked: bool, protocol: int, redis: PrivateRedis, tmp_path: Path, configured: Callable[..., LoopLayer]) -> None:
    certificate, key = make_certificate(tmp_path)
    async with behind_tls(certificate, key, socket_of(redis)) as port:
        check = f"ssl_ca_certs={certificate}" if checked else "ssl_cert_reqs=none"
        layer = configured(hosts=[f"rediss://localhost:{port}?{check}&protocol={protocol}"])
        await speaks(layer)
        await layer.flush()


async def test_a_certificate_that_is_not_trusted_is_refused_and_said(
    redis: PrivateRedis, tmp_path: Path, configured: Callable[..., LoopLayer], caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = make_certificate(tmp_path)
    async with behind_tls(certificate, key, socket_of(redis)) as port:
        layer = configured(hosts=[f"rediss://localhost:{port}"])
        assert not await layer.listen(GROUP, Ear())
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


async def test_a_lost_connection_behind_tls_is_made_again(redis: PrivateRedis, tmp_path: Path, configured: Callable[..., LoopLayer]) -> None:
    certificate, key = make_certificate(tmp_path)
    async with behind_tls(certificate, key, socket_of(redis)) as port:
        layer = configured(hosts=[f"rediss://localhost:{port}?ssl_cert_reqs=none"])
        ear, returned = Ear(), asyncio.Event()
        layer.on_return(returned.set)
        assert await layer.listen(GROUP, ear)
        with redis_py.Redis.from_url(redis.url) as client:
            client.client_kill_filter(_type="pubsub")
        async with asyncio.timeout(PATIENCE):
            await returned.wait()
        await pushed(1)
        await ear.until(1)
        await layer.flush()


@pytest.mark.parametrize(
    "config",
    [{"prefix": "another"}, {"serializer_format": "json"}, {"symmetric_encryption_keys": ["new", "old"]}],
    ids=lambda config: next(iter(config)),
)
async def test_what_is_written_to_redis_follows_the_configuration(config: dict[str, Any], redis: PrivateRedis, configured: Callable[..., LoopLayer]) -> None:
    await speaks(configured(hosts=[redis.url], **config))


async def test_who_has_another_prefix_or_another_key_is_not_heard(
    redis: PrivateRedis, configured: Callable[..., LoopLayer], caplog: pytest.LogCaptureFixture
) -> None:
    ears = [Ear() for _ in range(3)]
    for ear, config in zip(ears, ({}, {"prefix": "another"}, {"symmetric_encryption_keys": ["old"]}), strict=True):
        assert await configured(hosts=[redis.url], **config).listen(GROUP, ear)
    configured(hosts=[redis.url], symmetric_encryption_keys=["new", "old"])
    push(1)
    configured(hosts=[redis.url], symmetric_encryption_keys=["old", "older"])
    push(2)
    await ears[2].until(2)
    configured(hosts=[redis.url], prefix="another")
    push(3)
    await ears[1].until(3)
    configured(hosts=[redis.url])
    push(4)
    await ears[0].until(4)
    assert [ear.heard for ear in ears] == [[4], [3], [2]]
    assert caplog.text.count("not understood") == 4


# Two hosts


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_groups_are_spread_over_two_hosts_and_a_dead_one_takes_only_its_own_away(tmp_path: Path, configured: Callable[..., LoopLayer]) -> None:
    with TcpRedis(tmp_path) as one, TcpRedis(tmp_path) as two:
        layer = configured(hosts=[one.url, two.url])
        returned = asyncio.Event()
        layer.on_return(returned.set)
        ears = {f"user.{number}": Ear() for number in range(20)}
        for group, ear in ears.items():
            assert await layer.listen(group, ear)
        channels = {}
        for name, host in (("one", one), ("two", two)):
            with host.client() as client:
                channels[name] = {channel.removeprefix("switchboard__group__") for channel in client.pubsub_channels()}
        assert channels["one"] | channels["two"] == set(ears)
        assert all(channels.values())

        await asyncio.to_thread(publish, [(group, {"type": "push", "seq": 1}) for group in ears])
        for group in ears:
            await layer.group_send(group, {"type": "push", "seq": 2})
        for ear in ears.values():
            await ear.until(2)

        one.kill()
        for seq in (3, 4, 5):  # in one go, and not after a second in which nothing is said
            sent = await asyncio.to_thread(publish, [(group, {"type": "push", "seq": seq}) for group in ears])
            assert sent == len(channels["two"])
        for group in channels["two"]:
            await ears[group].until(5)
            assert await layer.listen(group, Ear())
            await layer.group_send(group, {"type": "push", "seq": 6})
            await ears[group].until(6)
        group = next(iter(channels["one"]))
        assert not await layer.listen(group, Ear())
        assert not returned.is_set()

        one.start()
        async with asyncio.timeout(PATIENCE):
            await returned.wait()
        for group in ears:
            await pushed(7, group)
            await ears[group].until(7)


# Sentinel


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_the_master_is_found_through_sentinels_and_the_new_one_when_it_dies(tmp_path: Path, configured: Callable[..., LoopLayer]) -> None:
    with (
        socket.create_server((HOST, 0)) as silent,
        TcpRedis(tmp_path) as master,
        Replica(tmp_path, master),
        Sentinel(tmp_path, master, name="shop") as sentinel,
    ):
        # One is dead and one says nothing: the third has to be asked within the time that there is for Redis.
        sentinels = [(HOST, free_port()), silent.getsockname(), (HOST, sentinel.port)]
        layer = configured(hosts=[{"sentinels": sentinels, "master_name": "shop"}])
        returned = asyncio.Event()
        layer.on_return(returned.set)
        began = time.monotonic()
        await speaks(layer)
        assert time.monotonic() - began < 2 * settings.SWITCHBOARD.redis_timeout
        ear = Ear()
        await layer.listen(GROUP, ear)
        master.kill()
        async with asyncio.timeout(PATIENCE):
            await returned.wait()
        await pushed(3)
        await ear.until(3)
        with sentinel.client() as client:
            before = len(client.client_list())
            await layer.flush()
            await auntil(lambda: len(client.client_list()) == before - 1, what="the end of the connection to the Sentinel")


# What is wrong with a configuration is said


async def test_a_host_that_cannot_be_meant_is_said_and_not_waited_for(
    redis: PrivateRedis, configured: Callable[..., LoopLayer], caplog: pytest.LogCaptureFixture
) -> None:
    layer = configured(hosts=[{"host": HOST, "port": 1, "no_such_thing": True}])
    assert not await layer.listen(GROUP, Ear())
    assert "no_such_thing" in caplog.text


async def test_what_redis_does_not_allow_is_said_once_and_made_good_when_it_does(
    tmp_path: Path, configured: Callable[..., LoopLayer], options: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    options(redis_timeout=0.3)
    with TcpRedis(tmp_path, f"user shop on >{PASSWORD} resetchannels &switchboard__* ~* +@all") as redis:
        layer = configured(hosts=[f"redis://shop:{PASSWORD}@{HOST}:{redis.port}"], prefix="another")
        ear, returned = Ear(), asyncio.Event()
        layer.on_return(returned.set)
        assert not await layer.listen(GROUP, ear)
        with pytest.raises(ConnectionError, match="permissions"):
            await layer.new_channel()
        with redis.client() as client:
            client.execute_command("ACL", "SETUSER", "shop", "allchannels")
        async with asyncio.timeout(PATIENCE):
            await returned.wait()
        await pushed(1)
        await ear.until(1)
        assert [record.levelno for record in caplog.records if "permissions" in record.getMessage()] == [logging.WARNING]


async def test_of_what_redis_does_not_allow_to_be_said_no_answer_is_left_for_who_speaks_next(tmp_path: Path, configured: Callable[..., LoopLayer]) -> None:
    with TcpRedis(tmp_path, f"user shop on >{PASSWORD} resetchannels &switchboard__group__allowed ~* +@all") as redis:
        configured(hosts=[f"redis://shop:{PASSWORD}@{HOST}:{redis.port}"])
        (host,) = groups._hosts()
        before = host.client.client_id()
        assert publish([(group, {"type": "push"}) for group in ("allowed", "forbidden", "allowed")]) == 0
        assert host.client.client_id() != before
        assert publish([("allowed", {"type": "push"})] * 3) == 3, "an answer was taken for a failure"
