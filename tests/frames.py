"""What goes over the wire is what the AsyncAPI document says: every frame that a test's client sees is checked.

The clients call `told`, `asked` and `streamed`; what is not as described fails the test in which it came.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import jsonschema_rs

from realtime.asyncapi import document

_wrong: list[str] = []


def told(address: str, frame: str | bytes | Any) -> None:
    """A server of ours has sent this, as text or as what it holds, on the socket at that address; a query may stand behind it."""
    _note("tells", complaint(address, frame, "send"))


def asked(address: str, frame: str | bytes) -> None:
    """A client of ours has sent this."""
    _note("is sent by our client", complaint(address, frame, "receive"))


def streamed(name: str, data: str) -> None:
    """A stream of ours has had an event of that name."""
    found = "" if name in _described()["stream", "send"] else f"has no event {name}"
    _note("streams", found or _said(_described()["stream", "send"][name], json.loads(data)))


def taken() -> list[str]:
    """What was wrong since this was asked last."""
    found = _wrong[:]
    _wrong.clear()
    return found


def complaint(address: str, frame: str | bytes | Any, action: str) -> str:
    """Why that is no frame of the socket at that address, or nothing. Of addresses that are not ours nothing is known."""
    channel = _channel(address.partition("?")[0])
    if channel is None:
        return ""
    held = json.loads(frame) if isinstance(frame, str | bytes) else frame
    kind = held.get("type") if isinstance(held, dict) else None
    known = _described()[channel, action]
    return _said(known[kind], held) if kind in known else f"{address.partition(chr(63))[0]} has no frame {json.dumps(held)[:500]}"


def closed(schema: Any) -> Any:
    """The schema without room for what it does not name: a client ignores that, and we do not send it."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(each) for key, each in schema.items()}
    return {**found, "additionalProperties": False} if "properties" in found else found


def validator(payload: Mapping[str, str], schemas: Mapping[str, Any]) -> Any:
    """A compiled one for what a message points at."""
    return jsonschema_rs.Draft7Validator(_inlined(payload, schemas), validate_formats=True)


def _inlined(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """The schema without references, of which each would be looked up in all of them."""
    if isinstance(schema, list):
        return [_inlined(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return _inlined(schemas[_last(schema)], schemas) if "$ref" in schema else {key: _inlined(each, schemas) for key, each in schema.items()}


Validators = list[tuple[str, Any]]


@functools.cache
def _described() -> Mapping[tuple[str, str], Mapping[str, Validators]]:
    """By channel and action: what may be said, by its type. There are two of type `error`."""
    whole = document(host="testserver", secure=False)
    parts = whole["components"]
    schemas = closed(parts["schemas"])
    compiled = {name: validator(message["payload"], schemas) for name, message in parts["messages"].items()}
    found: dict[tuple[str, str], dict[str, Validators]] = {(channel, action): {} for channel in whole["channels"] for action in ("send", "receive")}
    for operation in whole["operations"].values():
        kinds = found[_last(operation["channel"]), operation["action"]]
        for each in operation["messages"]:
            name = _last(each)
            kinds.setdefault(parts["messages"][name]["name"], []).append((name, compiled[name]))
    return found


@functools.cache
def _addresses() -> list[tuple[re.Pattern[str], str]]:
    channels = document(host="testserver", secure=False)["channels"]
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(each["address"])) + "/?"), name) for name, each in channels.items()]


@functools.lru_cache(1024)
def _channel(path: str) -> str | None:
    return next((name for address, name in _addresses() if address.fullmatch(path)), None)


def _said(candidates: Iterable[tuple[str, Any]], held: Any) -> str:
    """Nothing if it is one of these; else what keeps it from being each."""
    reasons = []
    for name, validator in candidates:
        if validator.is_valid(held):
            return ""
        reasons += [f"{name}.{'.'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(held)]
    return f"{json.dumps(held)[:1000]}\n    {chr(10).join(reasons)}"


def _note(what: str, found: str) -> None:
    if found:
        _wrong.append(f"{os.environ.get('PYTEST_CURRENT_TEST', 'between two tests')} {what} what /api/asyncapi.json does not say: {found}")


def _last(reference: Mapping[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]
