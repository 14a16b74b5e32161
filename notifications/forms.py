"""The form in which staff write to users."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from notifications.content import KNOWN_TYPES, Content
from notifications.models import Notification
from notifications.recipients import MOST, Audience

SOURCE = "admin"


class UserPicker(AutocompleteSelectMultiple):
    """Django's, but a forged choice that can be no user's number becomes 0, who is nobody: looking it up would fail."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return [each if each.isdecimal() and len(each) < 19 else "0" for each in super().value_from_datadict(data, files, name) or ()]


class ComposeForm(forms.Form):
    """What to say and to whom. `may_choose` says whether its writer may look users up, and so choose some."""

    audience = forms.ChoiceField(label=_("To"), choices=Audience, widget=forms.RadioSelect)
    users = forms.ModelMultipleChoiceField(
        label=_("Users"),
        queryset=User.objects.filter(is_active=True),
        required=False,
        widget=UserPicker(Notification._meta.get_field("user"), admin.site),
        help_text=_("Search by name and choose one or several."),
    )
    type = forms.CharField(
        label=_("Type"),
        max_length=50,
        initial="system",
        widget=AdminTextInputWidget(attrs={"list": "types"}),
        help_text=_("Users can turn off each type, or have it silently. Small letters, digits, “_” and “-”."),
    )
    title = forms.CharField(label=_("Title"), max_length=200, widget=AdminTextInputWidget)
    message = forms.CharField(label=_("Message"), max_length=4000, widget=AdminTextareaWidget(attrs={"rows": 6}))
    link = forms.CharField(
        label=_("Link"),
        max_length=500,
        required=False,
        widget=AdminTextInputWidget,
        help_text=_("Where a click leads: a path of the site, such as /orders/7, or an http(s) address. May be left empty."),
    )

    known_types = KNOWN_TYPES

    def __init__(self, *args: Any, may_choose: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_choose:
            del self.fields["users"]
            self.fields["audience"].choices = [each for each in Audience.choices if each[0] != Audience.USERS]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        users = cleaned.get("users")
        if "audience" in cleaned and "users" not in self.errors:
            if cleaned["audience"] != Audience.USERS and users:
                self.add_error("audience", _("You have chosen users. Send to “chosen users”, or choose none."))
            elif cleaned["audience"] == Audience.USERS and not users:
                self.add_error("users", _("Choose at least one."))
            elif users and len(users) > MOST:
                self.add_error("users", _("Choose at most %(n)d.") % {"n": MOST})
        words = ("type", "title", "message", "link")
        if all(name in cleaned for name in words):
            try:
                Content.checked(source=SOURCE, **{name: cleaned[name] for name in words})
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned

    def addressed(self) -> dict[str, Any]:
        """The recipients as `announce` and `reach` take them."""
        return {"to": Audience(self.cleaned_data["audience"]), "users": list(self.cleaned_data.get("users") or ())}
