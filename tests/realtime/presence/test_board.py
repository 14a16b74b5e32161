"""The board tells each change once and in order, whatever is lost, doubled, late or forgotten. No Redis and no sockets."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from realtime.presence.board import Board
from realtime.presence.store import Answer, Change

PEOPLE = range(1, 6)
CUSTOMER = 9


class Looker:
    """A socket of the community site that counts and knows who is online by what it is told."""

    def __init__(self, board: Board, user_id: int, *, is_agent: bool = False, counts: bool = True) -> None:
        self.user_id, self.is_agent, self.counts, self.counted = user_id, is_agent, counts, False
        self.board = board
        self.count = 0
        self.greetings = 0
        self.seen: dict[int, str] = {}
        self.frames: list[dict[str, Any]] = []
        self.greet()
        board.add(self)

    def greet(self) -> None:
        self.count = self.board.count_for(self.user_id)
        self.counted = self.board.status(self.user_id) != "offline"
        self.greetings += 1
        self.seen.clear()  # it loads the list again

    def tell(self, frame: str) -> None:
        told = json.loads(frame)
        self.frames.append(told)
        user, status = told["data"]["user_id"], told["data"].get("status")
        if told["type"] == "user_status":
            assert user != self.user_id, "told of itself"
            self.count += 1 if status == "online" else -1
        self.seen[user] = status

    def told(self) -> list[tuple[str, int, str]]:
        return [(each["type"], each["data"]["user_id"], each["data"]["status"]) for each in self.frames]


class Memory:
    """What Redis would have: who was told what, each change numbered."""

    def __init__(self, era: str = "one") -> None:
        self.era, self.version, self.mode = era, 0, "broadcast"
        self.told: dict[str, dict[int, str]] = {"p": {}, "c": {}}

    def set(self, user: int, status: str) -> Change | None:
        kind = "c" if user == CUSTOMER else "p"
        before = self.told[kind].get(user, "offline")
        if before == "offline" and status != "offline":
            status = "online"  # that it is away is told next
        if before == status:
            return None
        self.version += 1
        self.told[kind][user] = status
        if status == "offline":
            del self.told[kind][user]
        what = "offline" if status == "offline" else "online" if before == "offline" else "status"
        return Change(self.version, what, f"{kind}:{user}", status, 1_700_000_000_000 + self.version)

    def turn(self) -> Change:
        self.version += 1
        self.mode = "watch" if self.mode == "broadcast" else "broadcast"
        return Change(self.version, "mode", "", self.mode, 1_700_000_000_000)

    def answer(self, watched: list[int] | None = None, *, young: bool = False) -> Answer:
        said: dict[str, Any] = {}
        for kind, told in self.told.items():
            pairs = [(str(user), status) for user, status in told.items() if self.mode == "broadcast" or user in (watched or [])]
            said[kind] = [word for pair in pairs for word in pair]
        return Answer(era=self.era, version=self.version, online=len(self.told["p"]), mode=self.mode, young=young, changes=[], wake=[], said=said)


def tick(board: Board, memory: Memory, *, young: bool = False) -> None:
    if board.behind(memory.answer(young=young)):
        board.restore(memory.answer(board.watched()), asked_at=board.version)


def begun(*online: int) -> tuple[Board, Memory]:
    memory = Memory()
    for user in online:
        memory.set(user, "online")
    board = Board()
    tick(board, memory)
    return board, memory


def test_changes_that_come_in_another_order_are_told_in_their_own() -> None:
    board, memory = begun()
    looker = Looker(board, 100)
    changes = [memory.set(1, "online"), memory.set(1, "offline"), memory.set(1, "online")]
    for change in reversed(changes):
        board.take("one", [change])
    assert looker.told() == [("user_status", 1, "online"), ("user_status", 1, "offline"), ("user_status", 1, "online")]


def test_a_change_that_comes_twice_is_told_once() -> None:
    board, memory = begun()
    looker = Looker(board, 100)
    change = memory.set(1, "online")
    for _ in range(3):
        board.take("one", [change])
    assert (looker.told(), looker.count) == ([("user_status", 1, "online")], 1)


def test_a_change_that_never_came_is_told_by_the_second_tick_and_what_came_after_it_is_told_once() -> None:
    board, memory = begun(3)
    looker = Looker(board, 100)
    memory.set(1, "online")
    board.take("one", [memory.set(2, "online"), memory.set(3, "offline")])
    assert looker.told() == []
    tick(board, memory)
    tick(board, memory)
    assert sorted(looker.told()) == [("user_status", 1, "online"), ("user_status", 2, "online"), ("user_status", 3, "offline")]
    assert looker.count == 2


def test_a_redis_that_forgot_is_not_believed_while_it_is_young() -> None:
    board, memory = begun(1, 2)
    looker = Looker(board, 100)
    memory = Memory("two")
    memory.set(1, "online")
    tick(board, memory, young=True)
    assert looker.told() == []
    memory.set(2, "online")
    tick(board, memory)
    assert (looker.told(), looker.count, board.era) == ([], 2, "two")


def test_what_was_kept_of_a_lost_memory_is_not_told_under_the_numbers_of_the_next() -> None:
    board, memory = begun(1)
    looker = Looker(board, 100)
    memory.set(2, "online")
    board.take("one", [memory.set(3, "online")])  # kept: the one before it never came
    memory = Memory("two")
    memory.set(1, "online")
    memory.set(4, "online")
    tick(board, memory)
    board.take("two", [memory.set(5, "online")])
    assert sorted(looker.told()) == [("user_status", 4, "online"), ("user_status", 5, "online")]
    assert looker.count == 3


def test_a_redis_that_went_back_and_counted_on_past_us_is_looked_at_again() -> None:
    board, memory = begun(1)
    looker = Looker(board, 100)
    board.take("one", [memory.set(2, "online"), memory.set(3, "online")])
    older = Memory()
    older.set(1, "online")  # as it was saved
    for user in (4, 5):
        older.set(user, "online")
    older.set(1, "offline")
    board.doubt()
    tick(board, older)
    assert looker.count == 2
    assert {user for user, status in looker.seen.items() if status == "online"} == {4, 5}


def test_what_is_heard_while_all_is_fetched_follows_at_once() -> None:
    board, memory = begun()
    looker = Looker(board, 100)
    memory.set(1, "online")
    snapshot, asked_at = memory.answer(), board.version
    board.take("one", [memory.set(2, "online")])
    board.restore(snapshot, asked_at=asked_at)
    assert looker.told() == [("user_status", 1, "online"), ("user_status", 2, "online")]


def test_above_the_limit_only_those_who_watch_are_told_and_below_it_all_count_anew() -> None:
    board, memory = begun(1, 2)
    looker, watcher = Looker(board, 100), Looker(board, 101)
    board.take("one", [memory.turn()])
    assert board.watch(watcher, [1], []) == {1}
    board.learn(watcher, "p", {1: "online"})
    board.take("one", [memory.set(1, "offline"), memory.set(2, "offline")])
    assert (looker.told(), watcher.told()) == ([], [("user_status", 1, "offline")])
    board.take("one", [memory.turn()])
    memory.set(1, "online")  # not heard before all is fetched
    tick(board, memory)
    assert [(each.count, each.greetings) for each in (looker, watcher)] == [(1, 2), (1, 2)]
    assert watcher.told()[-1] == ("user_status", 1, "online")


def test_who_chooses_to_be_seen_or_not_counts_anew_because_it_is_not_told_of_itself() -> None:
    board, memory = begun(1)
    one, other = Looker(board, 1), Looker(board, 100)
    assert (one.count, other.count) == (1, 1)
    board.take("one", [memory.set(1, "offline")])
    assert (one.count, other.count, other.greetings) == (0, 0, 1)
    board.take("one", [memory.set(1, "online")])
    assert (one.count, other.count, one.told()) == (1, 1, [])


def test_customers_are_told_of_to_agents_only_and_counted_by_nobody() -> None:
    board, memory = begun()
    member, agent = Looker(board, 100), Looker(board, 101, is_agent=True)
    board.take("one", [memory.set(CUSTOMER, "online"), memory.set(CUSTOMER, "offline")])
    assert member.told() == []
    assert agent.told() == [("presence", CUSTOMER, "online"), ("presence", CUSTOMER, "offline")]
    assert (member.count, agent.count) == (0, 0)


def test_who_begins_to_watch_takes_no_news_from_those_who_watch_already() -> None:
    board, memory = begun()
    first, second = Looker(board, 100), Looker(board, 101)
    board.take("one", [memory.turn()])
    board.watch(first, [1], [])
    late = memory.set(1, "online")
    board.watch(second, [1], [])
    board.learn(second, "p", {1: "online"})
    board.take("one", [late])
    assert (first.told(), second.told()) == ([("user_status", 1, "online")], [])


class Telling(RuleBasedStateMachine):
    """Redis and a board with everything that can happen between them."""

    def __init__(self) -> None:
        super().__init__()
        self.memory, self.board = Memory(), Board()
        self.on_the_way: list[tuple[str, Change]] = []
        self.saved: tuple[int, str, dict[str, dict[int, str]]] | None = None
        self.asked: tuple[Answer, int] | None = None
        self.eras = 1
        self.lookers: list[Looker] = []

    @initialize()
    def begin(self) -> None:
        tick(self.board, self.memory)
        self.lookers = [Looker(self.board, 100), Looker(self.board, 1), Looker(self.board, 101, is_agent=True)]

    @rule(user=st.sampled_from([*PEOPLE, CUSTOMER]), status=st.sampled_from(["online", "offline", "away"]))
    def change(self, user: int, status: str) -> None:
        if (change := self.memory.set(user, status)) is not None:
            self.on_the_way.append((self.memory.era, change))

    @rule()
    def turn(self) -> None:
        self.on_the_way.append((self.memory.era, self.memory.turn()))

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data(), stays=st.booleans())
    def hear(self, data: st.DataObject, stays: bool) -> None:
        """Any of them, in any order, perhaps not for the last time."""
        number = data.draw(st.integers(0, len(self.on_the_way) - 1))
        era, change = self.on_the_way[number] if stays else self.on_the_way.pop(number)
        self.board.take(era, [change])

    @precondition(lambda self: self.on_the_way)
    @rule()
    def lose(self) -> None:
        self.on_the_way.pop(0)

    @rule(young=st.booleans())
    def tick(self, young: bool) -> None:
        tick(self.board, self.memory, young=young)

    @rule()
    def ask(self) -> None:
        """All is fetched, and other things happen before it comes."""
        self.asked = (self.memory.answer(self.board.watched()), self.board.version)

    @precondition(lambda self: self.asked is not None)
    @rule()
    def come(self) -> None:
        assert self.asked is not None
        (answer, asked_at), self.asked = self.asked, None
        if answer.era == self.memory.era:
            self.board.restore(answer, asked_at=asked_at)

    @rule()
    def forget(self) -> None:
        self.eras += 1
        self.memory, self.saved, self.asked = Memory(str(self.eras)), None, None
        self.board.doubt()

    @rule()
    def save(self) -> None:
        self.saved = (self.memory.version, self.memory.mode, {kind: dict(told) for kind, told in self.memory.told.items()})

    @precondition(lambda self: self.saved is not None)
    @rule()
    def go_back(self) -> None:
        """Redis is restarted with what it had saved: the connection breaks, and what was on the way is gone with it."""
        assert self.saved is not None
        self.memory.version, self.memory.mode, told = self.saved
        self.memory.told = {kind: dict(each) for kind, each in told.items()}
        self.on_the_way.clear()
        self.asked = None
        self.board.doubt()

    @rule(users=st.sets(st.sampled_from([*PEOPLE, CUSTOMER])), who=st.integers(0, 2))
    def watch(self, users: set[int], who: int) -> None:
        looker = self.lookers[who]
        new = self.board.watch(looker, users, ())
        for kind in "pc":
            if not self.board.broadcasts and self.memory.version >= self.board.version and self.memory.era == self.board.era:
                self.board.learn(looker, kind, {user: self.memory.told[kind].get(user, "offline") for user in new})
        for user in new:
            looker.seen[user] = self.board.status(user, to_agent=looker.is_agent)

    def teardown(self) -> None:
        if not self.lookers:
            return
        for _ in range(3):
            tick(self.board, self.memory)
        truth = self.memory.told["p"] | self.memory.told["c"]
        for looker in self.lookers:
            known = {*PEOPLE} - {looker.user_id} | ({CUSTOMER} if looker.is_agent else set())
            if self.memory.mode == "broadcast":
                assert looker.count == len(self.memory.told["p"])
            else:
                known &= self.board._onlookers[looker][0]
            for user in known:
                if user in looker.seen:
                    assert looker.seen[user] == truth.get(user, "offline"), f"{user} as {looker.user_id} sees it"


TestTelling = Telling.TestCase
TestTelling.settings = settings(max_examples=100, stateful_step_count=30, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink])
