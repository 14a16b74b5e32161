"""Saying when somebody is back."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Final

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from realtime.hours.models import BACK

_WEEK: Final = 7


def away(message: str, opening: datetime | None, *, at: datetime, zone: tzinfo) -> str:
    """What a customer is told at that instant, in the active language and with the times of that zone. `message` is the shop's own, or empty."""
    said = back(opening, at=at, zone=zone)
    if message:
        return message.replace(BACK, said)
    return _("We are not here at the moment.") if opening is None else _("We are back %(back)s.") % {"back": said}


def back(opening: datetime | None, *, at: datetime, zone: tzinfo) -> str:
    """When that is, as one says it at that instant: “tomorrow at 09:00”, say."""
    if opening is None:
        return _("later")
    then, now = _wall(opening, zone), _wall(at, zone)
    said = {"time": f"{then:%H:%M}", "weekday": WEEKDAYS[then.weekday()], "date": date_format(then, "DATE_FORMAT")}
    days = (then.date() - now.date()).days
    if days <= 0:
        return _("today at %(time)s") % said
    if days == 1:
        return _("tomorrow at %(time)s") % said
    if days >= _WEEK:
        return _("on %(date)s at %(time)s") % said
    if then.weekday() < now.weekday():
        # English says it alike; Chinese does not.
        return pgettext("next week", "on %(weekday)s at %(time)s") % said
    return _("on %(weekday)s at %(time)s") % said


def _wall(instant: datetime, zone: tzinfo) -> datetime:
    """What a clock there shows, without its zone: Django would turn an aware one into its own."""
    return instant.astimezone(zone).replace(tzinfo=None)
