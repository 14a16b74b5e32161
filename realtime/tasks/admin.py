"""Tasks in Django's admin: to look at, and to ask them to stop."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms.utils import flatatt
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from notifications.admin import ReadOnlyAdmin
from realtime.tasks import services
from realtime.tasks.events import why
from realtime.tasks.models import Task

MOST: Final = 100  # tasks of one action
NOTHING: Final = "-"  # as Django shows what is empty
FIELDS: Final[list[Any]] = [
    *("public_id", "owner", "source", "title", "status", "stop", "how_far", "step", "total_steps", "message", "result", "reason"),
    *("notify", "link", "version", "timeout", "created_at", "updated_at", "alive_until", "silent", "cancel_requested_at", "ended_at"),
]


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    list_title = gettext_lazy("Tasks, and how far they are")
    list_display = ["title", "owner", "state", "how_far", "source", "begun", "last_report"]
    list_filter = ["status", "source", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["public_id", "title", "owner__username", "owner__display_name"]
    search_help_text = gettext_lazy("Search in ids, titles and owners' names.")
    ordering = ["-pk"]
    actions = ["ask_to_stop"]
    fields = FIELDS
    readonly_fields = ["how_far", "reason", "stop"]

    class Media:
        css: ClassVar = {"all": ["realtime/tasks-admin.css"]}  # the admin's policy lets no style in that stands in a page

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Task | None = None) -> bool:
        # Its program would go on, and its owner would never learn of an end.
        return (obj is None or obj.has_ended) and super().has_delete_permission(request, obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, and what the button of a task's page does."""
        number = request.POST.get("_stop", "")
        if number.isdecimal() and len(number) < 19:
            if not self.has_change_permission(request):
                raise PermissionDenied
            self.ask_to_stop(request, Task.objects.filter(pk=number))
            return HttpResponseRedirect(reverse("admin:tasks_task_change", args=[number], current_app=self.admin_site.name))
        return super().changelist_view(request, extra_context)

    def get_fields(self, request: HttpRequest, obj: Task | None = None) -> list[Any]:
        return [name for name in FIELDS if name != "stop" or self.has_change_permission(request)]

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, task: Task) -> str:
        asked = [_("Was asked to stop")] if task.cancel_requested and not task.has_ended else []
        return format_html_join(mark_safe("<br>"), "{}", ((each,) for each in [task.get_status_display(), *asked]))

    @admin.display(description=gettext_lazy("progress"), ordering="progress")
    def how_far(self, task: Task) -> str:
        """A bar, and the same in words. Where nothing is known it has no value, which browsers show as being at work."""
        if task.has_ended or task.total_steps or task.progress:
            text = f"{int(task.progress)} %"  # rounded, what is almost done would be done
            return format_html('<progress max="100" value="{}"{}></progress> {}', round(task.progress, 1), _bar(text), text)
        text = ngettext("%(count)d step", "%(count)d steps", task.step) % {"count": task.step}
        return format_html("<progress{}></progress> {}", _bar(text), text)

    @admin.display(description=gettext_lazy("why it ended"))
    def reason(self, task: Task) -> str:
        return why(task) if task.status in (Task.Status.FAILED, Task.Status.CANCELLED) else NOTHING

    @admin.display(description=gettext_lazy("begun"), ordering="created_at")
    def begun(self, task: Task) -> str:
        return _when(task.created_at)

    @admin.display(description=gettext_lazy("last report"), ordering="updated_at")
    def last_report(self, task: Task) -> str:
        return _when(task.updated_at)

    @admin.display(description=gettext_lazy("stop"))
    def stop(self, task: Task) -> str:
        """A button. It is sent with the form that the page has anyway, to the list."""
        if task.has_ended:
            return NOTHING
        if task.cancel_requested:
            return _("Was asked to stop")
        to = reverse("admin:tasks_task_changelist", current_app=self.admin_site.name)
        button = '<button class="button task-stop" name="_stop" value="{}" formaction="{}">{}</button>'
        return format_html(button, task.pk, to, _("Ask to stop"))

    @admin.action(description=gettext_lazy("Ask to stop"), permissions=["change"])
    def ask_to_stop(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        """It is up to the work to stop, so nothing has ended yet."""
        rows = list(queryset[: MOST + 1])
        if len(rows) > MOST:
            self.message_user(request, _("Choose at most %(n)d.") % {"n": MOST}, messages.ERROR)
            return
        asked = [row for row in rows if services.request_cancel(tasks=Task.objects.filter(pk=row.pk))]
        for row in asked:
            self.log_change(request, row, "Asked to stop.")
        if count := len(asked):
            text = ngettext("%(count)d task was asked to stop.", "%(count)d tasks were asked to stop.", count) % {"count": count}
            self.message_user(request, text, messages.SUCCESS)
        if count := len(rows) - len(asked):
            text = ngettext("%(count)d task has ended, or was asked before.", "%(count)d tasks have ended, or were asked before.", count)
            self.message_user(request, text % {"count": count}, messages.WARNING)


def _bar(text: str) -> str:
    return flatatt({"aria-label": text, "class": "task-bar"})


def _when(moment: datetime) -> str:
    """The time for today and else the date: two whole ones would push a row out of the window."""
    at = localtime(moment)
    short = at.strftime("%H:%M:%S" if at.date() == localdate() else "%Y-%m-%d")
    whole = at.strftime("%Y-%m-%d %H:%M:%S %Z")
    return format_html('<time class="task-time" datetime="{}" title="{}">{}</time>', at.isoformat(), whole, short)
