"""A random walk through all that can happen between Redis and a board; at its end, whoever looks on knows who is online."""

from __future__ import annotations

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from realtime.presence.board import Board
from realtime.presence.store import Answer, Change
from tests.realtime.presence.memory import CUSTOMER, PEOPLE, Looker, Memory, tick


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
