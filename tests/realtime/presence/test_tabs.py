"""How many sockets a user may have: never more than that for long, always the newest, and nobody who fights for a place."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect as aconnect
from websockets.exceptions import ConnectionClosed

from accounts import tokens
from tests import cast, frames
from tests.contract.old_clients import Bell, Community, Console, Player
from tests.faults.crowd import frozen
from tests.servers.raw import RawSocket
from tests.servers.waiting import auntil, until
from tests.sockets import PROTOCOL, HttpRefusal, connect, ending

BELL = "/api/ws/notifications"
SITE = "/api/v1/ws"
CHAT = "/ws/chat"


class Tab:
    """A new client's socket that only listens."""

    def __init__(self, url):
        self.url = url
        self.codes = []
        self.errors = []
        self.answered = asyncio.Event()

    async def run(self):
        async with aconnect(self.url, subprotocols=[PROTOCOL], ping_interval=None, compression=None, proxy=None, open_timeout=20) as socket:
            try:
                async for text in socket:
                    frame = json.loads(text)
                    frames.told(urlsplit(self.url).path, frame)
                    if frame["type"] == "error":
                        self.errors.append(frame["error_code"])
                    self.answered.set()
            except ConnectionClosed:
                pass
            finally:
                self.codes.append(socket.close_code)

    @property
    def live(self):
        return self.answered.is_set() and not self.codes


@pytest.fixture(params=[60, pytest.param(200, marks=pytest.mark.long_fault)])
def bearers(request, db):
    """Tokens of so many people."""
    return [tokens.issue(cast.member())[0] for _ in range(request.param)]


async def test_of_four_sockets_at_the_same_instant_three_stay_and_a_later_one_always_does(server, bearers):
    for begin in range(0, len(bearers), 20):
        urls = [f"{server.ws_url}{BELL}?token={bearer}" for bearer in bearers[begin : begin + 20]]
        tabs = [[Tab(url) for _ in range(4)] for url in urls]
        running = [asyncio.create_task(tab.run()) for each in tabs for tab in each]
        try:
            await asyncio.wait_for(asyncio.gather(*(tab.answered.wait() for each in tabs for tab in each)), 30)
            await auntil(lambda tabs=tabs: all(sum(tab.live for tab in each) == 3 for each in tabs), what="three of each are left", seconds=5)
            for each, url in zip(tabs, urls, strict=True):
                each.append(Tab(url))
                running.append(asyncio.create_task(each[-1].run()))
            await asyncio.wait_for(asyncio.gather(*(each[-1].answered.wait() for each in tabs)), 30)
            await auntil(lambda tabs=tabs: all(sum(tab.live for tab in each) == 3 for each in tabs), what="three of each are left again", seconds=5)
            assert all(each[-1].live for each in tabs), "the newest stays"
            gone = [tab for each in tabs for tab in each if tab.codes]
            assert {(tuple(tab.codes), tuple(tab.errors)) for tab in gone} == {((4409,), ("REPLACED",))}
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def test_four_tabs_of_each_old_client_come_to_rest(server, mia, eve, bob, token):
    minute = 3.0
    people = {Community: (mia, SITE), Console: (bob, CHAT), Bell: (eve, BELL)}
    players = {rule: [Player(rule(token(who)), server.ws_url + path, minute=minute) for _ in range(4)] for rule, (who, path) in people.items()}
    running = {rule: asyncio.gather(*(each.run() for each in tabs)) for rule, tabs in players.items()}
    played = {rule: await tabs for rule, tabs in running.items()}
    bells = played.pop(Bell)
    for tabs in played.values():
        assert [(len(tab.attempts), tab.state) for tab in tabs] == [(1, "connected")] * 4
    assert sorted((len(tab.attempts), tab.state) for tab in bells) == [(1, "connected")] * 3 + [(6, "stopped")]


@pytest.mark.timeout(300)
async def test_three_bells_of_a_killed_worker_are_back_within_their_own_five_tries(ground, mia, token):
    site, _redis, pace = ground
    until(lambda: len(site.workers()) == 2, what="there are two workers", seconds=60)
    victim, other = site.workers()
    # Their seconds run as fast as the lease does.
    players = [Player(Bell(token(mia)), site.ws_url + BELL, minute=60 * pace.lease / 5) for _ in range(3)]
    with frozen(other):
        running = [asyncio.create_task(player.run()) for player in players]
        await asyncio.wait_for(asyncio.gather(*(player.opened.wait() for player in players)), 30)
    os.kill(victim, signal.SIGKILL)
    try:
        back = lambda: all(player.played.stopped or (player.played.codes and player.played.open) for player in players)  # noqa: E731
        await auntil(back, what="they are back or have given up", seconds=60 * pace.lease / 5 + 10)
    finally:
        for task in running:
            task.cancel()
    for player in players:
        print(player.played)
        assert (player.played.state, player.played.codes[0]) == ("connected", 1006)
        assert len(player.played.attempts) <= 6


@pytest.mark.parametrize("path", [SITE, CHAT])
def test_one_tab_too_many_takes_the_place_of_the_oldest(small_site, mia, token, path):
    first = connect(small_site.ws_url + path, token=token(mia))
    second = connect(small_site.ws_url + path, token=token(mia), new=True)
    tabs = [first, second]
    for tab in tabs:
        tab.until("connected")
    for oldest, code, reconnect in ((first, 1000, False), (second, 4409, False)):
        while len(tabs) < 4:
            tabs.append(connect(small_site.ws_url + path, token=token(mia), new=True))
            tabs[-1].until("connected")
        error = oldest.until("error")
        assert (error["error_code"], error["close_code"], error["reconnect"]) == ("REPLACED", code, reconnect)
        assert oldest.ended() == code
        tabs.remove(oldest)
    for tab in tabs:
        assert not [frame for frame in tab.sync() if frame["type"] == "error"]
        tab.close()


def test_no_limit_is_no_limit(small_site, mia, token):
    bells = [connect(small_site.ws_url + BELL, token=token(mia)) for _ in range(8)]
    for bell in bells:
        bell.until("connected")
        bell.sync()
    for bell in bells:
        bell.close()


def test_the_limit_is_that_of_one_path(server, mia, token):
    sockets = [connect(server.ws_url + path, token=token(mia)) for path in (BELL, BELL + "/", BELL, SITE, CHAT, SITE, CHAT)]
    for socket in sockets:
        socket.until("connected")
    assert ending(server.ws_url + BELL + "/", token=token(mia)).status == 429
    for socket in sockets:
        assert not [frame for frame in socket.sync() if frame["type"] == "error"]
        socket.close()
    with connect(server.ws_url + BELL, token=token(mia)) as again:
        again.until("connected")


def test_a_peer_that_does_not_answer_makes_room_for_an_old_client(server, mia, token):
    path = f"{BELL}?token={token(mia)}"
    with RawSocket(server.port, path) as dead, RawSocket(server.port, path) as dead_too, connect(server.ws_url + BELL, token=token(mia)) as alive:
        for each in (dead, dead_too):
            assert "101" in each.shake_hands()
        alive.until("connected")
        assert ending(server.ws_url + BELL, token=token(mia)).headers["X-WebSocket-Error-Code"] == "CONNECTION_LIMIT"

        def comes():
            try:
                return connect(server.ws_url + BELL, token=token(mia))
            except HttpRefusal:
                return None

        with until(comes, what="there is room", seconds=10) as late:
            late.until("connected")
            assert not [frame for frame in alive.sync() if frame["type"] == "error"]
