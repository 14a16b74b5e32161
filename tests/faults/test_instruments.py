"""What the ordeals measure with is able to complain."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.client import Arrival, Client, advice
from tests.faults.holes import Hole, filled_after, holes
from tests.faults.ledger import Row, differences
from tests.servers.proxy import PUSHED, Splitter

ROWS = [Row(number, 100 + number, f"rest {number}") for number in range(1, 6)]


def client_that_heard(*frames: dict[str, Any] | int) -> Client:
    """A client that began at 0 and heard these frames; a number is its notification."""
    client = Client(url="", user_id=7, token="")
    client.start, client.connections = 0, ["1-a"]
    for frame in frames:
        told = ROWS[frame - 1] if isinstance(frame, int) else None
        heard = {"seq": told.seq, "data": {"id": told.id, "title": told.title, "created_at": "2026-01-01T00:00:00Z"}} if told else frame
        client._apply(heard)
    return client


def test_who_heard_everything_in_order_differs_in_nothing() -> None:
    assert differences(client_that_heard(1, 2, 3, 4, 5), ROWS) == []
    assert differences(client_that_heard(1, 2, 3), ROWS, so_far=True) == []


@pytest.mark.parametrize(
    ("heard", "complaint"),
    [
        ([1, 2, 3, 4], "lacks 1"),
        ([1, 2, 4, 5], "lacks 1"),
        ([1, 2, 4, 3, 5], "number 3 after 4"),
        ([1, 2, 2, 3, 4, 5], "number 2 after 2"),
    ],
)
def test_what_is_missing_or_comes_twice_or_too_late_is_found(heard: list[int], complaint: str) -> None:
    assert complaint in "; ".join(differences(client_that_heard(*heard), ROWS))


@pytest.mark.parametrize("heard", [[1, 2, 4], [2, 1]])
def test_a_hole_is_found_before_the_end_too(heard: list[int]) -> None:
    assert differences(client_that_heard(*heard), ROWS, so_far=True) != []


def test_a_stream_that_has_a_hole_itself_is_found() -> None:
    assert "the stream itself has holes" in "; ".join(differences(client_that_heard(), [*ROWS[:2], *ROWS[3:]], so_far=True))


def test_what_was_reloaded_counts_and_what_was_reloaded_and_is_not_there_is_found() -> None:
    client = client_that_heard(4, 5)
    client.known = frozenset({101, 102, 103})
    assert differences(client, ROWS) == []
    client.known = frozenset({101, 102, 999})
    assert len(differences(client, ROWS)) == 2


@pytest.mark.parametrize(
    ("codes", "what"),
    [
        ([1000, 1003, 1009, 4400, 4401, 4410, 4499], "leave"),
        ([1001, 1006, 1012, 1013, 4100, 4103], "back off"),
        ([4001, 4099], "new token"),
        ([4201, 4203], "at once"),
    ],
)
def test_the_range_of_a_close_code_decides(codes: list[int], what: str) -> None:
    assert {advice(code) for code in codes} == {what}


def arrival(number: int, *, written: float, came: float) -> Arrival:
    return Arrival(number, number, "", written, came)


def test_a_hole_lasts_from_the_oldest_that_was_late_until_the_burst_is_over() -> None:
    on_time = arrival(1, written=10.0, came=10.01)
    late = [arrival(2, written=11.0, came=14.0), arrival(3, written=12.0, came=14.1), arrival(4, written=14.05, came=14.11)]
    again = arrival(5, written=20.0, came=21.0)
    assert holes([on_time, *late, again]) == [Hole(11.0, 14.1), Hole(20.0, 21.0)]
    assert filled_after([on_time, *late, again], 13.5) == pytest.approx(0.6)


ANSWERS = [
    b"+OK\r\n",
    b":7\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"*-1\r\n",
    b"_\r\n",
    b"#t\r\n",
    b"$4\r\n\r\n*3\r\n",
    b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
    b"%1\r\n$6\r\nserver\r\n*1\r\n$5\r\nredis\r\n",
    b"=6\r\ntxt:ok\r\n",
    b"*3\r\n$9\r\nsubscribe\r\n$1\r\ng\r\n:1\r\n",
    b"*3\r\n$7\r\nmessage\r\n$1\r\ng\r\n$3\r\n\r\n1\r\n",
    b">3\r\n$7\r\nmessage\r\n$1\r\ng\r\n$2\r\n{}\r\n",
]


@given(answers=st.lists(st.sampled_from(ANSWERS)), data=st.data())
def test_the_proxy_finds_whole_answers_however_they_are_cut(answers: list[bytes], data: st.DataObject) -> None:
    stream, splitter, found = b"".join(answers), Splitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert found == answers


def test_only_messages_can_be_lost_on_their_way() -> None:
    assert [answer for answer in ANSWERS if PUSHED.match(answer)] == ANSWERS[-2:]
