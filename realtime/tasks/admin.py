"""Tasks in Django's admin: to look at, and to ask them to stop."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms.utils import flatatt
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from notifications.admin import ReadOnlyAdmin
from realtime.tasks import services
from realtime.tasks.events import why
from realtime.tasks.models import Task

MOST: Final = 100  # tasks of one action
LISTED: Final[list[Any]] = ["title", "owner", "status", "how_far", "source", "created_at", "updated_at", "stop"]
FIELDS: Final[list[Any]] = [
    *("public_id", "owner", "source", "title", "status", "stop_here", "how_far", "step", "total_steps", "message", "result", "reason"),
    *("notify", "link", "version", "timeout", "created_at", "updated_at", "alive_until", "silent", "cancel_requested_at", "ended_at"),
]


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    list_title = gettext_lazy("Tasks, and how far they are")
    list_display = LISTED
    list_filter = ["status", "source", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["public_id", "title", "owner__username", "owner__display_name"]
    search_help_text = gettext_lazy("Search in ids, titles and owners' names.")
    ordering = ["-pk"]
    actions = ["ask_to_stop"]
    fields = FIELDS
    readonly_fields = ["how_far", "reason", "stop_here"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Task | None = None) -> bool:
        # Its program would go on, and its owner would never learn of an end.
        return (obj is None or obj.has_ended) and super().has_delete_permission(request, obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, and what the buttons do: those in it, which lead back to it, and that of a task's own page."""
        for button, back in (("_stop", request.get_full_path()), ("_stop_here", "")):
            number = request.POST.get(button, "")
            if number.isdecimal() and len(number) < 19:
                if not self.has_change_permission(request):
                    raise PermissionDenied
                self.ask_to_stop(request, Task.objects.filter(pk=number))
                return HttpResponseRedirect(back or reverse("admin:tasks_task_change", args=[number], current_app=self.admin_site.name))
        return super().changelist_view(request, extra_context)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return _allowed(LISTED, "stop", self.has_change_permission(request))

    def get_fields(self, request: HttpRequest, obj: Task | None = None) -> list[Any]:
        return _allowed(FIELDS, "stop_here", self.has_change_permission(request))

    @admin.display(description=gettext_lazy("progress"), ordering="progress")
    def how_far(self, task: Task) -> str:
        """A bar, and the same in words. Where nothing is known it has no value, which browsers show as being at work."""
        if task.has_ended or task.total_steps or task.progress:
            text = f"{task.progress:.0f} %"
            return format_html('<progress max="100" value="{:.1f}" aria-label="{}"></progress> {}', task.progress, text, text)
        text = ngettext("%(count)d step", "%(count)d steps", task.step) % {"count": task.step}
        return format_html('<progress aria-label="{}"></progress> {}', text, text)

    @admin.display(description=gettext_lazy("why it ended"))
    def reason(self, task: Task) -> str:
        return why(task) if task.status in (Task.Status.FAILED, Task.Status.CANCELLED) else ""

    @admin.display(description=gettext_lazy("stop"))
    def stop(self, task: Task) -> str:
        return _button(task, name="_stop")

    @admin.display(description=gettext_lazy("stop"))
    def stop_here(self, task: Task) -> str:
        to = reverse("admin:tasks_task_changelist", current_app=self.admin_site.name)
        return _button(task, name="_stop_here", formaction=to)

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


def _allowed(names: list[Any], button: str, may: bool) -> list[Any]:
    """Who may not ask a task to stop is shown no button."""
    return [name for name in names if may or name != button]


def _button(task: Task, **attributes: str) -> str:
    """It is sent with the form that the page has anyway."""
    if task.has_ended:
        return ""
    if task.cancel_requested:
        return _("Was asked to stop")
    text = _("Ask to stop")
    return format_html('<button class="button" value="{}" aria-label="{}"{}>{}</button>', task.pk, f"{text}: {task.title}", flatatt(attributes), text)
