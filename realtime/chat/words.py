"""What the system says in a session, and the names that people have there."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from realtime.chat.models import Message

TAKEN_OVER: Final = "taken_over"
HANDED_BACK: Final = "handed_back"
AWAY: Final = "away"

_TEXTS: Final = {
    TAKEN_OVER: gettext_noop("%(left)s had to leave. %(agent)s is here now."),
    HANDED_BACK: gettext_noop("%(left)s had to leave. Somebody else will be with you soon."),
    "transferred": gettext_noop("%(left)s has asked %(agent)s to help you."),
}


def agent_name(user: User | None) -> str:
    """The name of an agent that everybody may see: never its username."""
    return (user.display_name if user is not None else "") or _("Support")


def deleted_text() -> str:
    """What is shown in place of a message whose author's data was deleted: no other is empty."""
    return _("This message was deleted.")


def text_of(message: Message) -> str:
    """A message's text; what the system says, in the active language."""
    said: dict[str, Any] | None = message.said
    if said is None:
        return message.text or deleted_text()
    if said["code"] == AWAY:
        return str(said.get("text", ""))
    values = {"left": said.get("left") or _("Support"), "agent": said.get("agent") or _("Support")}
    return _(_TEXTS[said["code"]]) % values
