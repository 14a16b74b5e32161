"""Who serves whom.

Every decision is made under one row, then the sessions, then (as all that tells) the inboxes: so no
session is given away twice, and no agent gets more than it may have, however many workers decide.

Nobody counts as gone because of a Redis that does not answer or has lost its memory: only what Redis
has seen for longer than the grace counts.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Count, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.executor import in_thread
from accounts.models import Agent, Role, User
from accounts.redis import RedisAway
from notifications.transactions import retried
from realtime.chat.appending import append_words, store
from realtime.chat.locking import locked
from realtime.chat.models import Attendance, Message, Participant, Routing, Session, Transfer
from realtime.chat.telling import Reason, Telling
from realtime.chat.words import HANDED_BACK, TAKEN_OVER
from realtime.presence import store as presence
from realtime.presence.services import word

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 50  # sessions given away in one transaction
_HISTORY: Final = 200  # unanswered messages that a new agent's sockets are sent; the rest it reads over REST
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_SESSIONS: Final = Agent._meta.get_field("max_sessions").default


@dataclass(frozen=True, slots=True)
class Here:
    """Which agents are here, as Redis has it. `age`: for how many seconds it has seen that; 0: others may be here and come back yet."""

    available: frozenset[int]
    connected: frozenset[int]
    age: float


def here() -> Here | None:
    """None: nothing is known, because Redis does not answer. Ask before a transaction begins."""
    agents = list(User.objects.filter(role=Role.AGENT, is_active=True).values_list("pk", flat=True))
    try:
        answer = presence.step("attend", users=[str(each) for each in agents])
    except RedisAway as error:
        logger.info("It is not known which agents are here: %s", error)
        return None
    people = list(zip(agents, answer.said["people"], strict=True))
    connected = frozenset(agent for agent, (_told, connections) in people if connections)
    available = frozenset(agent for agent, (told, connections) in people if connections and word(told) == presence.ONLINE)
    return Here(available, connected, 0.0 if answer.young else answer.said["age"] / 1000)


def lock() -> None:
    """Take the row that all decisions are made under, until the transaction ends. Nothing else may be locked yet."""
    Routing.objects.select_for_update(no_key=True).get(pk=1)


class Desk:
    """The agents who can take another session. Made under the lock, and good for that transaction."""

    def __init__(self, present: Here | None) -> None:
        serving = Count("serving", filter=Q(serving__status=Session.Status.OPEN))
        found = User.objects.filter(pk__in=present.available if present else (), role=Role.AGENT, is_active=True).annotate(
            open=serving, most=Coalesce("agent__max_sessions", _MAX_SESSIONS), idle=Coalesce("attendance__idle_since", _LONG_AGO)
        )
        self._agents: dict[int, User] = {user.pk: user for user in found}
        self._most: dict[int, int] = {user.pk: user.most for user in found}
        self._load: dict[int, tuple[int, datetime, int]] = {user.pk: (user.open, user.idle, user.pk) for user in found if user.open < user.most}

    def pick(self, *, prefer: int | None = None) -> User | None:
        """The one with the fewest sessions, of these the longest idle; `prefer` before all, if it can. Counts it as taken."""
        if not self._load:
            return None
        chosen = prefer if prefer in self._load else min(self._load.values())[2]
        count = self._load[chosen][0] + 1
        self._load[chosen] = (count, timezone.now(), chosen)
        if count >= self._most[chosen]:
            del self._load[chosen]
        return self._agents[chosen]


def assign(
    session: Session, agent: User, telling: Telling, *, reason: Transfer.Reason, event: Reason = "assigned", by: User | None = None, note: str = ""
) -> None:
    """Give a locked session to an agent: it is told of it, and gets what the customer has written since the last answer."""
    now, left = timezone.now(), session.agent
    Transfer.objects.create(session=session, reason=reason, from_agent=left, to_agent=agent, by=by, note=note, created_at=now)
    Participant.objects.get_or_create(session=session, user=agent)
    # An absence noted on an earlier day says nothing of this one: from now on the agent has its whole grace.
    Attendance.objects.update_or_create(agent=agent, defaults={"idle_since": now, "gone_since": None})
    waited = session.status == Session.Status.WAITING
    session.agent, session.status, session.assigned_at, session.waiting_since = agent, Session.Status.OPEN, now, None
    session.save()
    telling.session(session, event, also=[left] if left is not None else (), note=note)
    for message in _unanswered(session):
        telling.message(message, only=agent)
    if left is not None and left.pk != agent.pk:
        say(session, "transferred" if by is not None else TAKEN_OVER, telling, left=left.display_name, agent=agent.display_name)
    if waited:
        telling.queue()


def say(session: Session, code: str, telling: Telling, **values: str) -> None:
    """Have the system say something in a locked session."""
    message = append_words(session, code, **values)
    store([message])
    telling.message(message)


def wait(session: Session, since: datetime, telling: Telling, *, event: Reason) -> None:
    """Put a locked session into the queue."""
    left = session.agent
    session.agent, session.status, session.waiting_since = None, Session.Status.WAITING, since
    session.save()
    telling.session(session, event, also=[left] if left is not None else ())
    telling.queue()


def give_waiting(desk: Desk, telling: Telling) -> None:
    """Give what waits to whoever is free, the oldest first. The lock is held."""
    waiting = Session.objects.filter(status=Session.Status.WAITING)
    oldest = list(waiting.order_by("waiting_since", "pk").values_list("pk", flat=True)[:_AT_ONCE])
    rows = {session.pk: session for session in locked(oldest) if session.status == Session.Status.WAITING}
    for pk in oldest:
        session = rows.get(pk)
        agent = desk.pick() if session is not None else None
        if session is not None and agent is not None:
            assign(session, agent, telling, reason=Transfer.Reason.ROUTED)


def _unanswered(session: Session) -> Iterable[Message]:
    if session.owed_since is None:
        return []
    said = Message.objects.filter(session=session, is_note=False).order_by("-order")
    answer = said.filter(sender_type=Message.SenderType.AGENT).values_list("order", flat=True).first() or 0
    # What stood before the session was closed and opened again waits for no answer, and whoever had it has it.
    owed = said.filter(created_at=session.owed_since).values_list("order", flat=True).last() or 0
    customers = said.filter(sender_type=Message.SenderType.CUSTOMER, order__gt=answer, order__gte=owed)
    found = list(customers.select_related("sender")[:_HISTORY])
    for message in found:
        message.session = session
    return reversed(found)


# Agents come and go


async def tick() -> None:
    """Due every second, in every worker: one of them looks who has come or gone."""
    await in_thread(sweep)


def attend(agent_id: int) -> None:
    """An agent has connected: nobody takes anything from it who looked before that, and it gets what waits, before its socket is sent what it has missed."""
    Attendance.objects.filter(agent=agent_id, gone_since__isnull=False).update(gone_since=None)
    if Session.objects.filter(status=Session.Status.WAITING).exists():
        present = here()
        if present is not None and agent_id in present.available:
            _give(present, ())


def sweep(*, at_once: bool = False) -> None:
    """Give away what waits, and what was left by agents that are gone. Only one worker does it each second, unless it is to be done `at_once`."""
    if not _due(at_once=at_once):
        return
    present = here()
    if present is None:
        return
    serving = set(Session.objects.filter(status=Session.Status.OPEN, agent__isnull=False).values_list("agent", flat=True).distinct())
    _note_absence(serving - present.connected if present.age else (), present.connected)
    lost = _lost(present)
    if lost or Session.objects.filter(status=Session.Status.WAITING).exists():
        _give(present, lost)


def _due(*, at_once: bool) -> bool:
    if not Session.objects.exclude(status=Session.Status.CLOSED).exists():
        return False
    now = timezone.now()
    before = now - timedelta(seconds=0 if at_once else 0.9 * settings.SWITCHBOARD.keeper_interval)
    return Routing.objects.filter(pk=1, swept_at__lte=before).update(swept_at=now) == 1 or at_once


def _note_absence(absent: Collection[int], connected: Collection[int]) -> None:
    known = set(Attendance.objects.filter(gone_since__isnull=False).values_list("agent", flat=True))
    returned, left = known & set(connected), set(absent) - known
    if returned:
        Attendance.objects.filter(agent__in=returned).update(gone_since=None)
    for agent in left:
        Attendance.objects.update_or_create(agent_id=agent, defaults={"gone_since": timezone.now()})


def _lost(present: Here) -> set[int]:
    """What has not been answered by agents that have been gone for the grace."""
    owed = Session.objects.filter(status=Session.Status.OPEN, owed_since__isnull=False)
    grace = settings.SWITCHBOARD.support_grace
    lost: set[int] = set()
    if present.age >= grace:
        gone = Attendance.objects.filter(gone_since__lte=timezone.now() - timedelta(seconds=grace)).values("agent")
        lost |= set(owed.filter(agent__in=gone).values_list("pk", flat=True)[:_AT_ONCE])
    # Whoever was deleted, or is no agent any more, does not come back.
    return lost | set(owed.exclude(agent__role=Role.AGENT, agent__is_active=True).values_list("pk", flat=True)[:_AT_ONCE])


@retried
def _give(present: Here, lost: Collection[int]) -> None:
    lock()
    # Until the lock was free it may have been given to somebody else, who was not here yet when that was looked at, or its agent may have come back.
    lost = _lost(present).intersection(lost) if lost else ()
    telling, desk = Telling(), Desk(present)
    for session in sorted((each for each in locked(lost) if _is_lost(each, present)), key=lambda each: each.owed_since or _LONG_AGO):
        agent = desk.pick()
        if agent is not None:
            assign(session, agent, telling, reason=Transfer.Reason.GONE, event="transferred")
        else:
            _hand_back(session, telling)
    give_waiting(desk, telling)
    telling.send()


def _is_lost(session: Session, present: Here) -> bool:
    agent = session.agent
    if session.status != Session.Status.OPEN or session.owed_since is None:
        return False
    return agent is None or agent.role != Role.AGENT or not agent.is_active or agent.pk not in present.connected


def _hand_back(session: Session, telling: Telling) -> None:
    left = session.agent
    Transfer.objects.create(session=session, reason=Transfer.Reason.GONE, from_agent=left, to_agent=None)
    wait(session, session.owed_since or timezone.now(), telling, event="returned")
    say(session, HANDED_BACK, telling, left=left.display_name if left is not None else "")
