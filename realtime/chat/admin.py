"""Looking at what people wrote, in Django's admin."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from notifications.admin import ReadOnlyAdmin
from realtime.chat.models import DirectMessage


@admin.register(DirectMessage)
class DirectMessageAdmin(ReadOnlyAdmin):
    """Deleting is left to who has the right to: Django would let nobody delete a user whose messages it may not delete."""

    list_title = gettext_lazy("What people wrote to each other")
    list_display = ["text", "sender", "recipient", "created_at"]
    list_select_related = ["sender", "recipient"]
    search_fields = ["text", "sender__username", "recipient__username"]
    date_hierarchy = "created_at"
    ordering = ["-pk"]
    fields = ["public_id", "sender", "recipient", "text", "client_message_id", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
