"""What a producer says of its task: checked, whichever way it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from django.utils.translation import gettext as _

from notifications.content import plain_json
from notifications.wire import MAX_SEQ
from realtime.declined import Declined, check_text
from realtime.tasks.models import Task

RESULT_BYTES: Final = 32 * 1024
"""Of the JSON text of a result: every socket of its owner is sent it. What is larger belongs behind a link."""

LONGEST_TEXT: Final = 1000
_FIELDS: Final = ("step", "total_steps", "progress", "message", "status", "result", "error")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What has changed; None: nothing was said about it. An empty report is a sign of life.

    `progress` is in percent, and reckoned from the steps where it is not given. `version` counts the
    producer's reports, so that a late one cannot undo a later one; without it this one is the latest.
    """

    version: int | None = None
    step: int | None = None
    total_steps: int | None = None
    progress: float | None = None
    message: str | None = None
    status: str | None = None
    result: Any = None
    error: str | None = None
    said: dict[str, Any] = field(init=False)
    """What was said, by field of the task."""

    def __post_init__(self) -> None:
        """Raises Declined, which names the field."""
        for name in ("version", "step", "total_steps"):
            _check_number(getattr(self, name), name, MAX_SEQ)
        _check_number(self.progress, "progress", 100)
        check_text(self.message or "", "message", LONGEST_TEXT)
        check_text(self.error or "", "error", LONGEST_TEXT)
        if self.status is not None and self.status not in Task.Status.values:
            raise Declined("INVALID", _("Use one of these: %(known)s.") % {"known": ", ".join(Task.Status.values)}, "status")
        said = {name: value for name in _FIELDS if (value := getattr(self, name)) is not None}
        for name in {"message", "error"} & said.keys():
            said[name] = said[name].strip()  # as the notification of its end is, which must not be empty
        if "result" in said:
            said["result"] = checked_result(self.result)
        object.__setattr__(self, "said", said)


def checked_result(result: object) -> Any:
    """A result as plain JSON. Raises Declined."""
    try:
        plain = plain_json(result)
    except ValueError as error:
        raise Declined("INVALID", str(error), "result") from error
    if len(msgspec.json.encode(plain)) > RESULT_BYTES:
        raise Declined("INVALID", _("Must not be longer than %(n)d bytes of JSON.") % {"n": RESULT_BYTES}, "result")
    return plain


def _check_number(value: object, name: str, most: int) -> None:
    if value is None:
        return
    kinds = (int, float) if name == "progress" else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise Declined("INVALID", _("Must be a number."), name)
    if not 0 <= value <= most:
        raise Declined("INVALID", _("Must be between 0 and %(most)d.") % {"most": most}, name)
