"""Two workers with a Redis of their own, and people whose pages watch each other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import redis as redis_py

from accounts import tokens
from accounts.models import User
from realtime.presence import store
from tests import cast
from tests.faults.crowd import frozen
from tests.realtime.presence.community import Community, Page
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import Site

BUSY = 3.0
"""Seconds more for a machine that runs all tests at once."""


@dataclass(frozen=True)
class Pace:
    """How long things take: as in production, or at about a tenth of it."""

    second: float
    lease: float
    grace: float
    quiet: float
    keeper: float
    heartbeat: float
    spread: float

    @property
    def env(self) -> dict[str, str]:
        return {
            "PRESENCE_LEASE": str(self.lease),
            "PRESENCE_GRACE": str(self.grace),
            "PRESENCE_QUIET": str(self.quiet),
            "KEEPER_INTERVAL": str(self.keeper),
            "WS_HEARTBEAT_INTERVAL": str(self.heartbeat),
            "DRAIN_SPREAD": str(self.spread),
            "REDIS_TIMEOUT": "1",
        }

    @property
    def told_gone(self) -> float:
        """Seconds after which everybody has been told of who was on a worker that died."""
        return self.lease + self.grace + 5 * self.keeper


TENTH = Pace(second=0.1, lease=1, grace=1, quiet=0.1, keeper=0.1, heartbeat=1, spread=0.4)
REAL = Pace(second=1, lease=5, grace=10, quiet=1, keeper=1, heartbeat=30, spread=4)


@dataclass(frozen=True)
class Standing:
    """Who is online, as REST says it."""

    count: int
    people: dict[int, str]
    young: bool


def step(redis_url: str, operation: str, **job: object) -> store.Answer:
    """One step of presence in that Redis, as any worker could do it."""
    with redis_py.Redis.from_url(redis_url, decode_responses=True, socket_timeout=5) as client:
        text = client.eval(store._SCRIPT, 1, store.PREFIX, *store._words(operation, job))
    return store.Answer.decode(str(text))


def standing(redis_url: str) -> Standing:
    """Ask who is online."""
    answer = step(redis_url, "online", limit=1000)
    people = {int(user): status.split(" ")[0] for user, status, *_rest in list(answer.said["people"])}
    return Standing(answer.online, people, answer.young)


@dataclass
class Village:
    """`pace` is how fast its clocks run."""

    site: Site
    redis: PrivateRedis
    community: Community
    pace: Pace
    hidden: set[int] = field(default_factory=set)

    def standing(self) -> Standing:
        return standing(self.redis.url)

    def workers(self) -> list[int]:
        """Both workers, once there are two."""
        until(lambda: len(self.site.workers()) == 2, what="there are two workers", seconds=60)
        return self.site.workers()

    def page(self, user: User | None = None, *, like: Page | None = None) -> Page:
        """One more page: of that person, of another page's, or of somebody new."""
        if like is not None:
            user_id, token = like.user_id, like.token
        else:
            user = user or cast.member()
            user_id, token = user.pk, tokens.issue(user)[0]
        return self.community.add(Page(user_id=user_id, token=token, url=self.site.ws_url, second=self.pace.second, listing=self._listing))

    def gather(self, count: int) -> list[Page]:
        """So many people, half of them on each worker."""
        workers, pages = self.workers(), []
        for worker in workers:
            users = [cast.member() for _ in range(count // 2)]  # first: what is frozen may stand in the middle of a write, and SQLite lets one write at a time
            until(lambda worker=worker: self._alive(worker), what="its lease holds")  # type: ignore[misc]  # it was frozen a moment ago
            with frozen(*(each for each in workers if each != worker)):
                arrived = [self.page(user) for user in users]
                until(lambda arrived=arrived: all(page.open for page in arrived), what="they come")  # type: ignore[misc]
            pages += arrived
        return pages

    def _alive(self, worker: int) -> bool:
        """Whether Redis counts what is connected to this worker."""
        with redis_py.Redis.from_url(self.redis.url, decode_responses=True) as client:
            leases = client.zrange(f"{store.PREFIX}workers", 0, -1, withscores=True)
        return any(name.startswith(f"{worker}-") and ends > time.time() * 1000 + 100 for name, ends in leases)

    def online(self) -> set[int]:
        """Who is there and does not hide, because its page is open."""
        return {page.user_id for page in self.community.pages if page.open} - self.hidden

    def settled(self, *, seconds: float) -> None:
        """Returns when the store and every page say exactly who is online."""

        def differences() -> list[str]:
            online, said = self.online(), self.standing()
            found = [] if (set(said.people), said.count) == (online, len(online)) else [f"the store says {sorted(said.people)} ({said.count})"]
            for page in self.community.pages:
                if not page.open:
                    found += [f"{page.user_id} is to come back"] * page.returns
                elif (page.count, page.knows) != (len(online), online | ({page.user_id} & set(said.people))):
                    found.append(f"{page.user_id} on {page.worker} counts {page.count} and knows {page.knows and sorted(page.knows)}")
            return found + [repr(error) for error in self.community.failures()]

        deadline = time.monotonic() + seconds
        while found := differences():
            assert time.monotonic() < deadline, "\n".join([f"after {seconds:g} s, online are {sorted(self.online())}", *found])
            time.sleep(0.05)
        bearer = self.community.pages[0].token
        said = httpx.get(f"{self.site.url}/api/v1/online?limit=1000", headers={"Authorization": f"Bearer {bearer}"}, timeout=20).json()
        assert (said["online_count"], {each["user_id"] for each in said["users"]}) == (len(self.online()), self.online()), "REST"

    def beats(self, count: int) -> None:
        """Returns when every open page has had so many more heartbeats."""
        begin = {id(page): page.beats for page in self.community.pages}
        heard = lambda: all(page.beats >= begin[id(page)] + count for page in self.community.pages if page.open)  # noqa: E731
        until(heard, what="heartbeats come", seconds=(count + 1) * self.pace.heartbeat + BUSY)

    def offline_times(self, page: Page, *, since: float) -> list[tuple[float, float]]:
        """From when to when anybody was told that this person is offline."""
        found = []
        for other in self.community.pages:
            told = [each for each in other.told if each.user_id == page.user_id and each.at >= since]
            for number, each in enumerate(told):
                if each.status == "offline":
                    again = [later.at for later in told[number + 1 :] if later.status == "online"]
                    found.append((each.at, min(again, default=float("inf"))))
        return found

    def wrongly_gone(self, pages: Sequence[Page], *, since: float, outage: float = 0.0) -> list[str]:
        """Who was said to be offline while it was not, or (of those who were connected all the time) for longer than the outage."""
        found = []
        for page in pages:
            for begin, end in self.offline_times(page, since=since):
                around = [visit for visit in page.visits if visit.begin < begin - 0.2 and visit.end > end]
                if around and not end - begin <= outage:
                    found.append(f"{page.user_id}: offline for {end - begin:.2f} s while connected (outage {outage:.2f} s)")
                back = [visit.begin for visit in page.visits if visit.begin > begin]
                if back and end > back[0] + self.pace.quiet + self.pace.lease + BUSY:
                    found.append(f"{page.user_id}: back and still said to be offline {end - back[0]:.2f} s later")
        return found

    def _listing(self) -> set[int]:
        while True:
            try:
                said = self.standing()
            except redis_py.RedisError:
                pass
            else:
                if not said.young:
                    return set(said.people)
            time.sleep(0.05)


@contextmanager
def village(site: Site, redis: PrivateRedis, pace: Pace) -> Iterator[Village]:
    """People come inside the block, and have left the store when it ends."""
    with Community() as community:
        yield Village(site, redis, community, pace)
    until(lambda: not standing(redis.url).people, what="all have gone", seconds=pace.told_gone + 20)
