"""The form in which staff gives sessions to an agent."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Agent, Role
from realtime.chat.load import loads


class AssignForm(forms.Form):
    """Each agent is shown with how busy it is, the least busy first."""

    to = forms.TypedChoiceField(label=_("Agent"), coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agents = list(Agent.objects.filter(user__is_active=True, user__role=Role.AGENT).select_related("user"))
        load = loads(agents)
        agents.sort(key=lambda agent: (not load[agent.pk].available, load[agent.pk].serving, agent.user.shown_name))
        self.fields["to"].choices = [  # type: ignore[attr-defined]
            (agent.pk, f"{agent.user.shown_name} ({agent.user.username}): {load[agent.pk].shown}, {load[agent.pk].status_name}") for agent in agents
        ]
