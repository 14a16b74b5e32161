"""The frames in the documents are those that are declared: no member too many, none too few, each of its type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from notifications import wire
from realtime.sockets import SOCKETS
from tests.markdown import Document, documents
from tests.servers.workers import CHECKOUT
from tests.test_docs import OUR_APPS

# What a client may ask on some socket. A type may be two commands: each kind of socket has its own `message`.
COMMANDS = {command for socket in SOCKETS.values() for command in socket.accepts.values()}


def understood(frame: str) -> set[type[wire.Command]]:
    """As which commands some socket takes this. Raises Refused, as the last one refuses it."""
    found, refusals = set(), []
    for socket in SOCKETS.values():
        try:
            found.add(type(wire.decode(frame, socket.accepts)))
        except wire.Refused as refused:
            refusals.append(refused)
    if not found:
        raise min(refusals, key=lambda refused: refused.code == "UNKNOWN_MESSAGE_TYPE")
    return found


def events() -> dict[str, list[type[wire.Event]]]:
    """All that the product's sockets may tell, by type. A type may be two events: there is the `error` of a task."""

    def below(kind: type[wire.Event]) -> Iterator[type[wire.Event]]:
        for each in kind.__subclasses__():
            yield each
            yield from below(each)

    ours = [each for each in below(wire.Event) if each.__module__.partition(".")[0] in OUR_APPS]
    found: dict[str, list[type[wire.Event]]] = {}
    for each in ours:
        if each.__struct_config__.tag:
            found.setdefault(str(each.__struct_config__.tag), []).append(each)
    return found


def read_as(text: str, kinds: Sequence[type[wire.Event]]) -> list[type[wire.Event]]:
    """As which of these a frame can be read. Raises ValidationError, as the first one does."""
    found, refusals = [], []
    for kind in kinds:
        try:
            msgspec.json.decode(text, type=kind)
        except msgspec.ValidationError as error:
            refusals.append(error)
        else:
            found.append(kind)
    if not found:
        raise refusals[0]
    return found


def frames(text: str) -> Iterator[Any]:
    """The objects of a `jsonc` block, one after another. A text of three dots is a time."""
    rest = re.sub(r"\s//.*$", "", text, flags=re.MULTILINE).replace('"…"', '"2026-01-01T00:00:00Z"').strip()
    while rest:
        frame, end = json.JSONDecoder().raw_decode(rest)
        yield frame
        rest = rest[end:].lstrip()


def left_out(shape: type[msgspec.Struct], said: Mapping[str, Any], where: str) -> Iterator[str]:
    """Members that the server always sends and that are not said."""
    for field in msgspec.structs.fields(shape):
        path = f"{where}.{field.encode_name}"
        if field.encode_name not in said:
            if field.default is not msgspec.UNSET:
                yield path
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from left_out(field.type, said[field.encode_name], path)


def wrong_frames(document: Document) -> list[str]:
    """Frames that are not as they are declared; where frames are shown, all events and commands have to be."""
    declared, found = events(), []
    shown: set[type[wire.Event]] = set()
    for block in document.blocks:
        for frame in frames(block.text) if block.kind == "jsonc" else ():
            kind = frame.get("type", "")
            if kind not in declared:
                found.append(f"{document.name}:{block.line} shows a frame of type {kind!r}, which nothing sends")
                continue
            try:
                read = read_as(json.dumps(frame), declared[kind])
            except msgspec.ValidationError as error:
                found.append(f"{document.name}:{block.line} shows {kind}: {error}")
                shown |= {*declared[kind]}
            else:
                shown |= {*read}
                found += [f"{document.name}:{block.line} leaves out {path}" for path in left_out(read[0], frame, kind)]
    if shown:
        everything = {event for kinds in declared.values() for event in kinds}
        found += [f"{document.name} does not show {event.__name__}" for event in sorted(everything - shown, key=str)]
    return found


def wrong_client_frames(document: Document) -> list[str]:
    """Frames that a client is told to send and that would be refused; where there are some, all have to be."""
    found, shown = [], set()
    for line, text, _ in document.codes:
        if text.startswith('{"type":'):
            frame = re.sub(r"(?<=:)(…|n)(?=[,}])", "1", text)
            try:
                shown |= understood(frame)
            except wire.Refused as refused:
                found.append(f"{document.name}:{line} says to send {text}: {refused.text}")
    if shown:
        found += [f"{document.name} does not say how to send {command.__name__}" for command in sorted(COMMANDS - shown, key=str)]
    return found


@pytest.mark.parametrize("document", documents(CHECKOUT), ids=lambda document: document.name)
@pytest.mark.parametrize("check", [wrong_frames, wrong_client_frames], ids=lambda check: check.__name__)
def test_a_document_shows_frames_as_they_are_declared(document: Document, check: Any) -> None:
    assert check(document) == []


def test_the_protocol_shows_frames() -> None:
    """A reader that finds no frame would complain of none."""
    [protocol] = [document for document in documents(CHECKOUT) if document.name == "docs/protocol.md"]
    assert sum(len(list(frames(block.text))) for block in protocol.blocks) >= len(events()) >= 7


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        ('{"type":"pong","timestamp":"…"}', "leaves out pong.client_timestamp"),
        ('{"type":"heartbeat","data":{"seq":1,"count":2},"timestamp":"…"}', "unknown field `count`"),
        ('{"type":"heartbeat","data":{},"timestamp":"…"}', "missing required field `seq`"),
        ('{"type":"heartbeat","data":{"seq":"1"},"timestamp":"…"}', "Expected `int`"),
        ('{"type":"heartbeat","data":{"seq":1},"timestamp":"…"} // since\n{"type":"unheard"}', "'unheard', which nothing sends"),
    ],
)
def test_a_frame_that_is_not_as_it_is_declared_is_found(tmp_path: Path, frame: str, complaint: str) -> None:
    (tmp_path / "bad.md").write_text(f"```jsonc\n{frame}\n```\n")
    first, *rest = wrong_frames(Document(tmp_path, "bad.md"))
    assert complaint in first
    assert all("does not show" in each for each in rest)
    assert len(rest) >= len(events()) - 2


def test_a_frame_that_a_client_cannot_send_is_found(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text('`{"type":"ack","sequence":n}` and `{"type":"resume","since":n}`')
    first, *rest = wrong_client_frames(Document(tmp_path, "bad.md"))
    assert "sequence" in first or "seq" in first
    assert len(rest) == len(COMMANDS) - 1
