"""What goes over the wire, for JavaScript: `python -m config.wire_page > realtime/static/realtime/wire.js`."""

from __future__ import annotations

import os
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import django
import msgspec

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from notifications import wire
from realtime import declarations
from realtime.chat.models import LONGEST_NAME, LONGEST_TEXT
from realtime.refusals import ADVICE, PROTOCOL, REASONS, SERVICE_RESTART, TEMPORARY

HEAD: Final = """\
// What goes over the wire, as the server declares it.
// Written by `python -m config.wire_page > realtime/static/realtime/wire.js`; a test fails when it is not up to date.
"""
PLAIN: Final = {str: "string", UUID: "string", datetime: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "unknown"}


def page() -> str:
    """The whole module."""
    names = declarations.names()
    events, commands = declarations.events(), declarations.commands()
    parts = [HEAD, *_constants()]
    parts += [_typedef(each, names, sent=True) for each in names if not issubclass(each, wire.Command)]
    parts.append(_union("Frame", "What the server tells.", [names[each] for each in events]))
    parts.append(_union("Durable", "What has a number in its user's stream.", [names[each] for each in events if issubclass(each, wire.Durable)]))
    parts += [_typedef(each, names, sent=False) for each in commands]
    parts.append(_union("Command", "What a client may ask, each on some of the sockets.", [names[each] for each in commands]))
    return "\n".join(parts) + "\n"


def _constants() -> Iterator[str]:
    closes = {code: reason.close for code, reason in REASONS.items() if code != "CONNECTION_LIMIT"} | {"RESTART": SERVICE_RESTART}
    yield f'/** The subprotocol that a new client offers. */\nexport const SUBPROTOCOL = "{PROTOCOL}";\n'
    yield "/** Why a socket is closed. */\nexport const CLOSE = Object.freeze({"
    yield from (f"  {name}: {code}," for name, code in closes.items())
    yield "});\n"
    yield '/** @typedef {"stop" | "back off" | "refresh" | "at once"} Advice  what a close code tells a client to do */\n'
    yield "/**\n * The first and the last close code of each range, and its advice. With any other code: back off.\n *"
    yield " * @type {readonly (readonly [number, number, Advice])[]}\n */\nexport const ADVICE = ["
    yield from (f'  [{first}, {last}, "{advice.value}"],' for first, last, advice in ADVICE)
    yield "];\n"
    temporary = ", ".join(f'"{code}"' for code in sorted(TEMPORARY))
    yield f"/** Codes of errors that pass: the same may be sent again later. @type {{readonly string[]}} */\nexport const TEMPORARY = [{temporary}];\n"
    yield f"/** Characters that a message may have after trimming. */\nexport const LONGEST_TEXT = {LONGEST_TEXT};\n"
    yield f"/** Characters that a client's name for a message may have. */\nexport const LONGEST_NAME = {LONGEST_NAME};\n"


def _typedef(shape: type[msgspec.Struct], names: Mapping[type[msgspec.Struct], str], *, sent: bool) -> str:
    """`sent`: by the server, who leaves out only what is unset; a client leaves out whatever has a default."""
    members = [f'type: "{shape.__struct_config__.tag}"'] if shape.__struct_config__.tag else []
    for field in msgspec.structs.fields(shape):
        optional = field.default is msgspec.UNSET or (not sent and not field.required)
        members.append(f"{field.encode_name}{'?' if optional else ''}: {_type(field.type, field.default, names)}")
    said = declarations.summary(shape)
    return "\n".join(filter(None, ("/**", said and f" * {said}", f" * @typedef {{{{ {', '.join(members)} }}}} {names[shape]}", " */")))


def _union(name: str, said: str, members: Iterable[str]) -> str:
    return f"/**\n * {said}\n * @typedef {{{' | '.join(members)}}} {name}\n */"


def _type(hint: Any, default: Any, names: Mapping[type[msgspec.Struct], str]) -> str:
    if hint is msgspec.Raw:
        # A slot is filled with a number, and what else is passed on as it came is an object.
        return "number" if default in (wire.OPEN_SEQ, wire.OPEN_ITEM) else "Record<string, unknown>"
    if hint in names:
        return names[hint]
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _type(arguments[0], default, names)
    if origin is typing.Literal:
        return " | ".join(f'"{each}"' for each in arguments)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(dict.fromkeys(_type(each, default, names) for each in arguments if each is not msgspec.UnsetType))
    if origin is list:
        inner = _type(arguments[0], default, names)
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is dict:
        return f"Record<{_type(arguments[0], default, names)}, {_type(arguments[1], default, names)}>"
    raise TypeError(f"{hint} has no name in JavaScript yet")


if __name__ == "__main__":
    sys.stdout.write(page())
