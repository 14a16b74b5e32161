"""The pace against peers of all kinds, on a clock that the tests turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, repeat

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.pace import Pace, Ruling

RATE, BURST, PATIENCE = 20, 60, 10.0


@dataclass(frozen=True)
class Done:
    """A frame that was read: when the peer sent it, when we were done waiting, and what was done with it."""

    sent: float
    at: float
    ruling: Ruling


def read(arrivals: Iterable[float], *, pace: Pace | None = None, work: float = 0.0) -> Iterator[Done]:
    """What a read loop does with frames that were sent at those times, if each takes `work` seconds to be obeyed."""
    pace = pace or Pace(rate=RATE, burst=BURST, patience=PATIENCE)
    clock = 1_000.0
    for sent in arrivals:
        asked, clock = clock, max(clock, 1_000 + sent)
        ruling, wait = pace.frame(clock, idle=clock - asked)
        clock += wait
        yield Done(sent, clock - 1_000, ruling)
        if ruling is Ruling.END:
            return
        clock += work


def rulings(arrivals: Iterable[float], *, work: float = 0.0) -> Counter[Ruling]:
    return Counter(done.ruling for done in read(arrivals, work=work))


gaps = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.2), st.floats(0, 20)), max_size=600)
works = st.floats(0, 0.2)


def times(distances: Iterable[float]) -> list[float]:
    at, found = 0.0, []
    for distance in distances:
        at += distance
        found.append(at)
    return found


@settings(deadline=None)
@given(gaps, works)
def test_no_stretch_of_time_has_more_frames_than_the_burst_and_the_rate_allow(distances: list[float], work: float) -> None:
    tokens, before = float(BURST), 0.0
    for done in read(times(distances), work=work):
        if done.ruling is not Ruling.END:
            tokens = min(BURST, tokens + (done.at - before) * RATE) - 1
            before = done.at
            assert tokens >= -0.001


@settings(deadline=None)
@given(st.lists(st.floats(0, 5), max_size=400), works)
def test_who_stays_within_burst_and_rate_neither_waits_nor_is_refused(distances: list[float], work: float) -> None:
    tokens, arrivals, at = float(BURST), [], 0.0
    for distance in distances:
        at += distance if tokens + distance * RATE >= 1 else (1 - tokens) / RATE + 1e-6
        tokens = min(BURST, tokens + (at - (arrivals[-1] if arrivals else 0.0)) * RATE) - 1
        arrivals.append(at)
    for done in read(arrivals):
        assert done.ruling is Ruling.OBEY
        assert done.at - done.sent < 0.001


@settings(deadline=None)
@given(st.integers(1, BURST + int(RATE * PATIENCE)), works)
def test_a_queue_that_is_flushed_at_once_comes_through_whole(length: int, work: float) -> None:
    assert rulings([0.0] * length, work=work) == {Ruling.OBEY: length}


def test_a_queue_of_some_hundred_frames_takes_its_time() -> None:
    done = list(read([0.0] * 250))
    assert [each.at for each in done[:60]] == [0.0] * 60
    assert round(done[-1].at, 6) == (250 - 60) / 20


def test_a_flood_is_slowed_then_refused_then_ended() -> None:
    done = list(read(repeat(0.0)))
    assert [each.ruling for each in done] == [Ruling.OBEY] * 260 + [Ruling.REFUSE] * 60 + [Ruling.END]
    assert 12.9 < done[-1].at < 13.1


@settings(deadline=None)
@given(st.floats(20.1, 10_000))
def test_whoever_never_rests_is_ended_however_little_over_the_rate(rate: float) -> None:
    assert rulings(number / rate for number in count())[Ruling.END] == 1


@settings(deadline=None)
@given(st.floats(0.1, 19.9), st.floats(0, 9.9))
def test_a_flush_that_is_over_in_time_may_be_followed_by_the_rate_for_ever(rate: float, seconds: float) -> None:
    flushed = BURST + int(seconds * (RATE - rate))
    arrivals = [*([0.0] * flushed), *(number / rate for number in range(1, 2_000))]
    assert set(rulings(arrivals)) == {Ruling.OBEY}


def test_exactly_the_rate_is_allowed_whatever_the_clock_makes_of_it() -> None:
    jitter = [0.0, 0.004, -0.004, 0.002, -0.001]
    arrivals = [*([0.0] * 100), *(2.06 + number / RATE + jitter[number % 5] for number in range(20_000))]
    assert set(rulings(arrivals)) == {Ruling.OBEY}


def test_silence_makes_up_for_the_waiting() -> None:
    first = [0.0] * 260  # ten seconds of waiting
    assert set(rulings([*first, *([23.1] * 260)])) == {Ruling.OBEY}
    assert rulings([*first, *([10.1] * 260)])[Ruling.REFUSE] > 0


def test_who_is_refused_and_then_rests_begins_anew() -> None:
    done = [each.ruling for each in read([*([0.0] * 310), *([30.0] * 320)])]
    assert done[:310] == [Ruling.OBEY] * 260 + [Ruling.REFUSE] * 50
    assert done[310:] == [Ruling.OBEY] * 260 + [Ruling.REFUSE] * 60


def test_a_peer_is_not_blamed_for_the_time_that_we_take() -> None:
    assert rulings([0.0] * 2_000, work=0.06) == {Ruling.OBEY: 2_000}


def test_no_rate_is_no_limit() -> None:
    done = read([0.0] * 10_000, pace=Pace(rate=0, burst=60, patience=10))
    assert {(each.ruling, each.at) for each in done} == {(Ruling.OBEY, 0.0)}


def test_without_patience_every_frame_over_the_rate_is_refused() -> None:
    done = list(read([0.0] * 30, pace=Pace(rate=20, burst=20, patience=0)))
    assert [each.ruling for each in done] == [Ruling.OBEY] * 20 + [Ruling.REFUSE] * 10
