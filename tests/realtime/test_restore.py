"""A backup is restored: clients that know numbers of the lost history load anew, and see what there is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from accounts import tokens
from accounts.models import Role, User
from tests.servers.backups import OwnDatabase, own_database, run
from tests.servers.fleet import Servers
from tests.servers.redis import PrivateRedis
from tests.servers.workers import CHECKOUT, Site, surroundings
from tests.sockets import connect

BELL = "/api/ws/notifications"


class Shop:
    """A site with a database and a Redis of its own."""

    def __init__(self, database: OwnDatabase, redis: PrivateRedis, servers: Servers, key: str, folder: Path) -> None:
        self.database = database
        self._env = {"DATABASE_URL": database.url, "REDIS_URL": redis.url, "VAR_DIR": str(folder)}
        self._servers, self._folder, self._key = servers, folder, key

    def serve(self) -> Site:
        return self._servers.serve(env=self._env)

    def restored(self, *words: str) -> str:
        command = " ".join([sys.executable, str(CHECKOUT / "manage.py"), "restored", *words])
        return run(command, self._folder, self.database.url, {**surroundings(), **self._env})

    def tell(self, site: Site, user: User, title: str) -> None:
        self.post(site, "notifications", {"user_id": user.pk, "type": "system", "title": title, "message": title})

    def post(self, site: Site, path: str, body: dict[str, Any] | None = None, bearer: str | None = None) -> Any:
        answer = httpx.post(f"{site.url}/api/v1/{path}", json=body, headers={"Authorization": f"Bearer {bearer or self._key}"}, timeout=20)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def titles(self, site: Site, bearer: str) -> list[str]:
        answer = httpx.get(f"{site.url}/api/v1/notifications", headers={"Authorization": f"Bearer {bearer}"}, timeout=20)
        assert answer.is_success, answer.text
        return [each["title"] for each in answer.json()["results"]]


@pytest.fixture
def shop(mia: User, eve: User, alone: PrivateRedis, servers: Servers, service_key: Callable[..., str], tmp_path: Path) -> Iterator[Shop]:
    key = service_key("notifications", "users")
    with own_database(tmp_path) as database:
        yield Shop(database, alone, servers, key, tmp_path)


@pytest.mark.timeout(300)  # it starts several processes, on a machine that may be busy
def test_after_a_restore_everybody_loads_anew_and_nothing_of_the_lost_history_opens_anything(
    shop: Shop, mia: User, eve: User, token: Callable[[User], str]
) -> None:
    hers, eves = token(mia), token(eve)
    with shop.serve() as site, connect(site.ws_url + BELL, token=hers, new=True) as bell, connect(site.ws_url + "/api/v1/ws", token=hers) as old:
        epoch = bell.until("connected")["data"]["epoch"]
        shop.tell(site, mia, "kept")
        shop.database.back_up()
        shop.tell(site, mia, "lost")
        seen = bell.take(2, "notification")[-1]["seq"]
        old.take(2, "notification")
        lost = shop.post(site, "users", {"username": f"lost-{mia.pk}", "displayName": "Lost"})["id"]
        shop.post(site, "logout", bearer=eves)

        shop.database.restore()
        assert "A new history begins" in shop.restored()

        # Sockets that stayed open learn it.
        for socket in (bell, old):
            said = socket.until(lambda frame: frame["type"] == "connected" and frame["data"]["epoch"] != epoch)["data"]
            assert (said["resumed"], said["seq"] > seen) == (False, True)
        # So do those that come back, whether or not they name the epoch.
        for cursor in (f"{epoch}:{seen}", seen, seen - 1):
            with connect(site.ws_url + BELL, token=hers, new=True, query={"since": cursor}) as back:
                again = back.until("connected")["data"]
                assert (again["resumed"], again["epoch"], again["seq"]) == (False, said["epoch"], said["seq"])
                assert back.sync() == []
        assert shop.titles(site, hers) == ["kept"]
        shop.tell(site, mia, "new")
        for socket in (bell, old):
            assert socket.until("notification")["data"]["title"] == "new"

        # Her logout is lost as well, and Redis does not know better than the database.
        assert shop.titles(site, eves) == []
        # Who came since has gone, and nobody gets the number that those tokens name.
        assert shop.post(site, "users", {"username": f"new-{mia.pk}", "displayName": "New"})["id"] > lost
        stale = tokens.issue(User(pk=lost, role=Role.MEMBER))[0]
        with pytest.raises(AssertionError, match="401"):
            connect(site.ws_url + BELL, token=stale)

        assert "all tokens are worthless" in shop.restored("--revoke")
        assert bell.ended() == 4410
        with pytest.raises(AssertionError, match="401"):
            shop.titles(site, eves)
