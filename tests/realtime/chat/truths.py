"""What must be true of routing at any moment, whatever has happened before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from django.db import connection, transaction
from django.db.models import Max

from accounts.models import Agent, User
from notifications.models import Entry, Inbox
from realtime.chat.events import SUPPORT
from realtime.chat.models import Message, Session, Transfer
from tests.realtime.chat.floor import stream
from tests.realtime.chat.lines import Line

BY_ROUTING = ("routed", "gone")
SEEN = 1.0
"""Seconds from looking, under the lock, who is gone to a decision, on a machine that is busy."""
BLINK = 0.5
"""A connection shorter than this may be seen by nobody."""
ALLOWED = {
    "opened": {None},
    "assigned": {None, "waiting"},
    "transferred": {"open", "waiting"},
    "returned": {"open"},
    "closed": {"open", "waiting"},
    "reopened": {"closed"},
}
"""What a session may have been before that happens to it."""


def broken(customers: Sequence[User], agents: Sequence[Line], *, grace: float, deep: bool) -> list[str]:
    """What is not as it must be, in words. `deep`: look at all that was ever told, too."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # all of it as of one moment; with SQLite it is so anyway
        found = [*overloads(agents), *histories(customers), *taken_too_early(agents, customers, grace=grace)]
        if deep:
            found += [*holes([*customers, *(each.user for each in agents)]), *views(customers, agents), *orders(customers), *unheard(customers)]
    return found


def overloads(agents: Iterable[Line]) -> Iterable[str]:
    """Routing gives nobody more than it may have. What comes later by a claim or a transfer may exceed it."""
    for line in agents:
        most = Agent.objects.get(user=line.user).max_sessions
        last = [Transfer.objects.filter(session=each).latest("pk") for each in Session.objects.filter(agent=line.user, status="open")]
        for nth, given in enumerate(sorted(last, key=lambda each: each.pk), start=1):
            if given.reason in BY_ROUTING and nth > most:
                yield f"{line.user.username} was given {len(last)} sessions by routing and may have {most}"
                break


def histories(customers: Iterable[User]) -> Iterable[str]:
    """The transfers of each session are the way it went, and end where it is."""
    for session in Session.objects.filter(customer__in=customers).exclude(status="closed"):
        hands = list(Transfer.objects.filter(session=session).order_by("pk").values_list("from_agent", "to_agent"))
        if session.status == "open" and (not hands or hands[-1][1] != session.agent_id):
            yield f"session {session.pk} is with {session.agent_id}, and its history ends with {hands[-1:]}"
        if session.status == "waiting" and (session.agent_id is not None or session.waiting_since is None):
            yield f"session {session.pk} waits and has an agent, or no place"
        for (_from, before), (left, _to) in pairwise(hands):
            if left not in (before, None):
                yield f"session {session.pk} went from {left}, who did not have it: {hands}"


def taken_too_early(agents: Iterable[Line], customers: Iterable[User], *, grace: float) -> Iterable[str]:
    """Nobody was deprived who had not been without a connection for the whole grace."""
    lines = {line.user.pk: line for line in agents}
    for lost in Transfer.objects.filter(session__customer__in=customers, reason="gone").select_related("from_agent"):
        at = lost.created_at.timestamp()
        absences = merged(lines[lost.from_agent_id].absences)
        if not any(begin <= at - grace and at - SEEN <= end for begin, end in absences):
            yield f"{lost.from_agent} lost session {lost.session_id} at {at}, and was away only {absences}"


def merged(absences: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Those with no more than a blink between them are one."""
    found: list[tuple[float, float]] = []
    for begin, end in absences:
        if found and begin - found[-1][1] < BLINK:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def holes(people: Sequence[User]) -> Iterable[str]:
    """Everybody's numbers go from 1 to the head."""
    numbers = defaultdict(list)
    for user_id, seq in Entry.objects.filter(user__in=people).order_by("seq").values_list("user", "seq"):
        numbers[user_id].append(seq)
    for user_id, head in Inbox.objects.filter(user__in=people).values_list("user", "head"):
        if numbers[user_id] != list(range(1, head + 1)):
            yield f"the stream of {user_id} has holes or doubles: {numbers[user_id]}"


def orders(customers: Sequence[User]) -> Iterable[str]:
    """The places of a session's messages have no holes either."""
    for session in Session.objects.filter(customer__in=customers):
        found = list(Message.objects.filter(session=session).order_by("order").values_list("order", flat=True))
        if found != list(range(1, session.newest + 1)):
            yield f"the messages of session {session.pk} are {found}"


def views(customers: Sequence[User], agents: Sequence[Line]) -> Iterable[str]:
    """Who believes what it was told knows how things stand: each customer, and each agent of all it ever had."""
    sessions = {str(each.public_id): each for each in Session.objects.filter(customer__in=customers)}
    for user in customers:
        before: dict[str, tuple[str, int | None]] = {}
        for told in (frame["session"] for frame in stream(user, ["session"])):
            agent = told["agent"] and told["agent"]["userId"]
            status, last_agent = before.get(told["id"], (None, None))
            if status not in ALLOWED[told["reason"]] or (told["reason"] == "transferred" and agent == last_agent):
                yield f"{user.username} was told {told['reason']} ({agent}) of a session that was {status} ({last_agent})"
            before[told["id"]] = told["status"], agent
        for public_id, (status, agent) in before.items():
            if (status, agent) != (sessions[public_id].status, sessions[public_id].agent_id):
                yield f"{user.username} believes that its session is {status} ({agent})"
    for line in agents:
        believed = {told["id"]: told for told in (frame["session"] for frame in stream(line.user, ["session"]))}
        mine = {key for key, told in believed.items() if told["status"] == "open" and told["agent"] and told["agent"]["userId"] == line.user.pk}
        really = {key for key, each in sessions.items() if each.status == "open" and each.agent_id == line.user.pk}
        if mine != really:
            yield f"{line.user.username} believes to have {mine}, and has {really}"


def unheard(customers: Sequence[User]) -> Iterable[str]:
    """Whoever has a session was told all that it has to answer there."""
    for session in Session.objects.filter(customer__in=customers, status="open"):
        said = Message.objects.filter(session=session)
        answered = said.filter(sender_type="AGENT").aggregate(order=Max("order"))["order"] or 0
        asked = set(said.filter(sender_type="CUSTOMER", order__gt=answered).values_list("pk", flat=True))
        lacks = asked - set(Entry.objects.filter(user=session.agent_id, topic=SUPPORT, item__in=asked).values_list("item", flat=True))
        if lacks:
            yield f"{session.agent_id} was not told messages {lacks} of session {session.pk}"
