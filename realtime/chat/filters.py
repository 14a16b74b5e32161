"""What support sessions are narrowed by in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Agent
from realtime.chat.models import Session


class AgentFilter(admin.SimpleListFilter):
    title = gettext_lazy("agent")
    parameter_name = "agent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        agents = Agent.objects.select_related("user").order_by("user__display_name", "pk")
        return [("none", _("nobody")), *((str(agent.pk), agent.user.shown_name) for agent in agents)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> QuerySet[Session]:
        value = self.value()
        if value not in {str(known) for known, _name in self.lookup_choices}:
            return queryset
        return queryset.filter(agent=None if value == "none" else int(value))


class ChannelFilter(admin.SimpleListFilter):
    title = gettext_lazy("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        # Whoever makes a customer names its channel, so there may be any number.
        return [(each, each) for each in Session.objects.order_by("channel").values_list("channel", flat=True).distinct()[:50]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> QuerySet[Session]:
        return queryset.filter(channel=self.value()) if self.value() else queryset
