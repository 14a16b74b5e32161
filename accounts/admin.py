"""Users, customers, agents and service keys in Django's admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import service_keys, services
from accounts.models import Agent, Customer, Revocation, Role, ServiceKey, User
from accounts.service_keys import Scope


class AgentInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Agent
    can_delete = False


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "display_name", "role")


@admin.register(User)
class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]
    list_display = ["username", "display_name", "role", "is_staff", "is_active", "last_login"]
    list_filter = ["role", "is_staff", "is_active"]
    search_fields = ["username", "display_name", "email"]
    ordering = ["username"]
    actions = ["log_out_everywhere", "deactivate"]
    add_form = NewUserForm
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["display_name", "email", "role", "language"]}),
        (_("Rights"), {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined", "tokens_revoked_at"]}),
    ]
    readonly_fields = ["last_login", "date_joined", "tokens_revoked_at"]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["username", "display_name", "role", "usable_password", "password1", "password2"]})]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        return [AgentInline] if obj is not None and obj.role == Role.AGENT else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Staff that may manage users finds no other staff, or it could take an administrator's place."""
        users = super().get_queryset(request)
        return users if request.user.is_superuser else users.filter(is_staff=False)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Nor does it make anybody more than a user."""
        above = [] if request.user.is_superuser else ["is_staff", "is_superuser", "groups", "user_permissions"]
        return [*self.readonly_fields, *above]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Who may delete a user needs no right to each thing that goes with it: some of that nobody may delete alone."""
        shown, counts, _needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if obj.role == Role.AGENT:
            Agent.objects.get_or_create(user=obj)

    @admin.action(description=_("Log out everywhere"), permissions=["change"])
    def log_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ids = list(queryset.order_by("pk").values_list("pk", flat=True))
        services.log_out(user_ids=ids)
        text = ngettext("%(count)d user is logged out.", "%(count)d users are logged out.", len(ids)) % {"count": len(ids)}
        self.message_user(request, text, messages.SUCCESS)

    @admin.action(description=_("Deactivate"), permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        # Not oneself: nobody could undo that.
        count = queryset.exclude(pk__in=[request.user.pk]).update(is_active=False)
        text = ngettext("%(count)d user is deactivated.", "%(count)d users are deactivated.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Without the public id, which is the customer's secret."""

    list_display = ["name", "user_id", "channel", "external_id", "created_at", "logged_out_at"]
    list_filter = ["channel", ("external_id", admin.EmptyFieldListFilter)]
    search_fields = ["name", "external_id", "=user__pk"]
    date_hierarchy = "created_at"
    fields = ["name", "user", "channel", "metadata", "external_id", "created_at", "logged_out_at"]
    readonly_fields = ["user", "external_id", "created_at", "logged_out_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return False  # deleting the user deletes it too, and leaves no user without its customer behind


@admin.register(Agent)
class AgentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["user", "max_sessions"]
    search_fields = ["user__username", "user__display_name"]
    list_select_related = ["user"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a user with the role is one

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        return False


class ServiceKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(label=_("scopes"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ServiceKey
        fields = ("name", "scopes")


@admin.register(ServiceKey)
class ServiceKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ServiceKeyForm
    list_display = ["name", "prefix", "scopes", "created_at", "last_used_at", "withdrawn_at"]
    list_filter = [("withdrawn_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "prefix"]
    readonly_fields = ["prefix", "created_at", "last_used_at", "withdrawn_at"]
    actions = ["withdraw"]

    def save_model(self, request: HttpRequest, obj: ServiceKey, form: Any, change: bool) -> None:
        if not change:
            request.made_service_key = service_keys.draw(obj)  # type: ignore[attr-defined]  # for the next page, and stored nowhere
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: ServiceKey, post_url_continue: str | None = None) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": _("Service key"), "key": obj, "text": request.made_service_key}  # type: ignore[attr-defined]
        return TemplateResponse(request, "admin/accounts/servicekey/made.html", context, headers={"Cache-Control": "no-store"})

    def has_delete_permission(self, request: HttpRequest, obj: ServiceKey | None = None) -> bool:
        return False  # withdrawn keys stay, so that it can be seen who had one

    @admin.action(description=_("Withdraw"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[ServiceKey]) -> None:
        count = queryset.filter(withdrawn_at=None).update(withdrawn_at=timezone.now())
        text = ngettext("%(count)d key is withdrawn.", "%(count)d keys are withdrawn.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)


@admin.register(Revocation)
class RevocationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: what the workers have been told."""

    list_display = ["user_id", "version", "created_at"]
    search_fields = ["=user_id"]
    date_hierarchy = "created_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Revocation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Revocation | None = None) -> bool:
        return False
