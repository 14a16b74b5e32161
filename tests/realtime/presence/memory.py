"""What a board stands between, without Redis and without sockets: a memory of who was told what, and who looks on."""

from __future__ import annotations

import json
from typing import Any

from realtime.presence.board import Board
from realtime.presence.store import Answer, Change

PEOPLE = range(1, 6)
CUSTOMER = 9


class Looker:
    """A socket of the community site that counts and knows who is online by what it is told."""

    def __init__(self, board: Board, user_id: int, *, is_agent: bool = False, counts: bool = True, sees_all: bool = True) -> None:
        self.sees_all = sees_all
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
