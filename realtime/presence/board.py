"""The board: what this worker's sockets have been told of who is here.

Each change has a number, and each number is told once. What is missing, because a push was lost or
Redis has forgotten, is seen by the next tick of the roster, which fetches how things stand; the
difference to what stands here is told then. So counting from `connected` by one each stays exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from msgspec import Raw

from notifications.wire import encode
from realtime.presence.events import Presence, PresenceData, Typing, TypingData, UserStatus, UserStatusData
from realtime.presence.store import OFFLINE, ONLINE, Answer, Change

GROUP: Final = "presence"
"""The channel layer's group in which all workers hear of changes."""
_MOST_AHEAD: Final = 1000  # changes kept for those before them; with more missing, all is fetched anyway


class Onlooker(Protocol):
    """A socket of a member or an agent that is told of others."""

    is_agent: bool
    sees_all: bool  # or only those whom it watches, always
    counts: bool  # by `user_status`; others are told by `presence` of who comes and goes, too
    counted: bool  # its own user stands in the count that it goes on from: it is never told of itself

    @property
    def user_id(self) -> int: ...
    def tell(self, frame: str) -> None: ...
    def greet(self) -> None: ...  # with `connected` anew


class Board:
    """What one event loop's sockets have been told."""

    def __init__(self) -> None:
        self.era = ""
        self.version = 0
        self.online = 0
        self.broadcasts = True
        self._told: dict[str, dict[int, str]] = {"p": {}, "c": {}}  # of all, or of whom somebody watches
        self._ahead: dict[int, Change] = {}
        self._stale = False
        self._expected = 0  # the version at the last tick
        self._onlookers: dict[Onlooker, tuple[frozenset[int], frozenset[str]]] = {}
        self._guests: dict[Onlooker, tuple[frozenset[int], frozenset[str]]] = {}  # those that never see all
        self._watchers: defaultdict[int, set[Onlooker]] = defaultdict(set)
        self._readers: defaultdict[str, set[Onlooker]] = defaultdict(set)

    # Who looks

    def add(self, onlooker: Onlooker) -> None:
        """Tell a socket from now on."""
        self._wants(onlooker).setdefault(onlooker, (frozenset(), frozenset()))

    def remove(self, onlooker: Onlooker) -> None:
        """Tell it no more."""
        wants = self._wants(onlooker)
        if onlooker in wants:
            self.watch(onlooker, (), ())
            del wants[onlooker]

    def watch(self, onlooker: Onlooker, user_ids: Iterable[int], contexts: Iterable[str]) -> frozenset[int]:
        """Whom and what a socket wants above the limit of a broadcast, instead of what it wanted before. Returns who is new."""
        wants = self._wants(onlooker)
        if onlooker not in wants:
            return frozenset()
        users_before, contexts_before = wants[onlooker]
        users, wanted = frozenset(user_ids), frozenset(contexts)
        _exchange(self._watchers, onlooker, users_before, users)
        _exchange(self._readers, onlooker, contexts_before, wanted)
        wants[onlooker] = users, wanted
        if not self.broadcasts:
            self._forget_unwatched()
        return users - users_before

    def watched(self) -> list[int]:
        """Everybody who is watched here."""
        return list(self._watchers)

    def count_for(self, user_id: int, *, shown: bool = False) -> int:
        """How many are online, for this user; with oneself, if it is `shown` to others, though that has not been told yet."""
        return self.online + (shown and self.broadcasts and user_id not in self._told["p"])

    def status(self, user_id: int, *, to_agent: bool = False) -> str:
        """How somebody is, as far as it is known here; agents see customers, too."""
        return self._told["p"].get(user_id) or (to_agent and self._told["c"].get(user_id)) or OFFLINE

    # What changes

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take what the channel layer says."""
        if message["type"] == "presence.changed":
            self.take(message["era"], [Change(*each) for each in message["changes"]])
        elif message["type"] == "presence.typing":
            self._tell_typing(message["user_id"], message["context"], message["is_typing"])

    def take(self, era: str, changes: Iterable[Change]) -> None:
        """Tell what comes next; keep what comes later, and drop what was told."""
        if era != self.era:
            return  # the next tick sees it
        for change in changes:
            if change.version > self.version and len(self._ahead) < _MOST_AHEAD:
                self._ahead[change.version] = change
        while (change_now := self._ahead.pop(self.version + 1, None)) is not None:
            self.version += 1
            self._apply(change_now)

    def behind(self, answer: Answer) -> bool:
        """Whether how things stand has to be fetched: something did not come, or is not what it was."""
        expected, self._expected = self._expected, answer.version
        if answer.young and self.era:
            return False  # or who has not come back yet would be told to be gone
        missed = self.version < min(expected, answer.version)
        return missed or self._stale or answer.era != self.era or answer.version < self.version

    def doubt(self) -> None:
        """Redis may have gone back to what it knew earlier, and have counted on from there: its numbers say nothing."""
        self._stale = True
        self._ahead.clear()

    def restore(self, answer: Answer, *, asked_at: int) -> None:
        """Take how things stand, and tell what of it was not told. `asked_at`: the version here when it was asked for."""
        if answer.era == self.era and answer.version < self.version != asked_at:
            return  # it was overtaken by what was heard meanwhile
        if answer.era != self.era:
            self._ahead.clear()
        returns = answer.mode == "broadcast" and not self.broadcasts
        self.broadcasts = answer.mode == "broadcast" and not returns  # those who watch are told the difference, too
        self.era, self.version, self.online, self._stale = answer.era, answer.version, answer.online, False
        self._ahead = {version: change for version, change in self._ahead.items() if version > self.version}
        now = datetime.now(UTC)
        for kind, told in self._told.items():
            listed = iter(answer.said[kind])
            stands = {int(user): status for user, status in zip(listed, listed, strict=True)}
            self._told[kind] = stands
            for user in told.keys() | stands.keys():
                self._tell(kind, user, told.get(user, OFFLINE), stands.get(user, OFFLINE), now)
        self.broadcasts |= returns
        self._greet(self._onlookers, anyway=returns)
        self._expected = self.version
        self.take(self.era, ())  # what was heard before this came

    def learn(self, asks: Onlooker, kind: str, statuses: Mapping[int, str]) -> None:
        """How those are whom somebody begins to watch. Others who watch them are told now what has not been told yet."""
        for user in () if self.broadcasts else statuses.keys() & self._watchers.keys():
            self._turn(kind, user, statuses[user], datetime.now(UTC), but=asks)

    def _apply(self, change: Change) -> None:
        if change.kind == "mode":
            if change.status == "broadcast":
                self._stale = True  # what nobody watched is not known here
            else:
                self.broadcasts = False
                self._forget_unwatched()
            return
        kind, user = change.who[0], int(change.who[2:])
        if kind == "p":
            self.online += {"online": 1, "offline": -1}.get(change.kind, 0)
        own = self._turn(kind, user, change.status, datetime.fromtimestamp(change.at / 1000, UTC))
        self._greet(own)

    def _turn(self, kind: str, user: int, status: str, at: datetime, *, but: Onlooker | None = None) -> list[Onlooker]:
        told = self._told[kind]
        before = told.pop(user, OFFLINE)
        if status != OFFLINE and (self.broadcasts or user in self._watchers):
            told[user] = status
        return self._tell(kind, user, before, status, at, but=but)

    def _forget_unwatched(self) -> None:
        for kind, told in self._told.items():
            self._told[kind] = {user: status for user, status in told.items() if user in self._watchers}

    # What is told

    def _tell(self, kind: str, user: int, before: str, after: str, at: datetime, *, but: Onlooker | None = None) -> list[Onlooker]:
        """Returns the user's own sockets: they are not told."""
        audience = self._audience(self._watchers.get(user, ())) if before != after else []
        own: list[Onlooker] = []
        if not audience:
            return own
        crosses = OFFLINE in (before, after)
        came = encode(UserStatus(data=UserStatusData(user_id=user, status="offline" if after == OFFLINE else "online", timestamp=at))) if crosses else ""
        how = presence_frame(user, after)
        for each in audience:
            if each.user_id == user:
                own.append(each)
                continue
            if each is but or (kind == "c" and not each.is_agent):
                continue
            if came and kind == "p" and each.counts:
                each.tell(came)
                if after in (ONLINE, OFFLINE):
                    continue
            each.tell(how)
        return own

    def _greet(self, onlookers: Iterable[Onlooker], *, anyway: bool = False) -> None:
        """Begin their counts anew, where oneself is in or out of it otherwise than was counted from."""
        for each in list(onlookers):
            if each.counts and self.broadcasts and (anyway or each.counted != (each.user_id in self._told["p"])):
                each.greet()

    def _tell_typing(self, user: int, context: str, is_typing: bool) -> None:
        frame = encode(Typing(data=TypingData(user_id=user, is_typing=is_typing, context=context)))
        for each in self._audience(self._readers.get(context, ())):
            if each.sees_all and each.user_id != user:
                each.tell(frame)

    def _audience(self, watchers: Collection[Onlooker]) -> list[Onlooker]:
        if not self.broadcasts:
            return list(watchers)
        return [*self._onlookers, *(each for each in watchers if not each.sees_all)] if self._guests else list(self._onlookers)

    def _wants(self, onlooker: Onlooker) -> dict[Onlooker, tuple[frozenset[int], frozenset[str]]]:
        return self._onlookers if onlooker.sees_all else self._guests


def presence_frame(user: int, status: str) -> str:
    """The `presence` frame for a status as it is kept: a word, and after a space what else was said."""
    word, _space, data = status.partition(" ")
    return encode(Presence(data=PresenceData(user_id=user, status=word, data=Raw(data.encode() or b"{}"))))  # type: ignore[arg-type]


def _exchange(index: defaultdict[Any, set[Onlooker]], onlooker: Onlooker, before: frozenset[Any], after: frozenset[Any]) -> None:
    for each in before - after:
        index[each].discard(onlooker)
        if not index[each]:
            del index[each]
    for each in after - before:
        index[each].add(onlooker)
