"""A server with people and a writer: what faults happen to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.faults.ledger import Row, heads, rows
from tests.faults.ordeal import Ordeal
from tests.faults.writer import Writer
from tests.servers.nginx import Nginx
from tests.servers.proxy import LeakyProxy
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT, Site

PEOPLE = 50
RATE = 200
"""Notifications a second."""
REPLAY_LIMIT = 20
"""Frames that a resume brings at most in the leaky town: so few that a client that was away for long has to reload."""
# As in production where that decides what a fault costs; the tests' own values are kinder to busy machines.
SURROUNDINGS = {
    "WS_HEARTBEAT_INTERVAL": "30",
    "KEEPER_INTERVAL": "1",
    "PRESENCE_LEASE": "5",
    "PRESENCE_GRACE": "10",
    "PRESENCE_QUIET": "1",
    "REDIS_TIMEOUT": "1",
    "DRAIN_SPREAD": "4",
}


@dataclass(frozen=True)
class Town:
    """Two workers, their Redis, and fifty people (their tokens by number) with a writer that tells them things.

    All of these reach the workers at `url`: directly, or through `nginx`.
    """

    site: Site
    url: str
    nginx: Nginx | None
    redis: PrivateRedis
    people: Mapping[int, str]
    key: str
    writer: Writer
    proxy: LeakyProxy | None
    report: Callable[[str], None]

    @contextmanager
    def ordeal(self, name: str) -> Iterator[Ordeal]:
        """Everybody is connected and the writer writes; at the end of the block that stops, and nobody may have lost anything."""
        with Ordeal(self, name) as ordeal:
            yield ordeal
            self.report(ordeal.conclude())

    def rows(self) -> dict[int, list[Row]]:
        """What the database says that everybody was told."""
        return rows(self.site.env["DATABASE_URL"], self.people)

    def heads(self) -> dict[int, int]:
        """Everybody's newest number, as far as anybody was told anything."""
        return heads(self.site.env["DATABASE_URL"], self.people)

    def workers(self) -> list[int]:
        """Both workers, once there are two; one may not accept connections yet."""
        until(lambda: len(self.site.workers()) == 2, what="there are two workers", seconds=60)
        return self.site.workers()

    def heartbeat(self) -> float:
        """Seconds between two heartbeats."""
        return float(self.site.env["WS_HEARTBEAT_INTERVAL"])

    def failing(self) -> list[str]:
        """What `/health/ready` of some worker names as failing; nothing when it is ready."""
        answer = httpx.get(f"{self.url}/health/ready", timeout=20)
        assert answer.status_code == (503 if answer.json()["status"] == "degraded" else 200)
        return list(answer.json().get("failing", []))


@contextmanager
def town(
    serve: Callable[..., Site],
    *,
    folder: Path,
    report: Callable[[str], None],
    leaky: bool = False,
    proxied: bool = False,
    env: dict[str, str] | None = None,
    rate: int = RATE,
) -> Iterator[Town]:
    """Build one. `serve` makes the server; `env` are options that differ; `rate` is the writer's.

    `leaky` puts a proxy before its Redis, `proxied` nginx before its workers.
    """
    with ExitStack() as built:
        redis = built.enter_context(PrivateRedis(folder))
        proxy = built.enter_context(LeakyProxy(folder, redis.url)) if leaky else None
        site = serve(
            workers=2,
            env={**SURROUNDINGS, "TRUSTED_PROXIES": "127.0.0.1" if proxied else "", "VAR_DIR": str(folder), "REDIS_URL": (proxy or redis).url, **(env or {})},
        )
        command = [sys.executable, "-m", "tests.faults.people", str(PEOPLE)]
        making = built.enter_context(subprocess.Popen(command, cwd=CHECKOUT, env=site.env, stdout=subprocess.PIPE))
        built.enter_context(site)
        made = json.loads(making.communicate(timeout=60)[0])
        people = {int(user_id): token for user_id, token in made["people"].items()}
        nginx = built.enter_context(Nginx(folder / "nginx", upstream=site.port)) if proxied else None
        url = nginx.url if nginx is not None else site.url
        if nginx is not None:
            built.enter_context(nginx.trusted())
        writer = built.enter_context(Writer(site, url=url, key=made["key"], people=people, rate=rate))
        yield Town(site=site, url=url, nginx=nginx, redis=redis, people=people, key=made["key"], writer=writer, report=report, proxy=proxy)
