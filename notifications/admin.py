"""Writing to users, and seeing what they were told, in Django's admin. All of it goes through the services."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from notifications import services
from notifications.announcements import announce, deliver, reach
from notifications.forms import SOURCE, ComposeForm
from notifications.models import Announcement, Notification

SHOWN: Final = 30  # chosen users that a preview names
MOST_RESENT: Final = 500  # by one action: each is a transaction of its own while somebody waits


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What was said stays as it was said; only the actions change anything."""

    show_full_result_count = False
    list_title: ClassVar[Promise]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": self.list_title, **(extra_context or {})})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_title = gettext_lazy("What users were told")
    list_display = ["title", "recipient", "type", "status", "source", "created_at"]
    list_filter = ["status", "type"]
    list_select_related = ["user"]
    search_fields = ["title", "message", "user__username", "user__display_name"]
    search_help_text = gettext_lazy("Search in titles, messages and names.")
    date_hierarchy = "created_at"
    ordering = ["-pk"]
    actions = ["mark_read", "resend"]
    fields = ["user", "type", "title", "message", "link", "data", "source", "status", "created_at", "read_at", "announcement"]

    @admin.display(description=gettext_lazy("recipient"), ordering="user__username")
    def recipient(self, notification: Notification) -> str:
        user = notification.user
        return f"{user.display_name} ({user.username})" if user.display_name else user.username

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Compose: first written, then previewed with the number of recipients, then sent."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ComposeForm(request.POST or None, may_choose=request.user.has_perm("accounts.view_user"))
        if not form.is_valid() or "_edit" in request.POST:
            return self._page(request, "compose", form=form)
        if "_send" in request.POST:
            return self._send(request, form)
        found = reach(type=form.cleaned_data["type"], **form.addressed())
        # By username too: two people may be shown under the same name.
        users = list(form.cleaned_data.get("users") or ())
        return self._page(request, "preview", form=form, reach=found, key=uuid.uuid4(), users=users[:SHOWN], more_users=len(users) > SHOWN)

    def _page(self, request: HttpRequest, name: str, **context: Any) -> HttpResponse:
        template = f"admin/notifications/notification/{name}.html"
        site = self.admin_site.each_context(request)
        return TemplateResponse(request, template, {**site, "opts": self.opts, "title": _("Compose a notification"), "media": self.media, **context})

    def _send(self, request: HttpRequest, form: ComposeForm) -> HttpResponse:
        words = {name: form.cleaned_data[name] for name in ("type", "title", "message", "link")}
        # The key comes from the preview, so that a second click, or a reload, sends nothing again.
        key = _uuid(request.POST.get("key", ""))
        if Announcement.objects.filter(key=key).exists():
            self.message_user(request, _("This was sent already. Nothing was sent again."), messages.WARNING)
            return self._to_list()
        try:
            announcement = announce(sender=User.objects.get(pk=request.user.pk), key=key, source=SOURCE, **words, **form.addressed())
        except ValidationError as error:
            form.add_error(None, ValidationError(error.messages))
            return self._page(request, "compose", form=form)
        except DatabaseError:
            self.message_user(request, _("It broke off. Look at the announcements, and continue it there."), messages.ERROR)
            return self._to_list()
        self.log_addition(request, announcement, [{"added": {}}])
        text = ngettext("%(count)d user has it.", "%(count)d users have it.", announcement.told) % {"count": announcement.told}
        self.message_user(request, text, messages.SUCCESS)
        return self._to_list()

    def _to_list(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:notifications_notification_changelist", current_app=self.admin_site.name))

    def delete_model(self, request: HttpRequest, obj: Notification) -> None:
        services.delete(notifications=Notification.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        services.delete(notifications=queryset)

    @admin.action(description=gettext_lazy("Mark as read"), permissions=["change"])
    def mark_read(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        count = services.set_status(notifications=queryset, status="read")
        text = ngettext("%(count)d notification is now read.", "%(count)d notifications are now read.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)

    @admin.action(description=gettext_lazy("Send again"), permissions=["add"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        rows = list(queryset.select_related("user").order_by("pk")[: MOST_RESENT + 1])
        if len(rows) > MOST_RESENT:
            self.message_user(request, _("Choose at most %(n)d.") % {"n": MOST_RESENT}, messages.ERROR)
            return
        count = 0
        for row in rows:
            same = {name: getattr(row, name) for name in ("type", "title", "message", "link", "data", "source")}
            try:
                count += len(services.notify(users=row.user_id, **same))
            except ValidationError as error:
                text = _("Not sent again to %(user)s: %(problem)s") % {"user": row.user, "problem": " ".join(error.messages)}
                self.message_user(request, text, messages.ERROR)
        text = ngettext("%(count)d notification was sent again.", "%(count)d notifications were sent again.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)


class Delivery(admin.SimpleListFilter):
    title = gettext_lazy("delivery")
    parameter_name = "delivery"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("complete", _("complete")), ("open", _("under way or broken off"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Announcement]) -> QuerySet[Announcement]:
        if self.value() not in ("complete", "open"):
            return queryset
        return queryset.filter(completed_at__isnull=self.value() == "open")


@admin.register(Announcement)
class AnnouncementAdmin(ReadOnlyAdmin):
    list_title = gettext_lazy("What was written to many")
    list_display = ["title", "audience", "type", "told", "complete", "sender", "created_at"]
    list_filter = ["audience", Delivery]
    list_select_related = ["sender"]
    search_fields = ["title", "message"]
    date_hierarchy = "created_at"
    ordering = ["-pk"]
    actions = ["continue_delivery"]
    fields = ["audience", "user_ids", "type", "title", "message", "link", "data", "source", "sender", "created_at", "told", "completed_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Who may continue an announcement: whoever may compose one."""
        return request.user.has_perm("notifications.add_notification")

    @admin.display(description=gettext_lazy("complete"), boolean=True)
    def complete(self, announcement: Announcement) -> bool:
        return announcement.completed_at is not None

    @admin.action(description=gettext_lazy("Continue those that broke off"), permissions=["send"])
    def continue_delivery(self, request: HttpRequest, queryset: QuerySet[Announcement]) -> None:
        count = sum(deliver(each) for each in queryset.filter(completed_at=None).order_by("pk"))
        text = ngettext("%(count)d more user has it.", "%(count)d more users have it.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()
