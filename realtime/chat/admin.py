"""Looking at what people wrote, and after support sessions, in Django's admin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.admin import AgentAdmin
from accounts.models import Agent, User
from notifications.admin import ReadOnlyAdmin
from realtime.chat import services
from realtime.chat.filters import AgentFilter, ChannelFilter
from realtime.chat.forms import AssignForm
from realtime.chat.load import Load, loads
from realtime.chat.models import Block, DirectMessage, Session, Transfer
from realtime.chat.transcript import lines_of, texts_of, zipped
from realtime.declined import Declined

SHOWN: Final = 1000  # messages of a session on its page
MOST: Final = 100  # sessions of one action: each is a transaction of its own while somebody waits
MOST_EXPORTED: Final = 10_000  # messages of one export, which is made in memory


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


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_title = gettext_lazy("Support sessions")
    list_display = ["customer", "agent", "status", "waiting", "first_answer", "rating", "subject", "channel", "opened_at"]
    list_filter = ["status", AgentFilter, ChannelFilter]
    search_fields = ["customer__display_name", "subject", "messages__text"]
    search_help_text = gettext_lazy("Search in customers' names, subjects and messages.")
    date_hierarchy = "opened_at"
    ordering = ["-pk"]
    actions = ["assign", "close", "export", "export_for_customer"]
    fields = [
        *("customer", "subject", "channel", "status", "agent", "opened_at", "waiting", "assigned_at"),
        *("first_answer", "written_at", "closed_at", "rating", "comment"),
    ]
    readonly_fields = ["waiting", "first_answer"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False  # it goes with its customer

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        first = Transfer.objects.filter(session=OuterRef("pk")).order_by("pk").values("created_at")[:1]
        found: QuerySet[Session] = super().get_queryset(request).select_related("customer", "agent").annotate(taken_at=Subquery(first))
        return found

    @admin.display(description=gettext_lazy("waiting time"))
    def waiting(self, session: Session) -> str:
        """Until now, or until its first agent: later ones are later stories."""
        if session.waiting_since is not None:
            return _duration(session.waiting_since, timezone.now())
        return _duration(session.opened_at, session.taken_at)  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("first answer after"))
    def first_answer(self, session: Session) -> str:
        return _duration(session.opened_at, session.answered_at)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        session: Session = kwargs["obj"]
        [lines] = lines_of([session], most=SHOWN, internal=True)
        more = {"lines": lines, "cut": session.newest > SHOWN, "shown": SHOWN, "action_choices": self.get_action_choices(request, default_choices=[])}
        return super().render_change_form(request, {**context, **more}, *args, **kwargs)

    @admin.action(description=gettext_lazy("Assign to an agent"), permissions=["change"])
    def assign(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        chosen = self._chosen(request, queryset)
        if not chosen:
            return None
        form = AssignForm(request.POST if "_assign" in request.POST else None)
        if not form.is_valid():
            site = self.admin_site.each_context(request)
            context = {**site, "opts": self.opts, "title": _("Assign to an agent"), "media": self.media, "form": form, "sessions": chosen}
            return TemplateResponse(request, "admin/chat/session/assign.html", {**context, "from_page": "_from_page" in request.POST})
        to = User.objects.get(pk=form.cleaned_data["to"])
        by = _staff(request)
        count = self._each(request, chosen, lambda session: services.assign(by=by, session=session, to=to), f"Assigned to {to.username}.")
        name = {"count": count, "agent": to.shown_name}
        text = ngettext("%(count)d session was given to %(agent)s.", "%(count)d sessions were given to %(agent)s.", count) % name
        return self._done(request, chosen, count, text)

    @admin.action(description=gettext_lazy("Close the session"), permissions=["change"])
    def close(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        chosen = self._chosen(request, queryset)
        if not chosen:
            return None
        by = _staff(request)
        count = self._each(request, chosen, lambda session: services.close(by=by, session_id=session.public_id), "Closed.")
        text = ngettext("%(count)d session is closed.", "%(count)d sessions are closed.", count) % {"count": count}
        return self._done(request, chosen, count, text)

    @admin.action(description=gettext_lazy("Export the transcript, with notes"), permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        return self._export(request, queryset, internal=True)

    @admin.action(description=gettext_lazy("Export the transcript for the customer"), permissions=["view"])
    def export_for_customer(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        return self._export(request, queryset, internal=False)

    def _export(self, request: HttpRequest, queryset: QuerySet[Session], *, internal: bool) -> HttpResponse | None:
        chosen = self._chosen(request, queryset)
        if len(chosen) > 1 and sum(min(session.newest, MOST_EXPORTED) for session in chosen) > MOST_EXPORTED:
            text = _("These have more than %(n)d messages altogether. Choose fewer sessions.") % {"n": MOST_EXPORTED}
            self.message_user(request, text, messages.ERROR)
            return None
        if not chosen:
            return None
        texts = texts_of(chosen, most=MOST_EXPORTED, internal=internal)
        for session in chosen:
            self.log_change(request, session, "Exported.")
        name, text = next(iter(texts.items()))
        kept = {"Cache-Control": "no-store"}
        if len(texts) == 1:
            return HttpResponse(text, "text/plain; charset=utf-8", headers={**kept, "Content-Disposition": f'attachment; filename="{name}"'})
        return HttpResponse(zipped(texts), "application/zip", headers={**kept, "Content-Disposition": 'attachment; filename="sessions.zip"'})

    def _chosen(self, request: HttpRequest, queryset: QuerySet[Session]) -> list[Session]:
        """At most MOST; nothing, and a message, where there are more."""
        chosen = list(queryset[: MOST + 1])
        if len(chosen) <= MOST:
            return chosen
        self.message_user(request, _("Choose at most %(n)d.") % {"n": MOST}, messages.ERROR)
        return []

    def _each(self, request: HttpRequest, chosen: list[Session], do: Callable[[Session], object], change: str) -> int:
        """Do it to each that lets it be done, and say why the others do not. Returns how many."""
        problems: Counter[str] = Counter()
        for session in chosen:
            try:
                do(session)
            except Declined as declined:
                problems[declined.text] += 1
            else:
                self.log_change(request, session, change)
        for problem, count in problems.items():
            text = ngettext("Not done for %(count)d session: %(problem)s", "Not done for %(count)d sessions: %(problem)s", count)
            self.message_user(request, text % {"count": count, "problem": problem}, messages.ERROR)
        return len(chosen) - problems.total()

    def _done(self, request: HttpRequest, chosen: list[Session], count: int, text: str) -> HttpResponse | None:
        if count:
            self.message_user(request, text, messages.SUCCESS)
        if "_from_page" not in request.POST:
            return None
        return HttpResponseRedirect(reverse("admin:chat_session_change", args=[chosen[0].pk], current_app=self.admin_site.name))


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    list_title = gettext_lazy("Customers who may not write any more")
    list_display = ["customer", "reason", "by", "created_at"]
    list_select_related = ["customer", "by"]
    search_fields = ["customer__display_name", "reason"]
    search_help_text = gettext_lazy("Search in customers' names and reasons.")
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
    actions = ["unblock"]
    fields = ["customer", "reason", "by", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Block | None = None) -> bool:
        return False  # but by unblocking, as everywhere

    def has_unblock_permission(self, request: HttpRequest) -> bool:
        """Who may let somebody write again: whoever has the right to delete a block."""
        return request.user.has_perm("chat.delete_block")

    @admin.action(description=gettext_lazy("Let them write again"), permissions=["unblock"])
    def unblock(self, request: HttpRequest, queryset: QuerySet[Block]) -> None:
        rows = list(queryset[: MOST + 1])
        if len(rows) > MOST:
            self.message_user(request, _("Choose at most %(n)d.") % {"n": MOST}, messages.ERROR)
            return
        by = _staff(request)
        done = []
        for row in rows:
            try:
                services.unblock(by=by, customer_id=row.customer_id)
            except Declined as declined:
                self.message_user(request, declined.text, messages.ERROR)
            else:
                done.append(row)
        if done:
            self.log_deletions(request, done)  # type: ignore[arg-type]  # any iterable will do
        count = len(done)
        text = ngettext("%(count)d customer may write again.", "%(count)d customers may write again.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)


class Loaded(ChangeList):
    """A page of agents, each with its load."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found = loads(self.result_list)
        for agent in self.result_list:
            agent.load = found[agent.pk]


admin.site.unregister(Agent)  # `accounts` knows nothing of sessions


@admin.register(Agent)
class ServingAgentAdmin(AgentAdmin):
    """Agents, with what they have to do."""

    list_display = ["user", "sessions", "max_sessions", "status", "available", "gone_since", "idle_since"]
    list_editable = ["max_sessions"]
    fields = ["user", "max_sessions", "sessions", "status", "available", "gone_since", "idle_since"]
    readonly_fields = ["user", "sessions", "status", "available", "gone_since", "idle_since"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Loaded

    @admin.display(description=gettext_lazy("open sessions"))
    def sessions(self, agent: Agent) -> str:
        return _load(agent).shown

    @admin.display(description=gettext_lazy("status"))
    def status(self, agent: Agent) -> str:
        return _load(agent).status_name

    @admin.display(description=gettext_lazy("available"), boolean=True)
    def available(self, agent: Agent) -> bool | None:
        return _load(agent).available

    @admin.display(description=gettext_lazy("gone since"))
    def gone_since(self, agent: Agent) -> datetime | None:
        return _load(agent).gone_since

    @admin.display(description=gettext_lazy("idle since"))
    def idle_since(self, agent: Agent) -> datetime | None:
        return _load(agent).idle_since


def _staff(request: HttpRequest) -> User:
    """Who does it; Django's admin lets nobody else here."""
    found: User = User.objects.get(pk=request.user.pk)
    return found


def _load(agent: Agent) -> Load:
    if not hasattr(agent, "load"):
        agent.load = loads([agent])[agent.pk]  # type: ignore[attr-defined]
    found: Load = agent.load  # type: ignore[attr-defined]
    return found


def _duration(begin: datetime, end: datetime | None) -> str:
    """Hours, minutes and seconds."""
    if end is None:
        return ""
    seconds = max(0, round((end - begin).total_seconds()))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
