"""When the shop answers: hours per weekday, and dates that are different."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import time
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Q
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.content import storage_problem
from realtime.hours import zones
from realtime.hours.schedule import DAY_MINUTES, Span

LONGEST_MESSAGE: Final = 1000
BACK: Final = "{back}"
THE_ONE: Final = 1
"""The key of the only row of BusinessHours; a migration makes it."""

_MIDNIGHT: Final = time()
_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")
_IN_ORDER: Final = Q(closes=_MIDNIGHT) | Q(closes__gt=F("opens"))
_MIDNIGHT_HELP: Final = _("00:00 is the midnight at the end of the day.")


def known_zone(name: str) -> None:
    """Raises ValidationError."""
    if zones.find(name) is None:
        raise ValidationError(_("There is no such time zone. Use a name such as Europe/Berlin or Asia/Shanghai."), code="unknown")


def keepable(text: str) -> None:
    """Raises ValidationError for what a database could not keep."""
    if problem := storage_problem(text):
        raise ValidationError(problem, code="unkeepable")


def only_back(text: str) -> None:
    """Raises ValidationError if a message has other placeholders than the one that is filled in."""
    wrong = [each for each in _PLACEHOLDER.findall(text) if each != BACK]
    if wrong:
        raise ValidationError(_("%(wrong)s means nothing here. The only placeholder is {back}."), code="placeholder", params={"wrong": wrong[0]})


class BusinessHours(models.Model):
    """What holds for all slots. There is one row; without slots the shop is open around the clock."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE, editable=False)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[known_zone], help_text=_("In which all times are meant."))
    away_message = models.TextField(
        _("away message"),
        max_length=LONGEST_MESSAGE,
        blank=True,
        validators=[MaxLengthValidator(LONGEST_MESSAGE), keepable, only_back],
        help_text=_(
            "For customers who write while nobody is here, as it is. {back} becomes “tomorrow at 09:00”, say. Empty: ours, in the customer's language."
        ),
    )

    class Meta:
        verbose_name = _("business hours")
        verbose_name_plural = _("business hours")
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=THE_ONE), name="hours_only_one")]

    def __str__(self) -> str:
        return gettext("Business hours")


class Slot(models.Model):
    """A part of a weekday in which the shop is open."""

    hours = models.ForeignKey(BusinessHours, models.CASCADE, default=THE_ONE, related_name="slots", editable=False)
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=list(WEEKDAYS.items()))
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(_("closes"), help_text=_MIDNIGHT_HELP)

    class Meta:
        verbose_name = _("slot")
        verbose_name_plural = _("slots")
        ordering: ClassVar = ["weekday", "opens"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="slot_weekday"),
            models.CheckConstraint(condition=_IN_ORDER, name="slot_in_order"),
        ]

    def __str__(self) -> str:
        return f"{WEEKDAYS.get(self.weekday, self.weekday)} {span(self.opens, self.closes)}"

    def clean(self) -> None:
        check_times(self.opens, self.closes)

    def validate_unique(self, exclude: Any = None) -> None:
        """Overlapping is checked where being the same is: a form with the whole week checks its rows against each other instead."""
        super().validate_unique(exclude)
        if not {"weekday", "opens", "closes"} & set(exclude or ()):
            others = Slot.objects.filter(weekday=self.weekday).exclude(pk=self.pk)
            check_overlap(span(self.opens, self.closes), (span(*each) for each in others.values_list("opens", "closes")))


class DatedException(models.Model):
    """A date that is not like its weekday: closed, or, with one row each, the slots that it has instead."""

    date = models.DateField(_("date"))
    opens = models.TimeField(_("opens"), null=True, blank=True, help_text=_("Empty, like the other: closed all day."))
    closes = models.TimeField(_("closes"), null=True, blank=True, help_text=_MIDNIGHT_HELP)
    note = models.CharField(_("note"), max_length=200, blank=True, validators=[keepable], help_text=_("The reason, as customers may read it."))

    class Meta:
        verbose_name = _("exception")
        verbose_name_plural = _("exceptions")
        ordering: ClassVar = ["date", "opens"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(opens=None, closes=None) | (Q(opens__isnull=False, closes__isnull=False) & _IN_ORDER), name="exception_in_order"
            ),
            models.UniqueConstraint(fields=["date", "opens"], name="exception_once"),
            models.UniqueConstraint(fields=["date"], condition=Q(opens=None), name="exception_closed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.date} {gettext('closed') if self.span is None else self.span}"

    @property
    def span(self) -> Span | None:
        """When the shop is open; None: it is closed on that date."""
        return None if self.opens is None or self.closes is None else span(self.opens, self.closes)

    def clean(self) -> None:
        if (self.opens is None) != (self.closes is None):
            missing = "opens" if self.opens is None else "closes"
            raise ValidationError({missing: _("Give both times, or neither if it is closed all day.")})
        if self.opens is not None and self.closes is not None:
            check_times(self.opens, self.closes)

    def validate_unique(self, exclude: Any = None) -> None:
        super().validate_unique(exclude)
        if {"date", "opens", "closes"} & set(exclude or ()):
            return
        spans = [each.span for each in DatedException.objects.filter(date=self.date).exclude(pk=self.pk)]
        if None in spans:
            raise ValidationError({"date": _("This date is closed all day already. Change that row instead.")})
        if self.span is None and spans:
            raise ValidationError({"date": _("This date has slots already. Delete them first, or give this row times, too.")})
        if self.span is not None:
            check_overlap(self.span, (each for each in spans if each is not None))


def span(opens: time, closes: time) -> Span:
    """The part of a day between these; midnight as the end is the one after it."""
    return Span(_minute(opens), _minute(closes) or DAY_MINUTES)


def check_times(opens: time | None, closes: time | None) -> None:
    """Raises ValidationError, by field. What is missing other checks have named."""
    for field, each in (("opens", opens), ("closes", closes)):
        if each is not None and (each.second or each.microsecond):
            raise ValidationError({field: _("Use whole minutes.")})
    if opens is not None and closes is not None and _MIDNIGHT != closes <= opens:
        raise ValidationError({"closes": _("Must be after the opening. A night is two slots: one until 00:00, and one from 00:00 on the next day.")})


def check_overlap(wanted: Span, others: Iterable[Span]) -> None:
    """Raises ValidationError, by field."""
    for other in others:
        if wanted.overlaps(other):
            raise ValidationError({"opens": ValidationError(_("Overlaps with %(other)s. Change one of them."), code="overlap", params={"other": str(other)})})


def _minute(of: time) -> int:
    return of.hour * 60 + of.minute
