"""Nobody has failed because it could not be heard."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from realtime.tasks import services
from realtime.tasks.models import Task
from realtime.tasks.watch import RECOVERY, Watch


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def looks(watch, clock, seconds):
    """Whether it may fail somebody, at each of so many looks a second apart."""
    found = []
    for _ in range(seconds):
        clock.now += 1
        found.append(watch.may_fail())
    return found


def test_who_has_just_begun_to_look_waits(clock):
    found = looks(Watch(clock), clock, 15)
    assert found == [False] * int(RECOVERY) + [True] * (15 - int(RECOVERY))


def test_who_could_not_look_waits_again(clock):
    watch = Watch(clock)
    looks(watch, clock, 20)
    watch.lost()
    assert looks(watch, clock, 10) == [False] * 10
    assert looks(watch, clock, 1) == [True]


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_after_a_sleep_of_the_machine_or_a_jump_of_its_clock_everybody_gets_time(clock, seconds):
    watch = Watch(clock)
    looks(watch, clock, 20)
    clock.now += seconds
    assert not any(looks(watch, clock, 10))
    assert looks(watch, clock, 2)[-1]


def test_while_nobody_may_fail_the_database_is_asked_all_the_same(begun):
    Task.objects.filter(pk=begun().pk).update(alive_until=timezone.now())
    with CaptureQueriesContext(connection) as asked:
        assert services.fail_silent(limit=0) == 0
    assert len(asked) == 1  # or a database that is away would not be noticed, and its return be no reason to wait
