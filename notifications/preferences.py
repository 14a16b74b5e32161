"""How a user wants to be told of each type of notification. A type without a preference is told in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User
from notifications.models import Preference, valid_type
from notifications.transactions import retried

MOST: Final = 200  # types that one user may decide about


def of(user_id: int) -> dict[str, str]:
    """The user's preferences: `off`, `silent` or `full` by type."""
    return dict(Preference.objects.filter(user=user_id).order_by("type").values_list("type", "mode"))


@retried
def replace(*, user_id: int, preferences: Mapping[str, str]) -> dict[str, str]:
    """Set the user's preferences to exactly these, and return them. Raises ValidationError that names the type."""
    _check(preferences)
    # One after the other: two at once could leave a mixture that nobody has chosen.
    User.objects.select_for_update(no_key=True).get(pk=user_id)
    Preference.objects.filter(user=user_id).delete()
    Preference.objects.bulk_create(Preference(user_id=user_id, type=type, mode=mode) for type, mode in sorted(preferences.items()))
    return of(user_id)


def _check(preferences: Mapping[str, str]) -> None:
    if len(preferences) > MOST:
        raise ValidationError({"preferences": [_("At most %(n)d types.") % {"n": MOST}]})
    problems = {}
    for type, mode in preferences.items():
        try:
            valid_type(type)
            if len(type) > 50:
                raise ValidationError(_("A type has at most 50 characters."))
        except ValidationError as error:
            problems[f"preferences.{type[:50]}"] = error.messages
        if mode not in Preference.Mode.values:
            problems[f"preferences.{type[:50]}"] = [_("Must be off, silent or full.")]
    if problems:
        raise ValidationError(problems)
