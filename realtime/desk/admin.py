"""Canned replies, and where customers get their answers by mail, in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from realtime.desk.models import CannedReply, Contact


@admin.register(CannedReply)
class CannedReplyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["shortcut", "beginning"]
    search_fields = ["shortcut", "text"]
    search_help_text = _("Search in shortcuts and texts.")
    ordering = ["shortcut"]

    @admin.display(description=_("text"))
    def beginning(self, reply: CannedReply) -> str:
        return Truncator(reply.text).chars(80)


@admin.register(Contact)
class ContactAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Customers leave their addresses themselves; staff sees them, and may delete them."""

    list_display = ["customer", "email", "mailed_at", "tries"]
    list_select_related = ["customer"]
    search_fields = ["customer__display_name", "email"]
    search_help_text = _("Search in names and addresses.")
    fields = ["customer", "email", "created_at", "mailed_at", "tries"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
