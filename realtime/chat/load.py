"""How busy agents are and whether they are here, as staff is shown it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils.translation import gettext as _

from accounts.models import Agent, Role
from realtime.chat.models import Attendance, Session
from realtime.presence import services
from realtime.presence.store import OFFLINE, ONLINE


@dataclass(frozen=True, slots=True)
class Load:
    """How an agent is now. `status` is None where it is not known: Redis is away, or has just lost its memory.

    `gone_since` and `idle_since` are what routing remembers of it.
    """

    serving: int
    most: int
    serves: bool
    status: str | None
    connections: int
    gone_since: datetime | None
    idle_since: datetime | None

    @property
    def shown(self) -> str:
        """Its open sessions, of how many."""
        return _("%(count)d of %(most)d") % {"count": self.serving, "most": self.most}

    @property
    def status_name(self) -> str:
        """In the active language."""
        names = {ONLINE: _("online"), "away": _("away"), "busy": _("busy"), OFFLINE: _("offline")}
        return names.get(self.status or "", _("unknown"))

    @property
    def available(self) -> bool | None:
        """Whether it would be given one more session; None where that is not known. Within presence's grace it is online without a connection."""
        if not self.serves or self.serving >= self.most:
            return False
        return None if self.status is None else (self.status == ONLINE and self.connections > 0)


def loads(agents: Iterable[Agent]) -> dict[int, Load]:
    """Of each of these agents, by its number. Two queries and one question to Redis, of however many; their users have to be selected with them."""
    agents = list(agents)
    ids = [agent.pk for agent in agents]
    open_ones = Session.objects.filter(agent__in=ids, status=Session.Status.OPEN).values_list("agent")
    serving = dict(open_ones.annotate(Count("pk")).order_by())
    attendance = Attendance.objects.in_bulk(ids)
    told = services.statuses(ids)

    def load(agent: Agent) -> Load:
        seen = attendance.get(agent.pk)
        status, connections = told[agent.pk] if told is not None else (None, 0)
        return Load(
            serving=serving.get(agent.pk, 0),
            most=agent.max_sessions,
            serves=agent.user.is_active and agent.user.role == Role.AGENT,
            status=status,
            connections=connections,
            gone_since=seen.gone_since if seen else None,
            idle_since=seen.idle_since if seen else None,
        )

    return {agent.pk: load(agent) for agent in agents}
