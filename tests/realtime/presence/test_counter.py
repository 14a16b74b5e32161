"""The community site's counter: whoever comes and goes in whatever order, it says what the server says."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests import cast
from tests.realtime.presence.village import BUSY

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1800)]

AT_ONCE = 20
"""Comings and goings before the counters are compared."""


@pytest.mark.parametrize("steps", [60, pytest.param(500, marks=pytest.mark.long_fault)])
def test_the_counter_is_right_after_any_comings_and_goings(place, steps):
    seed = int(os.environ.get("COMINGS_SEED", random.randrange(10**6)))
    print(f"\nCOMINGS_SEED={seed}")
    chance = random.Random(seed)
    place.gather(4)
    people = [cast.member() for _ in range(10)]
    pages = {person.pk: [] for person in people}
    for number in range(1, steps + 1):
        person = chance.choice(people)
        mine = pages[person.pk]
        what = chance.random()
        if not mine or (what < 0.4 and len(mine) < 4):
            mine.append(place.page(person))
        elif what < 0.75:
            place.community.run(mine.pop(chance.randrange(len(mine))).leave())
        elif what < 0.85:  # the page is loaded again
            place.community.run(mine.pop().leave())
            mine.append(place.page(person))
        else:  # all its pages are closed at once
            while mine:
                place.community.run(mine.pop().leave())
        if chance.random() < 0.2:
            time.sleep(chance.uniform(0, place.pace.grace + place.pace.quiet))  # so that some are gone, or are just going
        if number % AT_ONCE == 0:
            place.settled(seconds=place.pace.told_gone + BUSY)
    assert not [each for page in place.community.pages for each in page.told if each.user_id == page.user_id], "told of itself"


def test_a_page_that_is_loaded_again_is_told_to_nobody(place):
    pages = place.gather(6)
    place.settled(seconds=place.pace.lease + BUSY)
    begin = [len(page.told) for page in pages]
    person = pages[0]
    place.community.run(person.leave())
    again = place.page(like=person)
    place.beats(1)
    place.settled(seconds=place.pace.told_gone + BUSY)
    assert [len(page.told) for page in pages[1:]] == begin[1:]
    assert again.told == []
