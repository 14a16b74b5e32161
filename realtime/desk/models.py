"""What agents keep at hand: replies that are written once, and where customers who have gone can be reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.content import storage_problem
from realtime.chat.models import LONGEST_TEXT

PLACEHOLDERS: Final = ("customer", "agent")
LONGEST_NAME: Final = 100
"""Characters of a name that takes a placeholder's place."""

_BRACES: Final = re.compile(r"\{([^{}]*)\}|[{}]")


def valid_reply(text: str) -> None:
    """Raises ValidationError for a text that could not be filled in, or would be too long to be sent then."""
    found = list(_BRACES.finditer(text))
    if any(each[1] is None for each in found):
        raise ValidationError(gettext("A brace stands alone. Braces are for {customer} and {agent} only."))
    unknown = next((each[0] for each in found if each[1] not in PLACEHOLDERS), None)
    if unknown is not None:
        raise ValidationError(gettext("There is no placeholder %(name)s. Use {customer} or {agent}.") % {"name": unknown})
    if sum(LONGEST_NAME - len(each[0]) for each in found) + len(text) > LONGEST_TEXT:
        longest = {"n": LONGEST_TEXT, "name": LONGEST_NAME}
        raise ValidationError(gettext("Must not be longer than %(n)d characters with names of %(name)d characters filled in.") % longest)
    if problem := storage_problem(text):
        raise ValidationError(problem)


class CannedReply(models.Model):
    """A text that agents send often. `{customer}` and `{agent}` stand in it for names."""

    shortcut = models.SlugField(_("shortcut"), unique=True, help_text=_("What an agent types to find it: letters, digits, “-” and “_”."))
    text = models.TextField(
        _("text"), max_length=LONGEST_TEXT, validators=[valid_reply], help_text=_("{customer} stands for the customer's name and {agent} for the agent's.")
    )

    class Meta:
        verbose_name = _("canned reply")
        verbose_name_plural = _("canned replies")
        ordering: ClassVar = ["shortcut"]

    def __str__(self) -> str:
        return self.shortcut

    def filled(self, names: Mapping[str, str]) -> str:
        """The text with these names, as they are: what looks like a placeholder in a name is none."""
        return _BRACES.sub(lambda found: names.get(found[1], found[0]), self.text)


class Contact(models.Model):
    """Where a customer who has gone gets her answer by mail, and how far she has been written to.

    A silence begins with a mail, and ends when she reads or writes: there is no second mail before that.
    """

    customer = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="contact", verbose_name=_("customer"))
    email = models.EmailField(_("e-mail"))
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    mailed_at = models.DateTimeField(_("last mail"), null=True, blank=True, help_text=_("When the last mail was sent."))
    mailed_up_to = models.BigIntegerField(default=0, help_text="The number of the newest message when she was mailed last.")
    read_then = models.BigIntegerField(default=0, help_text="The places that she had read up to then, of all her sessions together.")
    tries = models.PositiveSmallIntegerField(_("failed tries"), default=0)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="Until then somebody is sending, or nobody tries again.")

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")

    def __str__(self) -> str:
        return str(self.customer_id)
