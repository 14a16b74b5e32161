"""The sockets for machines and for people: the AsyncAPI document, and a page that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from realtime import closing
from realtime.asyncapi import document
from realtime.pages import page


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a frame's table. `path` is from the frame's top, such as `data.id`."""

    path: str
    kind: str
    limits: str
    optional: bool


@csrf_exempt
@require_safe
def description(request: HttpRequest) -> JsonResponse:
    """The AsyncAPI 3.0 document."""
    return JsonResponse(_document(request), json_dumps_params={"ensure_ascii": False})


@csrf_exempt
@require_safe
def readable(request: HttpRequest) -> HttpResponse:
    """The same as a page."""
    told = _document(request)
    parts = told["components"]
    messages = {name: _shown(name, each, parts["schemas"]) for name, each in parts["messages"].items()}
    operations = told["operations"].values()
    asked = {_last(each) for one in operations if one["action"] == "receive" for each in one["messages"]}
    channels = [_channel(name, each, messages, asked) for name, each in told["channels"].items()]
    context = {
        "info": told["info"],
        "host": next(iter(told["servers"].values()))["host"],
        "security": parts["securitySchemes"],
        "channels": channels,
        "events": [each for name, each in messages.items() if name.endswith("Frame")],
        "commands": [each for name, each in messages.items() if name in asked],
        "ranges": closing.ranges(),
        "closes": told["x-close-codes"],
        "errors": told["x-error-codes"],
    }
    return page(request, "realtime/sockets.html", context)


def members(schema: Mapping[str, Any], schemas: Mapping[str, Any], prefix: str = "") -> Iterator[Member]:
    """All members of a frame, those of what is inside it behind it."""
    for name, each in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield Member(path, _kind(each), ", ".join(_limits(each)), name not in schema.get("required", ()))
        for inner, ending in _inside(each):
            yield from members(schemas[inner], schemas, f"{path}{ending}.")


def _document(request: HttpRequest) -> dict[str, Any]:
    return document(host=request.get_host(), secure=request.is_secure())


def _channel(name: str, channel: Mapping[str, Any], messages: Mapping[str, Any], asked: set[str]) -> dict[str, Any]:
    bindings = channel.get("bindings", {}).get("ws", {})
    return {
        **channel,
        "name": name,
        "query": bindings.get("query", {}).get("properties", {}),
        "headers": bindings.get("headers", {}).get("properties", {}),
        # A stream's events are the data of frames that are shown.
        "tells": [messages[each.replace("Event", "Frame")] for each in channel["messages"] if each not in asked],
        "takes": [messages[each] for each in channel["messages"] if each in asked],
    }


def _shown(name: str, message: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    schema = schemas[_last(message["payload"])]
    return {
        "id": name,
        "type": message["name"],
        "summary": message["summary"],
        "members": list(members(schema, schemas)),
        "example": json.dumps(message["examples"][0]["payload"], ensure_ascii=False, indent=2),
        "kept": "seq" in schema.get("properties", {}) and name.endswith("Frame"),
    }


def _last(reference: Mapping[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]


_ORDERED: Final = (("minimum", "at least"), ("maximum", "at most"))
_LENGTHS: Final = (("maxLength", "characters"), ("maxItems", "of them"))


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return "object"
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if "anyOf" in schema:
        kinds = [_kind(each) for each in schema["anyOf"]]
        return " | ".join(kind for kind in dict.fromkeys(kinds) if not (kind == "integer" and "number" in kinds))
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    kind = str(schema.get("format") or schema.get("type") or "anything")
    return {"date-time": "time", "uuid": "UUID"}.get(kind, kind)


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    for each in (schema, *schema.get("anyOf", ()), schema.get("items", {})):
        yield from (f"{words} {each[key]:,}" for key, words in _ORDERED if key in each and each[key] != 2**53 - 1)
        yield from (f"at most {each[key]:,} {words}" for key, words in _LENGTHS if key in each)


def _inside(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names of the shapes inside, and what stands behind the path to them."""
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            yield _last(each), ""
    if "$ref" in schema.get("items", {}):
        yield _last(schema["items"]), "[]"
