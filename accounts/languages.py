"""The language in which somebody is told things: that of its last Accept-Language."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation

from accounts.models import User

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


def note(user: User, accept_language: str) -> None:
    """Remember the language of a user's request, if it names one that is not known yet."""
    language = wanted(accept_language)
    if language and language != user.language:
        remember(user_id=user.pk, language=language)
