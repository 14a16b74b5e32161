"""Of each task the newest step, and nothing twice or late."""

from realtime.tasks import newest
from realtime.tasks.newest import Newest


def taken(waiting):
    """All that waits."""
    return list(iter(waiting.take, None))


def test_of_a_task_the_newest_step_waits():
    waiting = Newest()
    assert waiting.offer("a", 1, "a1")
    assert waiting.offer("b", 1, "b1")
    assert waiting.offer("a", 3, "a3")
    assert not waiting.offer("a", 2, "a2")
    assert taken(waiting) == ["a3", "b1"]
    assert taken(waiting) == []
    assert not waiting.offer("a", 3, "a3")


def test_an_end_overtakes_the_steps_before_it_and_none_after():
    waiting = Newest()
    waiting.offer("a", 4, "a4")
    waiting.told("a", 5)
    assert taken(waiting) == []
    assert not waiting.offer("a", 5, "a5")
    assert waiting.offer("a", 6, "a6: its producer is there again")
    waiting.told("a", 5)
    assert taken(waiting) == ["a6: its producer is there again"]


def test_a_sign_of_life_takes_an_end_back_though_it_has_no_version_of_its_own():
    waiting = Newest()
    waiting.told("a", 4)
    assert waiting.offer("a", 4, "a4 again", again=True)
    waiting.told("a", 4)
    assert taken(waiting) == []
    waiting.told("a", 5)
    assert not waiting.offer("a", 4, "a4 again", again=True)


def test_what_is_known_of_tasks_is_bounded(monkeypatch):
    monkeypatch.setattr(newest, "MOST", 2)
    waiting = Newest()
    for version, task in enumerate("abac"):
        waiting.offer(task, version, task)
    assert taken(waiting) == ["a", "c"]
