"""Finding what was said, in bounded time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Max, Min

from accounts.models import User
from realtime.chat.models import Message
from realtime.chat.sessions import visible_to

WINDOW: Final = 20_000
"""Messages of all sessions that one statement looks through."""
WINDOWS: Final = 10
"""Statements of one call."""


@dataclass(frozen=True, slots=True)
class Found:
    """Messages, newest first. `cursor`: there may be more below this number; None: there are no more."""

    messages: list[Message]
    cursor: int | None


def search(*, user: User, words: str, limit: int, cursor: int | None = None) -> Found:
    """Messages with `words` in them, in any case, of the sessions that an agent or staff may see.

    One call looks through WINDOWS times WINDOW messages at most, so that it may find fewer than there are.
    """
    ends = Message.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["last"] is None:
        return Found([], None)
    top = min(cursor or ends["last"] + 1, ends["last"] + 1)
    # The session's own rows come with the messages; the subquery needs only their numbers.
    visible = visible_to(user).order_by().values("pk")
    wanted = Message.objects.filter(session__in=visible, text__icontains=words).select_related("session__customer", "sender").order_by("-pk")
    found: list[Message] = []
    for _nth in range(WINDOWS):
        bottom = top - WINDOW
        found += wanted.filter(pk__lt=top, pk__gte=bottom)[: limit + 1 - len(found)]
        if len(found) > limit:
            return Found(found[:limit], found[limit - 1].pk)
        if bottom <= ends["first"]:
            return Found(found, None)
        top = bottom
    return Found(found, top)
