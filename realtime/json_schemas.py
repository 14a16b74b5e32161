"""What is declared of what goes over the wire, as JSON Schema."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta

from notifications import wire
from realtime import declarations

REF: Final = "#/components/schemas/{name}"

# What a slot is filled with. 0: said again of something that a customer wrote before it was vouched for, which has no number in this stream.
_NUMBER: Final = Annotated[int, Meta(ge=0, le=wire.MAX_SEQ)]


def schemas() -> dict[str, Any]:
    """All shapes by their names. A frame of the server's may get more members in a later release; a client's may have no others."""
    drawn: dict[Any, Any] = {}
    names = declarations.names()
    asked = {shape for command in declarations.commands() for shape in declarations.shapes_of(command)}
    for shape, name in names.items():
        drawn[shape] = _drawn(shape, name, drawn, asked=shape in asked)
    _, components = msgspec.json.schema_components(drawn.values(), ref_template=REF)
    return {name: components[name] for name in names.values()}


def _drawn(shape: declarations.Struct, name: str, drawn: Mapping[Any, Any], *, asked: bool) -> Any:
    """The shape as it is outside: by its own names, with nothing that is spliced in, and a default only where the server puts one in."""
    members: list[Any] = []
    for field in msgspec.structs.fields(shape):
        kind = _kind(field.type, field.default, drawn)
        if field.default is UNSET:
            members.append((field.encode_name, kind, UNSET))
        elif not asked or field.required:
            members.append((field.encode_name, kind))
        elif field.default_factory is not msgspec.NODEFAULT:
            members.append((field.encode_name, kind, msgspec.field(default_factory=field.default_factory)))
        else:
            members.append((field.encode_name, kind, field.default))
    return msgspec.defstruct(
        name,
        members,
        namespace={"__doc__": declarations.summary(shape)},
        kw_only=True,
        tag_field="type" if shape.__struct_config__.tag else None,
        tag=shape.__struct_config__.tag or None,
        forbid_unknown_fields=asked,
    )


def _kind(hint: Any, default: Any, drawn: Mapping[Any, Any]) -> Any:
    if hint is msgspec.Raw:
        return _NUMBER if default in (wire.OPEN_SEQ, wire.OPEN_ITEM) else dict[str, Any]
    if hint is datetime:
        return Annotated[datetime, Meta(tz=True)]
    if hint in drawn:
        return drawn[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return Annotated[_kind(arguments[0], default, drawn), *arguments[1:]]
    if origin in (types.UnionType, typing.Union):
        return typing.Union[*(_kind(each, default, drawn) for each in arguments)]
    if origin in (list, dict):
        return origin[*(_kind(each, default, drawn) for each in arguments)]
    return hint
