"""What close codes and error codes mean, in English, for whoever writes a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils import translation

from realtime.refusals import ADVICE, REASONS, SERVICE_RESTART, Advice


@dataclass(frozen=True, slots=True)
class Close:
    """A close code. `name` is that of the `error` before it, if there is one; `advice` what its range says."""

    code: int
    name: str
    meaning: str
    advice: str


DO: Final[Mapping[Advice, str]] = {
    Advice.STOP: "Stop, and tell the user where there is something to tell.",
    Advice.BACK_OFF: "Connect again with exponential backoff and jitter; `retry_after_ms` of the `error` says for how long at least.",
    Advice.REFRESH: "Get a new credential and connect once.",
    Advice.AT_ONCE: "Connect again at once, with the cursor.",
}
# Those of the protocol itself, which have no `error` before them, and what an `error` may say that ends nothing.
_OWN: Final[Mapping[int, str]] = {
    1000: "It is done: a finished task, the answer to a client's own close, or an old client that shall not come back.",
    1001: "The other side has gone away.",
    1002: "The client broke the protocol.",
    1006: "The connection broke, without a close.",
    1007: "A text frame was not UTF-8.",
    1009: "A frame had more than 1 MiB.",
    1011: "Something went wrong here.",
}
_COMPLAINTS: Final[Mapping[str, str]] = {
    "INVALID_JSON": "The frame is not JSON, or it is binary.",
    "INVALID_MESSAGE": "The frame is not what its type asks for; the text names the field.",
    "UNKNOWN_MESSAGE_TYPE": "This socket understands no frame of this type; the text names those that it does.",
    "MESSAGE_PROCESSING_ERROR": "It could not be done, and that is our fault; `data.request_id` finds it in the log.",
}
_BY_HTTP_ONLY: Final = "CONNECTION_LIMIT"


def advice(code: int) -> Advice:
    """What the range of a close code tells a client to do."""
    return next((each for first, last, each in ADVICE if first <= code <= last), Advice.BACK_OFF)


def ranges() -> list[tuple[str, str]]:
    """Close codes, and what each range of them says to do."""
    named = [(f"{first}" if first == last else f"{first}–{last}", DO[each]) for first, last, each in ADVICE]
    return [*named, ("any other", DO[Advice.BACK_OFF])]


def closes() -> list[Close]:
    """All that a socket may be closed with."""
    with translation.override("en"):
        found = [Close(each.close, name, str(each.text), DO[advice(each.close)]) for name, each in REASONS.items() if name != _BY_HTTP_ONLY]
    found += [Close(code, "", meaning, DO[advice(code)]) for code, meaning in _OWN.items()]
    found.append(Close(SERVICE_RESTART, "OVERLOADED", "The server restarts.", DO[advice(SERVICE_RESTART)]))
    return sorted(found, key=lambda each: (each.code, each.name))


def errors() -> dict[str, str]:
    """All that the `error_code` of an `error` may be, a task's own apart."""
    with translation.override("en"):
        return {**_COMPLAINTS, **{name: str(each.text) for name, each in REASONS.items() if name != _BY_HTTP_ONLY}}
