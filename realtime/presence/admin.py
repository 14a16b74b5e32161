"""When people were seen last, in Django's admin; nobody writes it there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from realtime.presence.models import LastSeen


@admin.register(LastSeen)
class LastSeenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["user", "user__username", "user__role", "at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__display_name"]
    search_help_text = _("Search in names.")
    date_hierarchy = "at"
    ordering = ["-at"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
