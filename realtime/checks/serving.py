"""What `manage.py check --deploy` finds in those who work: the workers, and the server that takes mails."""

from __future__ import annotations

import smtplib
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning
from django.core.mail import get_connection

from accounts.redis import RedisAway
from realtime.presence.store import workers

_PLAIN: Final = "smtp://"


def check_workers(**_: Any) -> list[CheckMessage]:
    """Whether anybody serves."""
    try:
        serving = workers()
    except RedisAway:
        return []  # which is said where Redis is looked at
    if serving:
        return []
    hint = "Start `python manage.py serve`; if it runs, see that it has the same REDIS_URL."
    return [Warning("Nobody serves: no worker has given a sign of life.", hint=hint, id="switchboard.W050")]


def check_mail(**_: Any) -> list[CheckMessage]:
    """Whether mails would go out."""
    url: str = settings.SWITCHBOARD.email_url
    if not url:
        hint = "Set EMAIL_URL and EMAIL_FROM if they should."
        return [Info("EMAIL_URL is not set: customers who have gone are not written to.", hint=hint, id="switchboard.I060")]
    if url == "console":
        return [Warning("EMAIL_URL is console: mails are printed and not sent.", hint="Set it to your mail server.", id="switchboard.W061")]
    found: list[CheckMessage] = []
    if url.startswith(_PLAIN) and settings.EMAIL_HOST_PASSWORD:
        found.append(Warning("EMAIL_URL sends its password in the clear.", hint="Use smtp+tls:// or smtps://.", id="switchboard.W063"))
    try:
        line = get_connection()
        line.open()
        line.close()
    except (OSError, smtplib.SMTPException) as error:
        reason = str(error).replace(settings.EMAIL_HOST_PASSWORD or "\0", "…")
        found.append(Error(f"The mail server could not be asked: {reason}", hint="See that EMAIL_URL has its address and its password.", id="switchboard.E062"))
    return found
