"""A bell that was told everything since it was loaded shows what one that is loaded now shows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from notifications import preferences, services
from notifications.models import Notification
from tests.realtime.state.conftest import Program, Step, Walk, frame
from tests.servers.waiting import until
from tests.servers.workers import Site
from tests.sockets import connect

BELL = "/api/ws/notifications"
LIST = "/api/v1/notifications"
OPERATIONS = 60

Api = Callable[..., APIClient]


def something_happens(chance: random.Random, mia: User, john: User) -> None:
    """Something is sent, read, taken as unread again or deleted."""
    own = Notification.objects.filter(user=mia)
    some = own.filter(pk__in=[each.pk for each in own if chance.random() < 0.3])
    newest = list(own.order_by("-pk").values_list("pk", flat=True)[:5])
    chance.choices(
        [
            lambda: services.notify(users=mia, type="mention", title="One", message="For mia."),
            lambda: services.notify(users=[john, mia], type="system", title="Two", message="For both."),
            lambda: services.notify(users=mia, type="new_like", title="Silent", message="No frame says what it is."),
            lambda: services.set_status(notifications=some, status="read"),
            lambda: services.set_status(notifications=some, status="unread"),
            lambda: services.delete(notifications=some),
            lambda: services.read_all(user_id=mia.pk, up_to=chance.choice([None, *newest])),
            lambda: services.read_all(user_id=john.pk),
        ],
        [6, 3, 4, 4, 3, 1, 2, 1],
    )[0]()


@pytest.mark.parametrize("seed", range(3))
def test_a_bell_that_was_told_everything_shows_what_one_that_is_loaded_now_shows(
    seed: int, server: Site, api: Api, mia: User, eve: User, token: Callable[[User], str], walk: Walk
) -> None:
    chance = random.Random(seed)
    preferences.replace(user_id=mia.pk, preferences={"new_like": "silent"})
    with connect(server.ws_url + BELL, token=token(mia), new=True, query={"since": 0}) as socket:
        socket.until("connected")
        pages = []
        for limit in (4, 1000, 4):
            for _ in range(OPERATIONS // 3):
                something_happens(chance, mia, eve)
            pages.append(api(mia).get(LIST, {"limit": limit}).json())

        def caught_up() -> bool:
            socket.sync()
            return max(each.get("seq", 0) for each in socket.frames) >= api(mia).get(f"{LIST}?limit=0").json()["as_of"]

        until(caught_up, what="all was told")
    now = api(mia).get(LIST, {"limit": 1000}).json()
    frames = [each for each in socket.frames if "seq" in each]
    # One page is loaded and kept, of one the rest is loaded on the way, and one holds more than its number says.
    starts = [*pages, {**pages[1], "as_of": pages[0]["as_of"]}]
    programs = [Program("notifications", page, steps(chance, frames), server.url, token(mia)) for page in starts]
    for outcome in walk(programs):
        compare(outcome["state"], now)
    for program in programs[:2]:
        program.steps = [step for step in program.steps if step[0] != "frame" or step[1]["seq"] != frames[-1]["seq"]]
    shorn = [outcome["state"] for outcome in walk(programs[:2])]
    assert {state["asOf"] for state in shorn} != {now["as_of"]}, "nobody would notice that a frame is missing"


def steps(chance: random.Random, frames: list[dict[str, Any]]) -> list[Step]:
    """The frames, some of them twice; in between the rest is loaded, and what came silently."""
    made: list[Step] = []
    for told in frames:
        made += [frame(told)] * (2 if chance.random() < 0.1 else 1)
        if chance.random() < 0.2:
            made.append(chance.choice([["mend"], ["older"]]))
    return [*made, ["mend"]]


def compare(state: dict[str, Any], now: dict[str, Any]) -> None:
    """What a state has is as it is, without a hole, down to where its next page begins."""
    end = int(parse_qs(urlsplit(state["next"]).query)["cursor"][0]) if state["next"] else 0
    assert state["items"] == [each for each in now["results"] if each["id"] >= end]
    assert (state["unread"], state["asOf"], state["missing"]) == (now["unread_count"], now["as_of"], {})
