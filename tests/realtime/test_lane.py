"""The lane against a model: whatever is lost, doubled or reordered on the way, what is sent is the stream."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from notifications.backlog import Page
from realtime.lane import Lane, Verdict

MINE = "notification"
OTHER = "support"
PAGE = 3


class Stream(RuleBasedStateMachine):
    """A stream that is written, a channel that loses, repeats and delays pushes, and one socket's lane."""

    pushes = Bundle("pushes")

    def __init__(self) -> None:
        super().__init__()
        self.topics: list[str] = []  # of number 1, 2, …
        self.lane = Lane([MINE])
        self.sent: list[int] = []
        self.began = 0
        self.page: Page | None = None
        self.held = True

    def _read(self, after: int) -> Page:
        mine = [(seq, str(seq)) for seq, topic in enumerate(self.topics, start=1) if seq > after and topic == MINE][:PAGE]
        return Page(mine, mine[-1][0] if len(mine) == PAGE else len(self.topics), len(self.topics), 0)

    @rule(target=pushes, topic=st.sampled_from([MINE, OTHER]))
    def commit(self, topic: str) -> int:
        self.topics.append(topic)
        return len(self.topics)

    @precondition(lambda self: self.held)
    @rule(back=st.integers(0, 10))
    def begin(self, back: int) -> None:
        self.began = max(0, len(self.topics) - back)
        self.sent = []
        self.held = False
        self.lane.begin(cursor=self.began, head=len(self.topics))
        self._after()

    @precondition(lambda self: not self.held and not self.lane.filling)
    @rule()
    def hold(self) -> None:
        self.lane.hold()
        self.held = True

    @rule(seq=pushes)
    def push(self, seq: int) -> None:
        verdict = self.lane.push(seq, self.topics[seq - 1])
        if verdict is Verdict.SEND:
            self.sent.append(seq)
        elif verdict is Verdict.FILL:
            assert self.page is None, "a second fill was asked for while one is under way"
            self._ask()

    @rule()
    def heartbeat(self) -> None:
        if self.lane.behind(len(self.topics)):
            self._ask()

    @precondition(lambda self: self.page is not None)
    @rule()
    def page_arrives(self) -> None:
        assert self.page is not None
        self.sent += [int(frame) for frame in self.lane.take(self.page)]
        self.page = None
        self._after()

    @precondition(lambda self: self.page is not None)
    @rule()
    def database_fails(self) -> None:
        self.page = None
        self.lane.abandon()

    def _after(self) -> None:
        if not self.lane.filled():
            self._ask()

    def _ask(self) -> None:
        self.page = self._read(self.lane.ask())

    @invariant()
    def what_was_sent_is_the_stream_without_hole_or_double(self) -> None:
        if not self.held:
            carried = [seq for seq, topic in enumerate(self.topics, start=1) if self.began < seq <= self.lane.cursor and topic == MINE]
            assert self.sent == carried

    @invariant()
    def a_lane_that_fills_has_a_page_under_way(self) -> None:
        assert self.held or self.lane.filling == (self.page is not None)

    def teardown(self) -> None:
        """One heartbeat later nothing is missing."""
        if self.held:
            return
        for _ in range(3):
            self.heartbeat()
            while self.page is not None:
                self.page_arrives()
        assert self.lane.cursor == len(self.topics)
        self.what_was_sent_is_the_stream_without_hole_or_double()


Stream.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None, derandomize=True)
TestStream = Stream.TestCase


def live(cursor: int) -> Lane:
    lane = Lane([MINE])
    lane.begin(cursor=cursor, head=cursor)
    assert lane.filled()
    return lane


def test_the_next_frame_is_sent_and_an_older_one_is_dropped():
    lane = live(5)
    assert lane.push(6, MINE) is Verdict.SEND
    assert lane.push(6, MINE) is Verdict.DROP
    assert lane.push(2, MINE) is Verdict.DROP


def test_another_topic_moves_the_cursor_and_is_not_sent():
    lane = live(5)
    assert lane.push(6, OTHER) is Verdict.DROP
    assert lane.cursor == 6
    assert lane.push(7, MINE) is Verdict.SEND


def test_a_lost_push_is_healed_by_the_next_one():
    lane = live(5)
    assert lane.push(7, MINE) is Verdict.FILL
    assert lane.ask() == 5
    assert lane.take(Page([(6, "six"), (7, "seven")], 7, 7, 0)) == ["six", "seven"]
    assert lane.filled()
    assert lane.push(8, MINE) is Verdict.SEND


def test_a_lost_push_is_healed_by_the_next_heartbeat():
    lane = live(5)
    assert lane.behind(6)
    lane.ask()
    assert lane.take(Page([(6, "six")], 6, 6, 0)) == ["six"]
    assert lane.filled()


def test_what_is_pushed_while_a_fill_is_read_is_not_forgotten():
    lane = live(5)
    assert lane.push(7, MINE) is Verdict.FILL
    lane.ask()
    assert lane.push(8, MINE) is Verdict.DROP
    lane.take(Page([(6, "six"), (7, "seven")], 7, 7, 0))
    assert not lane.filled(), "number 8 was heard of and not sent"
    assert lane.ask() == 7
    assert lane.take(Page([(8, "eight")], 8, 8, 0)) == ["eight"]
    assert lane.filled()


def test_a_number_that_does_not_exist_is_not_waited_for():
    lane = live(5)
    assert lane.push(50, MINE) is Verdict.FILL
    lane.ask()
    lane.take(Page([], 5, 5, 0))
    assert lane.filled()
    assert not lane.filling
