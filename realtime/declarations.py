"""All that is declared of what goes over the wire: which events there are, which commands, and what each socket tells."""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from notifications import wire
from realtime.consumer import SocketConsumer
from realtime.sockets import SOCKETS

Struct = type[msgspec.Struct]


@functools.cache
def events() -> list[type[wire.Event]]:
    """Each that has a type and a shape of its own, what is kept first."""
    found = (each for each in _below(wire.Event) if _tag(each) not in ("", _tag(each.__mro__[1])))
    return sorted(found, key=lambda each: (not issubclass(each, wire.Durable), each.__module__, each.__name__))


def commands() -> list[type[wire.Command]]:
    """Each that some socket accepts."""
    found = {command for socket in SOCKETS.values() for command in socket.accepts.values()}
    return sorted(found, key=lambda each: (each.__module__, each.__name__))


def told_by(socket: type[SocketConsumer]) -> list[type[wire.Event]]:
    """What a socket may tell: what it carries by topic, and what its classes say that they tell besides."""
    besides = {event for part in socket.__mro__ for event in vars(part).get("tells", ())}
    topics = socket.topics + socket.own_topics
    return [event for event in events() if event in besides or any(getattr(each, "topic", "") in topics for each in (event, *_below(event)))]


@functools.cache
def names() -> Mapping[Struct, str]:
    """What is declared, by the name that it has outside: shapes inside frames, the inner ones first, then events, then commands."""
    frames: dict[Struct, str] = {each: f"{each.__name__}Frame" for each in events()}
    asked: dict[Struct, str] = {each: f"{each.__name__}Command" for each in commands()}
    shapes: dict[Struct, str] = {}
    for each in (*frames, *asked):
        _collect(each, shapes)
    return {each: name for each, name in shapes.items() if each not in frames and each not in asked} | frames | asked


def shapes_of(frame: Struct) -> list[Struct]:
    """A frame's own shape and those inside it, the inner ones first."""
    found: dict[Struct, str] = {}
    _collect(frame, found)
    return list(found)


def summary(shape: Struct) -> str:
    """What its declaration says, on one line; nothing if it says nothing of its own."""
    return " ".join((shape.__doc__ or "").split()) if "__doc__" in vars(shape) else ""


def _tag(shape: Any) -> str:
    return str(shape.__struct_config__.tag)


def _below(kind: type[wire.Event]) -> Iterator[type[wire.Event]]:
    """The product's; a test may declare others."""
    for each in kind.__subclasses__():
        if each.__module__.partition(".")[0] in ("notifications", "realtime"):
            yield each
        yield from _below(each)


def _collect(shape: Struct, found: dict[Struct, str]) -> None:
    """The shape and those inside it, the inner ones first."""
    for field in msgspec.structs.fields(shape):
        for inner in _structs(field.type):
            if inner not in found:
                _collect(inner, found)
    found[shape] = shape.__name__


def _structs(hint: Any) -> Iterator[Struct]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for each in typing.get_args(hint):
        yield from _structs(each)
