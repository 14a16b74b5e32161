"""The reconnect rules of the older systems' clients stop or calm down, whatever happens to their sockets.

A minute of theirs takes a few seconds here; `--real-time` makes it a minute. `-s` shows the counts.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket as sockets
from collections.abc import Callable, Iterator

import pytest

from accounts.executor import in_thread
from accounts.models import User
from tests.contract.old_clients import Bell, Community, Console, Played, Player, Rule, Widget, report
from tests.servers.fleet import Servers
from tests.servers.workers import Site
from tests.sockets import DEADLINE

PATHS = {Community: "/api/v1/ws", Bell: "/api/ws/notifications", Console: "/ws/chat", Widget: "/ws/chat"}


@pytest.fixture
def minute(request: pytest.FixtureRequest) -> float:
    return 60.0 if request.config.getoption("--real-time") else 3.0


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and nobody will while the test runs."""
    with sockets.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def play(site: Site, rules: list[Rule], minute: float) -> dict[str, Played]:
    played = await asyncio.gather(*(player(site, rule, minute).run() for rule in rules))
    return {each.name: each for each in played}


def player(site: Site, rule: Rule, minute: float) -> Player:
    return Player(rule, site.ws_url + PATHS[type(rule)], minute=minute)


def widget(site: Site, ann: User, token: str, *, fetch_from: str | None = None) -> Widget:
    return Widget(token, fetch_from=fetch_from or f"{site.url}/api/v1/customers/token", customer_id=str(ann.customer.public_id))


async def test_a_refused_credential_stops_every_client(server: Site, minute: float, ann: User, bob: User, mia: User, token: Callable[[User], str]) -> None:
    rules: list[Rule] = [Community(token(mia)), Bell(token(mia)), Console(token(bob)), widget(server, ann, token(ann))]
    for user in (ann, bob, mia):
        await in_thread(user.delete)
    played = await play(server, rules, minute)
    print(report("A credential that stays refused", played.values()))
    assert played["community site"].codes == [1000]
    assert played["agent console"].codes == [1006]
    assert played["customer widget"].codes == [1006]
    assert played["bell"].codes == [1006] * 6
    assert played["bell"].attempts[-1] >= 31
    assert all(each.stopped for each in played.values())


async def test_a_customer_with_an_expired_token_is_back_with_its_second_try(server: Site, minute: float, ann: User, expired: Callable[[User], str]) -> None:
    old = expired(ann)
    rule = widget(server, ann, old)
    played = await play(server, [rule], minute)
    print(report("An expired token, and a token endpoint that gives a new one", played.values()))
    assert rule.token != old
    assert played["customer widget"].codes[:1] == [1006]
    assert len(played["customer widget"].attempts) <= 5


async def test_a_token_endpoint_that_cannot_be_reached_or_gives_nothing_stops_a_customer(
    server: Site, minute: float, ann: User, expired: Callable[[User], str], closed_port: int
) -> None:
    old = expired(ann)
    lost, known = widget(server, ann, old, fetch_from=f"http://127.0.0.1:{closed_port}/token"), widget(server, ann, old)
    await in_thread(ann.delete)
    unreachable, unknown = await play(server, [lost], minute), await play(server, [known], minute)
    for played in (unreachable, unknown):
        print(report("A token endpoint that gives nothing", played.values()))
        assert played["customer widget"].codes == [1006]
        assert played["customer widget"].stopped


async def test_a_customer_whose_every_handshake_fails_is_stopped_by_the_limit_on_tokens(server: Site, ann: User, token: Callable[[User], str]) -> None:
    rule = widget(server, ann, token(ann))
    # It comes back at once, so its minute needs no hurry: it ends with the limit, after a second or so.
    broken = Player(rule, server.ws_url + "/api/ws/nothing", minute=60.0)
    played = await broken.run()
    print(report("A good token whose every handshake is refused by HTTP", [played]))
    assert played.stopped
    # One more was allowed in every three seconds that it took.
    assert 20 <= len(played.attempts) <= 22 + played.attempts[-1] / 3


async def test_after_a_restart_everybody_is_back_with_a_second_try(
    servers: Servers, minute: float, ann: User, bob: User, mia: User, token: Callable[[User], str]
) -> None:
    with servers.serve(workers=1) as site:
        rules: list[Rule] = [Community(token(mia)), Bell(token(mia)), Console(token(bob)), widget(site, ann, token(ann))]
        played = await interrupted(site, rules, max(minute, 9.0), lambda: os.kill(site.pid, signal.SIGHUP))
    print(report("A worker that is replaced", played.values()))
    for each in played.values():
        assert each.codes == [1012], each
        assert (each.state, len(each.attempts)) == ("connected", 2)


async def test_after_a_crash_everybody_is_back_with_a_second_try_but_agents_who_must_log_in_again(
    servers: Servers, minute: float, ann: User, bob: User, mia: User, token: Callable[[User], str]
) -> None:
    with servers.serve(workers=1) as site:
        rules: list[Rule] = [Community(token(mia)), Bell(token(mia)), Console(token(bob)), widget(site, ann, token(ann))]
        played = await interrupted(site, rules, max(minute, 9.0), lambda: os.kill(site.workers()[0], signal.SIGKILL))
    print(report("A worker that is killed", played.values()))
    agent = played.pop("agent console")
    assert (agent.codes, agent.stopped) == ([1006], True)
    for each in played.values():
        assert each.codes == [1006], each
        assert (each.state, len(each.attempts)) == ("connected", 2)


async def interrupted(site: Site, rules: list[Rule], minute: float, interrupt: Callable[[], None]) -> dict[str, Played]:
    """Play, and interrupt the server once all clients are connected."""
    players = [player(site, rule, minute) for rule in rules]
    running = [asyncio.create_task(each.run()) for each in players]
    async with asyncio.timeout(DEADLINE):
        for each in players:
            await each.opened.wait()
    interrupt()
    return {each.name: each for each in await asyncio.gather(*running)}
