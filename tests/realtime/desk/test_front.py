"""What a shop's page is told before anybody has written, and who could help: agents, for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Agent, User
from realtime.chat.models import Session
from realtime.desk import front
from realtime.desk.front import Kept
from realtime.hours.models import DatedException
from tests import cast
from tests.realtime.chat.conftest import CHAT
from tests.realtime.desk.conftest import DESK, session_of
from tests.servers.redis import PrivateRedis
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import connect

Api = Callable[..., APIClient]
SETTINGS = f"{DESK}/settings"
AGENTS = f"{DESK}/agents"


@pytest.fixture(autouse=True)
def fresh(db: None) -> Iterator[None]:
    """Nothing is remembered from another test."""
    front.front.forget()
    yield
    front.front.forget()


def told(client: APIClient) -> dict[str, Any]:
    """The settings as they are now."""
    front.front.forget()
    answer = client.get(SETTINGS)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_everybody_is_told_the_same_whatever_credential_comes_along(
    api: Api, bob: User, ann: User, expired: Callable[[User], str], service_key: Callable[..., str]
) -> None:
    who = (None, bob, ann, "nonsense", expired(ann), service_key("users"))
    answers = [api(each).get(SETTINGS) for each in who]
    assert {each.status_code for each in answers} == {200}
    assert [each.json() for each in answers] == [answers[0].json()] * len(who)
    assert answers[0].headers["Cache-Control"] == "public, max-age=60"
    assert len(answers[0].content) < 500


def test_the_options_are_told_as_they_stand(api: Api, options: Callable[..., None]) -> None:
    options(shop_name="花店 Flora", widget_ask_name=True, support_wait_warn=60.0, support_wait_bad=90.0, email_url="console", identity_required=True)
    found = told(api())
    assert (found["shopName"], found["askName"], found["waitWarn"], found["waitBad"]) == ("花店 Flora", True, 60.0, 90.0)
    assert (found["emailPossible"], found["identityRequired"]) == (True, True)


def test_a_day_off_is_told_with_the_time_when_somebody_is_back(api: Api) -> None:
    assert (told(api())["open"], told(api())["nextOpening"]) == (True, None)
    today = timezone.now().date()
    days = [DatedException.objects.create(date=today + timedelta(days=number)) for number in (0, 1)]
    try:
        found = told(api())
    finally:
        DatedException.objects.filter(pk__in=[day.pk for day in days]).delete()
    assert found["open"] is False
    back = today + timedelta(days=2)
    assert datetime.fromisoformat(found["nextOpening"]) == datetime(back.year, back.month, back.day, tzinfo=UTC)


def test_how_soon_answers_come_is_the_middle_of_what_was_answered_of_late(api: Api, bob: User) -> None:
    Session.objects.filter(opened_at__gte=timezone.now() - timedelta(days=8)).update(opened_at=timezone.now() - timedelta(days=9))
    now = timezone.now()

    def answered(after: float | None, *, ago: float) -> None:
        opened = now - timedelta(days=ago)
        answer = None if after is None else opened + timedelta(seconds=after)
        session_of(cast.customer("zoe"), bob, opened_at=opened, answered_at=answer)

    for seconds in (10, 20, 90, 4000):
        answered(seconds, ago=1)
    answered(None, ago=1)
    answered(1, ago=8)
    assert told(api())["answersIn"] is None, "four are too few to say"
    answered(30.4, ago=6)
    assert told(api())["answersIn"] == 30


def test_that_an_agent_is_there_is_told_without_a_name_and_one_who_appears_offline_is_not(
    server: Site, api: Api, bob: User, token: Callable[[User], str]
) -> None:
    until(lambda: not told(api())["agentsOnline"], what="other tests' agents are gone")
    with connect(server.ws_url + CHAT, token=token(bob), new=True) as socket:
        socket.until("connected")
        until(lambda: told(api())["agentsOnline"], what="somebody is there")
        assert set(told(api()).values()).isdisjoint({"Bob", bob.username, bob.pk})
        socket.send({"type": "presence", "status": "offline"})
        until(lambda: not told(api())["agentsOnline"], what="he is not there for others")


def test_many_who_ask_at_once_make_one_look() -> None:
    looks: list[int] = []
    at, begun, may_end = [100.0], threading.Event(), threading.Event()

    def look() -> int:
        looks.append(len(looks))
        if len(looks) == 2:
            begun.set()
            assert may_end.wait(20)
        return looks[-1]

    kept = Kept(look, life=10.0, clock=lambda: at[0])
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: kept.get(), range(8))) == {0}
        at[0] += 10
        renewing = threads.submit(kept.get)
        assert begun.wait(20)
        assert kept.get() == 0, "who asks meanwhile does not wait"
        may_end.set()
        assert renewing.result(20) == 1
    assert (kept.get(), looks) == (1, [0, 1])


def test_a_look_that_fails_is_tried_again() -> None:
    answers = iter([ValueError(), 7])

    def look() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Kept(look, life=10.0)
    with pytest.raises(ValueError):  # noqa: PT011
        kept.get()
    assert kept.get() == 7


def test_agents_see_how_their_colleagues_are_and_how_busy(server: Site, api: Api, bob: User, alice: User, ann: User, token: Callable[[User], str]) -> None:
    Agent.objects.filter(user=bob).update(max_sessions=1)
    session_of(ann, bob)
    session_of(cast.customer("zoe"), bob, closed_at=timezone.now())
    gone = cast.agent("carl")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    rowless = cast.agent("dora")
    Agent.objects.filter(user=rowless).delete()

    def colleagues(who: User = alice) -> dict[int, dict[str, Any]]:
        return {each["userId"]: each for each in api(who).get(AGENTS, {"limit": 1000}).json()["results"]}

    with connect(server.ws_url + CHAT, token=token(bob), new=True) as socket:
        socket.until("connected")
        until(lambda: colleagues()[bob.pk]["status"] == "online", what="bob is online")
        found = colleagues()
    assert found[bob.pk] == {"userId": bob.pk, "name": "Bob", "status": "online", "openSessions": 1, "maxSessions": 1, "available": False}
    assert found[alice.pk] == {"userId": alice.pk, "name": "Alice", "status": "offline", "openSessions": 0, "maxSessions": 5, "available": False}
    assert found[rowless.pk]["maxSessions"] == 5
    assert gone.pk not in found
    assert ann.pk not in found


def test_the_agents_come_page_by_page(api: Api, bob: User, alice: User, admin: User) -> None:
    found, address = [], f"{AGENTS}?limit=1&cursor={bob.pk - 1}"
    while address:
        answer = api(admin).get(address).json()
        assert len(answer["results"]) <= 1
        found += [each["userId"] for each in answer["results"]]
        address = answer["next"]
    assert found == sorted(User.objects.filter(role="agent", is_active=True, pk__gte=bob.pk).values_list("pk", flat=True))


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "1001"), ("cursor", "0"), ("cursor", "bob")])
def test_a_question_about_agents_that_makes_no_sense_is_named(api: Api, bob: User, name: str, value: str) -> None:
    answer = api(bob).get(AGENTS, {name: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_without_redis_it_is_not_known_how_agents_are_and_the_hours_decide(api: Api, redis: PrivateRedis, bob: User) -> None:
    redis.kill()
    try:
        [found] = api(bob).get(AGENTS, {"cursor": bob.pk - 1, "limit": 1}).json()["results"]
        assert (found["userId"], found["status"], found["available"]) == (bob.pk, None, None)
        assert told(api())["agentsOnline"] is True
    finally:
        redis.start()
        until(lambda: api(bob).get("/api/v1/online/count").status_code == 200, what="Redis is asked again")
