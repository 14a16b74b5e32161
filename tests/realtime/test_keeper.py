"""The keeper's clock, beside a database that does not answer."""

import asyncio
import threading
import time

import pytest
from django.conf import settings

from accounts.claims import Claims
from accounts.executor import in_thread
from realtime.keeper import Keeper


class Kept:
    """A socket as the keeper sees one."""

    def __init__(self, *, expires_in):
        self.claims = Claims(user_id=1, role="member", is_staff=False, issued_at=0, expires_at=time.time() + expires_in, version=0, jti="")
        self.stream = 1
        self.connection_id = "1-kept"
        self.warned = False
        self.ended = asyncio.Event()
        self.beats = asyncio.Queue()

    @property
    def heard_at(self):
        return asyncio.get_running_loop().time()

    def catch_up(self):
        return None

    def beat(self, head):
        self.beats.put_nowait(head)

    def notice(self, head):
        pass

    def warn(self):
        pass

    def revoked(self, version, at):
        pass

    def end(self, refusal):
        self.reason = refusal.code
        self.ended.set()


class Broken(Kept):
    """One that cannot be sent anything."""

    def beat(self, head):
        super().beat(head)
        raise ValueError


async def test_a_socket_that_fails_keeps_no_other_from_its_heartbeats(db):
    keeper, sockets = Keeper.of_this_loop(), [Broken(expires_in=3600), Kept(expires_in=3600), Broken(expires_in=3600)]
    for socket in sockets:
        keeper.add(socket)
    try:
        async with asyncio.timeout(30):
            for socket in sockets:
                await socket.beats.get()
    finally:
        for socket in sockets:
            keeper.remove(socket)


@pytest.fixture
async def stuck(db):
    """Every thread for database work waits, as for a locked table."""
    release = threading.Event()
    waiting = [asyncio.create_task(in_thread(release.wait)) for _ in range(settings.SWITCHBOARD.executor_threads)]
    yield
    release.set()
    await asyncio.gather(*waiting)


async def test_heartbeats_and_ends_of_credentials_do_not_wait_for_the_database(stuck):
    keeper, lasting, ending = Keeper.of_this_loop(), Kept(expires_in=3600), Kept(expires_in=0.5)
    keeper.add(lasting)
    keeper.add(ending)
    async with asyncio.timeout(3 * settings.SWITCHBOARD.ws_heartbeat_interval):
        await ending.ended.wait()
        assert ending.reason == "TOKEN_EXPIRED"
        assert await lasting.beats.get() == 0
        assert await lasting.beats.get() == 0
