"""The sockets and the event stream for machines: an AsyncAPI 3.0 document, made of what is declared of the wire."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.conf import settings

from notifications import wire
from realtime import closing, declarations, json_schemas
from realtime.consumer import SocketConsumer
from realtime.events import Error
from realtime.examples import EXAMPLES
from realtime.refusals import PROTOCOL, OldClients
from realtime.sockets import SOCKETS, STREAM, NotificationSocket
from realtime.sse import EVENTS

_CURSOR: Final = {"type": "string", "maxLength": 40, "pattern": "^(.*:)?[0-9]{1,16}$|^$", "examples": ["17", "61cd4679f044:17"]}
QUERY: Final[Mapping[str, Mapping[str, Any]]] = {
    "ticket": {
        "type": "string",
        "description": "From `POST /api/v1/ws/ticket`: good once, for 30 seconds. For browsers, so that no token stands in an address.",
    },
    "token": {"type": "string", "description": "A bearer token, where nothing else can be sent."},
    "since": {**_CURSOR, "description": "Go on after this place: a number, or epoch:number. Without it one begins at the newest."},
    "lang": {"type": "string", "enum": ["en", "zh-hans"], "description": "The language of what is told, where it is not that of `Accept-Language`."},
}
HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Authorization": {
        "type": "string",
        "description": "`Bearer` and a token. It is looked for here first, then in the subprotocols, then in `ticket`, then in `token`.",
    },
    "Sec-WebSocket-Protocol": {
        "type": "string",
        "description": f"`{PROTOCOL}` makes it a new client, which is refused by `error` and a close code; `bearer.<token>` beside it is the credential.",
        "examples": [f"{PROTOCOL}, bearer.eyJ…"],
    },
    "Origin": {"type": "string", "description": "Of a page: our own, or one of `WS_ALLOWED_ORIGINS`. Programs send none."},
    "Accept-Language": {"type": "string", "description": "The language of what is told: English or Simplified Chinese."},
}
LAST_EVENT: Final = {**_CURSOR, "description": "The id of the last event that came, which a browser sends by itself. It goes before `since`."}
PARAMETERS: Final = {
    "task_id": "The task's id, as who began it was told. It has to be the user's own.",
    "user_id": "The number of the user whose tasks they are: one's own, or anybody's for staff.",
}
_REFUSED: Final = {
    OldClients.BY_HTTP: "by an HTTP status",
    OldClients.MIXED: "by an HTTP status where a new token helps, else by `error` and a close",
    OldClients.STAY_AWAY: "by `error` and close code 1000, or 41xx if the reason passes",
    OldClients.BY_CLOSE: "by `error` and the close code itself",
}
_ANSWERS: Final = {"ping": "pong", "resume": "connected", "message": ("chat", "message", "note"), "look": "looking", "watch": "presence", "read": "read"}
_ABOUT: Final = """\
Notifications, presence, task progress and support chat, live. A frame is one JSON object with `type`. Ignore members and \
types that you do not know. What has a `seq` is kept: who comes back says with `since` what it has, and gets the rest, in order and once.

The range of a close code alone says what to do:

| close code | what to do |
|---|---|
{ranges}

A frame that is not understood gets an `error` and does not end the connection. A frame of a client's has at most 64 KiB{pace}."""


def document(*, host: str, secure: bool) -> dict[str, Any]:
    """The document as those see it who have called us `host`."""
    servers = {
        name: {"host": host, "protocol": f"{scheme}s" if secure else scheme, "security": [_ref("securitySchemes", each) for each in schemes]}
        for name, scheme, schemes in (("sockets", "ws", list(_SECURITY)), ("streams", "http", ["header", "ticket", "token"]))
    }
    return {**_document(), "servers": servers}


@functools.cache
def _document() -> dict[str, Any]:
    options = settings.SWITCHBOARD
    pace = f", and {options.ws_frame_burst} may come at once, {options.ws_frame_rate:g} a second for long" if options.ws_frame_rate else ""
    ranges = "\n".join(f"| {codes} | {what} |" for codes, what in closing.ranges())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Switchboard",
            "version": settings.VERSION,
            "description": _ABOUT.format(ranges=ranges, pace=pace),
        },
        "defaultContentType": "application/json",
        "channels": {**{_name(socket): _channel(path, socket) for path, socket in SOCKETS.items()}, "stream": _stream()},
        "operations": {**{name: each for socket in SOCKETS.values() for name, each in _operations(socket).items()}, "tellStream": _tell_stream()},
        "components": {
            "schemas": _schemas(),
            "messages": {**{_names()[each]: _message(each) for each in (*declarations.events(), *declarations.commands())}, **_stream_messages()},
            "securitySchemes": _SECURITY,
        },
        "x-close-codes": [{"code": each.code, "error_code": each.name, "description": each.meaning, "advice": each.advice} for each in closing.closes()],
        "x-error-codes": closing.errors(),
    }


_SECURITY: Final[dict[str, Any]] = {
    "header": {"type": "http", "scheme": "bearer", "description": "A user's token in the header `Authorization`."},
    "subprotocol": {"type": "httpApiKey", "in": "header", "name": "Sec-WebSocket-Protocol", "description": f"`{PROTOCOL}, bearer.<token>`"},
    "ticket": {"type": "httpApiKey", "in": "query", "name": "ticket", "description": QUERY["ticket"]["description"]},
    "token": {"type": "httpApiKey", "in": "query", "name": "token", "description": QUERY["token"]["description"]},
}


def _names() -> Mapping[Any, str]:
    return declarations.names()


def _ref(*place: str) -> dict[str, str]:
    return {"$ref": "/".join(("#", *([] if place[0] == "channels" else ["components"]), *place))}


def _name(socket: type[SocketConsumer]) -> str:
    return socket.__name__.removesuffix("Socket").lower()


@functools.cache
def _schemas() -> dict[str, Any]:
    found = json_schemas.schemas()
    found[_names()[Error]]["properties"]["error_code"]["enum"] = list(closing.errors())
    return found


def _channel(path: str, socket: type[SocketConsumer]) -> dict[str, Any]:
    parameters = re.findall(r"<str:(\w+)>", path)
    frames = [_names()[each] for each in (*declarations.told_by(socket), *socket.accepts.values())]
    return {
        "address": "/" + re.sub(r"<str:(\w+)>", r"{\1}", path),
        "title": (socket.__doc__ or "").partition("\n")[0],
        "description": f"Clients that do not offer `{PROTOCOL}` are refused {_REFUSED[socket.old_clients]}. A slash may stand at the end of the address.",
        "servers": [{"$ref": "#/servers/sockets"}],
        **({"parameters": {each: {"description": PARAMETERS[each]} for each in parameters}} if parameters else {}),
        "messages": {each: _ref("messages", each) for each in frames},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {"type": "object", "properties": dict(QUERY)},
                "headers": {"type": "object", "properties": dict(HEADERS)},
                "bindingVersion": "0.1.0",
            }
        },
    }


def _operations(socket: type[SocketConsumer]) -> dict[str, Any]:
    name, events = _name(socket), declarations.told_by(socket)
    channel = _ref("channels", name)

    def frames(shapes: Iterable[Any]) -> list[dict[str, str]]:
        return [_ref("channels", name, "messages", _names()[each]) for each in shapes]

    found: dict[str, Any] = {f"tell{name.title()}": {"action": "send", "channel": channel, "title": "What it tells", "messages": frames(events)}}
    for kind, command in socket.accepts.items():
        answers = [each for each in events if issubclass(each, Error) or each.__struct_config__.tag in _ANSWERS.get(kind, ())]
        found[f"{kind}On{name.title()}"] = {
            "action": "receive",
            "channel": channel,
            "title": kind,
            "summary": declarations.summary(command),
            "messages": frames([command]),
            "reply": {"channel": channel, "messages": frames(answers)},
        }
    return found


def _message(shape: type[wire.Shape]) -> dict[str, Any]:
    name, kind = _names()[shape], str(shape.__struct_config__.tag)
    return {
        "name": kind,
        "title": name,
        "summary": declarations.summary(shape),
        "contentType": "application/json",
        "payload": _ref("schemas", name),
        "examples": [{"name": kind, "payload": EXAMPLES[shape]}],
    }


# The stream


def _streamed() -> dict[str, type[wire.Event]]:
    """By the names that their events have."""
    told = {f"{each.__struct_config__.tag}": each for each in declarations.told_by(NotificationSocket)}
    return {kind: told[kind] for kind in sorted(EVENTS)}


def _stream() -> dict[str, Any]:
    return {
        "address": f"/{STREAM}",
        "title": "The bell's frames as server-sent events.",
        "description": "An endless answer to a GET. An event is named as the frame's `type`, has the id `epoch:seq`, and its data are the frame's `data`.",
        "servers": [{"$ref": "#/servers/streams"}],
        "messages": {name: _ref("messages", name) for name in _stream_messages()},
    }


def _stream_messages() -> dict[str, Any]:
    return {
        f"{event.__name__}Event": {
            "name": kind,
            "title": f"{event.__name__}Event",
            "summary": declarations.summary(event),
            "contentType": "application/json",
            "payload": _schemas()[_names()[event]]["properties"]["data"],
            "examples": [{"name": kind, "payload": EXAMPLES[event]["data"]}],
        }
        for kind, event in _streamed().items()
    }


def _tell_stream() -> dict[str, Any]:
    headers = {"Authorization": HEADERS["Authorization"], "Last-Event-ID": LAST_EVENT}
    return {
        "action": "send",
        "channel": _ref("channels", "stream"),
        "title": "What it tells",
        "messages": [_ref("channels", "stream", "messages", name) for name in _stream_messages()],
        "bindings": {"http": {"method": "GET", "query": {"type": "object", "properties": dict(QUERY)}, "bindingVersion": "0.3.0"}},
        "x-headers": {"type": "object", "properties": headers},
    }
