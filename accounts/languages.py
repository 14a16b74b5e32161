"""The language in which somebody is told things: that of its last Accept-Language."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from django import db
from django.conf import settings
from django.db import transaction
from django.utils import translation

from accounts.batches import Batch
from accounts.executor import in_thread
from accounts.models import User

logger = logging.getLogger(__name__)

_LONGEST = 200  # characters of the header that are looked at


def wanted(accept_language: str) -> str:
    """The first of our languages that an Accept-Language header names, or an empty text."""
    for wish in accept_language[:_LONGEST].split(","):
        try:
            return translation.get_supported_language_variant(wish.partition(";")[0].strip())
        except LookupError:
            continue
    return ""


def remember(*, user_id: int, language: str) -> None:
    """Store a user's language. Call it only when it changed: it is a write."""
    if language in dict(settings.LANGUAGES):
        User.objects.filter(pk=user_id).update(language=language)


def remember_soon(*, user_id: int, language: str) -> None:
    """The same from a coroutine, which does not wait for it: for all who come just now in one transaction.

    If the database does not take it, the next handshake tries again.
    """
    _changed.ask((user_id, language))


def note(user: User, accept_language: str) -> None:
    """Remember the language of a user's request, if it names one that is not known yet."""
    language = wanted(accept_language)
    if language and language != user.language:
        remember(user_id=user.pk, language=language)


async def _remember(changed: Sequence[tuple[int, str]]) -> Sequence[None]:
    try:
        await in_thread(_remember_all, dict(changed))
    except db.Error as error:
        logger.warning("Some languages were not stored: %s", error)
    return [None] * len(changed)


def _remember_all(changed: dict[int, str]) -> None:
    with transaction.atomic():
        # Never waits for a row: another worker may write the same people in another order.
        free = User.objects.filter(pk__in=changed).select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
        by_language: dict[str, list[int]] = {}
        for user_id in free:
            by_language.setdefault(changed[user_id], []).append(user_id)
        for language, user_ids in by_language.items():
            User.objects.filter(pk__in=user_ids).update(language=language)


_changed: Final = Batch(_remember, limit=500)
