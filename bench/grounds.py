"""The ground on which a run stands: a Redis, a database of each kind, people, and a folder for all of it."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from bench.contestants import Contestant, Place, surroundings
from bench.machine import SERVER_CORE, on_core
from bench.servers import CHECKOUT, KEPT, Server, free_port
from config.embedded import running_redis
from tests.servers.postgres import running_postgres


class Shop:
    """A `bench.shop` process on one database."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as output, on_core(SERVER_CORE):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.shop"],
                cwd=CHECKOUT,
                env={**{name: os.environ[name] for name in KEPT if name in os.environ}, **env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        self._log = log
        self.pid = self._process.pid

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have something done, and wait for the answer."""
        self.begin(do, **arguments)
        return self.end()

    def begin(self, do: str, **arguments: Any) -> None:
        """Have something done."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Wait for the answer to `begin`."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"bench.shop ended:\n{self._log.read_text()[-4000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class Grounds:
    """What all rows share. `databases` and `shops` are by kind: sqlite, postgresql."""

    folder: Path
    redis_path: str
    redis_pid: int
    secret: str
    databases: dict[str, str] = field(default_factory=dict)
    shops: dict[str, Shop] = field(default_factory=dict)
    tokens: dict[int, str] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)

    @property
    def users(self) -> list[int]:
        return list(self.tokens)

    @property
    def redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=self.redis_path)

    def place(self, contestant: Contestant, *, workers: int = 1, options: Mapping[str, str] | None = None) -> Place:
        """Where the next server of a contestant runs."""
        kind = "postgresql" if contestant.key.endswith("-pg") else "sqlite"
        folder = Path(tempfile.mkdtemp(prefix=f"{contestant.key}-", dir=self.folder))
        return Place(
            port=free_port(),
            folder=folder,
            redis_path=self.redis_path,
            secret=self.secret,
            database_url=self.databases[kind],
            ours=self.ours,
            workers=workers,
            options=options or {},
        )

    @contextmanager
    def serving(self, contestant: Contestant, *, workers: int = 1, **options: str) -> Iterator[tuple[Server, Place]]:
        """A server of its own for a row, to which nobody has come yet. `options` are Switchboard's."""
        self.forget_everybody()
        place = self.place(contestant, workers=workers, options=options)
        with Server(contestant.command(place), port=place.port, log=place.folder / "log", env=contestant.env(place)) as server:
            yield server, place

    @contextmanager
    def another_shop(self) -> Iterator[Shop]:
        """One that can be killed like a worker, on SQLite."""
        env = surroundings(secret=self.secret, redis_url=f"unix://{self.redis_path}", database_url=self.databases["sqlite"], folder=self.folder)
        shop = Shop(env, self.folder / "another.log")
        try:
            yield shop
        finally:
            shop.stop()

    def forget_everybody(self) -> None:
        """Empty Redis of who is here: it would take some seconds to see that the server before was killed, and tell of it."""
        client, page = self.redis, 5000
        found = list(client.scan_iter(self.ours["presence"] + "*", count=page))
        for begin in range(0, len(found), page):
            client.unlink(*found[begin : begin + page])

    def requests(self, contestant: Contestant, place: Place, users: Sequence[int], more: str = "") -> list[bytes]:
        """A handshake for each user."""
        return [contestant.request(place, user, self.tokens[user], more) for user in users]


@contextmanager
def prepared(people: int, *, postgres: bool | Sequence[str]) -> Iterator[Grounds]:
    """Everything that runs beside the servers, inside the block. `postgres` may be settings of a PostgreSQL of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        embedded = stack.enter_context(running_redis(folder))
        assert embedded is not None, "a new folder has no Redis yet"
        grounds = Grounds(folder=folder, redis_path=embedded.url.removeprefix("unix://"), redis_pid=embedded.pid, secret=secrets.token_urlsafe(48))
        grounds.databases["sqlite"] = f"sqlite:///{folder}/bench.sqlite3"
        if postgres:
            grounds.databases["postgresql"] = stack.enter_context(running_postgres(*(() if postgres is True else postgres)))
        for kind, url in grounds.databases.items():
            env = surroundings(secret=grounds.secret, redis_url=f"unix://{grounds.redis_path}", database_url=url, folder=folder)
            shop = grounds.shops[kind] = Shop(env, folder / f"{kind}.log")
            stack.callback(shop.stop)
            made = {int(user): token for user, token in shop.ask("people", count=people)["tokens"].items()}
            if grounds.tokens and made.keys() != grounds.tokens.keys():
                raise RuntimeError("the databases number their users differently")
            grounds.tokens = made
        grounds.ours = grounds.shops["sqlite"].ask("form")
        yield grounds
