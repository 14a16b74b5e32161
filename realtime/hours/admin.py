"""Business hours in Django's admin: the week on one page, dates that are different in a list."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Field
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from realtime.hours import services, words, zones
from realtime.hours.models import THE_ONE, BusinessHours, DatedException, Slot, check_overlap, span
from realtime.hours.schedule import Span


class SlotForm(forms.ModelForm):  # type: ignore[type-arg]
    """One row of the week."""

    def validate_unique(self) -> None:
        """Nothing here: the rows of the database may be about to change with this one. `Week` compares what is sent."""


class Week(BaseInlineFormSet):  # type: ignore[type-arg]
    """All slots, none of which may overlap another that stays."""

    def clean(self) -> None:
        super().clean()
        seen: defaultdict[int, list[Span]] = defaultdict(list)
        for form in self.forms:
            row = form.cleaned_data if form.is_valid() else {}
            if not row or row.get("DELETE"):
                continue
            wanted = span(row["opens"], row["closes"])
            try:
                check_overlap(wanted, seen[row["weekday"]])
            except ValidationError as error:
                form.add_error(None, error)
            seen[row["weekday"]].append(wanted)


class SlotInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Slot
    form = SlotForm
    formset = Week
    extra = 1
    max_num = 200


@admin.register(BusinessHours)
class BusinessHoursAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """There is one, so its list leads to it."""

    fields = ["now", "time_zone", "away_message"]
    readonly_fields = ["now"]
    inlines = [SlotInline]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:hours_businesshours_change", args=[THE_ONE], current_app=self.admin_site.name))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BusinessHours | None = None) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        if db_field.name == "time_zone":
            kwargs["widget"] = forms.Select(choices=[("", "---------"), *((name, name) for name in sorted(zones.names()))])
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("now"))
    def now(self, hours: BusinessHours) -> str:
        """As a customer who writes now would find us."""
        plan = services.plan()
        opening, away = plan.next_opening(), plan.away_text(get_language() or "")
        if away is None:
            return _("Open.") if plan.schedule.week else _("Open. Without slots we are open around the clock, but for the exceptions.")
        said = words.back(opening, at=plan.at, zone=plan.schedule.zone)
        return _("Closed, and open again %(back)s. Customers are told: %(text)s") % {"back": said, "text": away}


@admin.register(DatedException)
class DatedExceptionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["date", "opens", "closes", "closed", "note"]
    search_fields = ["note"]
    date_hierarchy = "date"
    ordering = ["-date", "opens"]

    @admin.display(description=gettext_lazy("closed"), boolean=True)
    def closed(self, row: DatedException) -> bool:
        return row.span is None
