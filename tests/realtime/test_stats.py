"""Figures: counted cheaply, written down each second, and added up without one ever falling."""

import os
import time
from collections import defaultdict

import pytest

from accounts import counting
from accounts.counting import MOST, OTHER, Counter, Histogram
from notifications.wire import Event
from realtime import stats, traffic
from realtime.sockets import SOCKETS  # and with them all that is told
from realtime.stats import Folder, Snapshot


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def declared(monkeypatch):
    """Figures that a test declares are forgotten."""
    monkeypatch.setattr(counting, "figures", {})


def worker(folder, pid, count, *, open_now=0):
    grown = {"requests": [(["200"], [count])], "seconds": [([], [count, 0, count * 0.5])]}
    folder.write(Snapshot(at=time.time(), grown=grown, present={"sockets": [([], [open_now])]}), name=f"{pid}.json")


def test_what_workers_that_are_gone_have_counted_is_kept_in_one_file(folder):
    for pid in range(1, 8):
        worker(folder, pid, pid, open_now=5)
    folder.fold({6, 7})
    gone, living = folder.read()
    assert gone.grown["requests"] == [(["200"], [15])]
    assert gone.grown["seconds"] == [([], [15, 0, 7.5])]
    assert gone.grown["switchboard_workers_ended_total"] == [([], [5])]
    assert gone.present == {}, "sockets of the dead are not open"
    assert sorted(living) == [6, 7]
    folder.fold(set())
    gone, living = folder.read()
    assert (gone.grown["requests"], living) == ([(["200"], [28])], {})
    assert sorted(each.name for each in folder.path.iterdir()) == ["gone.json", "lock"]


def test_labels_and_buckets_of_another_version_spoil_nothing():
    lines = [(["a"], [1, 2]), (["b"], [1, 2]), (["a"], [10, 20]), (["a"], [1, 2, 3])]
    assert stats.summed(lines) == [(["a"], [11, 22]), (["b"], [1, 2])]


def test_a_file_that_is_not_understood_is_nothing(folder, caplog):
    (folder.path / "1.json").write_text('{"at": "yesterday"}')
    _gone, living = folder.read()
    assert living == {1: Snapshot()}
    assert "1.json are not understood" in caplog.text


def test_a_server_s_folder_goes_with_it_and_that_of_a_killed_one_with_the_next(tmp_path):
    left = tmp_path / "stats" / "1-killed"
    left.mkdir(parents=True)
    (left / "server").touch()
    with stats.kept(tmp_path) as one:
        assert os.environ[stats.PLACE] == str(one.path)
        assert not left.exists()
        with stats.kept(tmp_path) as other:  # of a server that starts beside it
            assert one.path.exists()
        assert not other.path.exists()
    assert list((tmp_path / "stats").iterdir()) == []
    assert stats.PLACE not in os.environ


def test_figures_are_kept_elsewhere_where_var_dir_cannot_be_written(tmp_path):
    (tmp_path / "stats").write_text("in the way")
    with stats.kept(tmp_path) as folder:
        folder.write(Snapshot(at=1.0), name="1.json")
        assert folder.read()[1] == {1: Snapshot(at=1.0)}


def test_labels_are_bounded_whatever_is_counted(declared):
    counter = Counter("one", "", "path")
    for number in range(MOST + 50):
        counter.add(f"/{number}")
    counter.add("/1")
    read = counter.read()
    assert len(read) == MOST + 1
    assert (read["/1",], read[OTHER,]) == ((2,), (50,))


def test_a_duration_on_a_bucket_s_end_is_in_that_bucket(declared):
    histogram = Histogram("two", "", bounds=(0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 3.0):
        histogram.observe(seconds)
    [(buckets)] = histogram.read().values()
    assert buckets == (2, 1, 1, pytest.approx(3.65))


def test_a_name_is_declared_once(declared):
    Counter("three", "")
    with pytest.raises(ValueError, match="three is declared twice"):
        Counter("three", "")


def test_every_type_of_frame_is_told_from_all_others_by_its_first_letters():
    assert SOCKETS
    tags = set(traffic.tags(Event))
    assert {"notification", "notification_state", "offline_message", "offline_messages_complete"} <= tags
    width = traffic.KEY.stop - traffic.KEY.start
    assert len({tag[:width] for tag in tags}) == len(tags)


def test_frames_are_counted_by_their_type_once_a_second():
    traffic.fold(1.0)  # what other tests have left
    before = traffic.FRAMES.read()
    for frame in [
        '{"type":"pong","timestamp":1}',
        '{"type":"notification","seq":1}',
        '{"type":"notification","seq":22}',
        '{"type":"offline_messages_complete"}',
    ]:
        traffic.sent[frame[traffic.KEY]] += 1
    traffic.fold(1.0)
    after = traffic.FRAMES.read()
    new = {labels[0]: value[0] - before.get(labels, (0,))[0] for labels, value in after.items() if value != before.get(labels)}
    assert new == {"pong": 1, "notification": 2, "offline_messages_complete": 1}
    assert not traffic.sent


def test_of_many_pushes_a_second_some_are_timed_and_count_for_the_others(monkeypatch, declared):
    monkeypatch.setattr(traffic, "PUSH_SECONDS", Histogram("four", ""))
    monkeypatch.setattr(traffic, "sent", defaultdict(int))
    pushes = traffic.Pushes()

    def push(count):
        for _ in range(count):
            pushes.left -= 1
            if not pushes.left:
                pushes.take({"at": time.time(), "frame": '{"type":"notification","seq":1}'})
        pushes.fold(1.0)
        [buckets] = traffic.PUSH_SECONDS.read().values()
        return sum(buckets[:-1])

    assert push(traffic.BUSY + 1) == traffic.BUSY + 1, "each, while they are few"
    assert push(16_000) == pytest.approx(traffic.BUSY + 16_000, rel=0.01)
    assert push(0) == pytest.approx(traffic.BUSY + 16_000, rel=0.01)
    assert push(100) == pytest.approx(traffic.BUSY + 16_100, abs=50), "each again"


def test_a_push_of_a_publisher_that_says_no_time_is_not_timed():
    before = traffic.PUSH_SECONDS.read()
    traffic.Pushes().take({"frame": '{"type":"notification"}'})
    assert traffic.PUSH_SECONDS.read() == before
