"""The description of the sockets for machines is what the specification asks for, is whole, and is what goes over the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from notifications.services import notify
from realtime.closing import closes, errors
from realtime.refusals import REASONS
from realtime.sockets import SOCKETS
from tests import frames
from tests.markdown import documents
from tests.servers.workers import CHECKOUT, Site
from tests.sockets import connect
from tests.test_docs_frames import COMMANDS, events
from tests.test_docs_frames import frames as shown

SPECIFICATION = CHECKOUT / "tests/node/node_modules/@asyncapi/specs/schemas/3.0.0.json"


@pytest.fixture
def description(api: Callable[..., APIClient]) -> Any:
    return api().get("/api/asyncapi.json").json()


def references(within: Any) -> Iterator[str]:
    if isinstance(within, list):
        for each in within:
            yield from references(each)
    elif isinstance(within, dict):
        for key, each in within.items():
            yield from [each] if key == "$ref" else references(each)


def test_it_is_what_the_specification_asks_for(description: Any) -> None:
    specification = jsonschema_rs.validator_for(json.loads(SPECIFICATION.read_text()))
    assert [f"{error.instance_path}: {error.message[:300]}" for error in specification.iter_errors(description)] == []
    assert not specification.is_valid({**description, "channels": {"nowhere": {"address": 7}}})


def test_all_that_it_points_at_is_there(description: Any) -> None:
    pointed_at = set(references(description))
    assert len(pointed_at) > 50
    for reference in pointed_at:
        place = description
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_address_event_command_and_code_is_in_it(description: Any) -> None:
    addresses = {each["address"] for each in description["channels"].values()}
    assert addresses == {"/" + re.sub(r"<str:(\w+)>", r"{\1}", path) for path in SOCKETS} | {"/api/notifications/stream"}
    declared = {event.__name__ for each in events().values() for event in each if not event.__name__.startswith("Own")}
    told = {each["$ref"].rpartition("/")[2] for one in description["operations"].values() if one["action"] == "send" for each in one["messages"]}
    assert {name.removesuffix("Frame") for name in told if name.endswith("Frame")} == declared
    asked = {each["$ref"].rpartition("/")[2] for one in description["operations"].values() if one["action"] == "receive" for each in one["messages"]}
    assert asked == {f"{command.__name__}Command" for command in COMMANDS}
    assert {each["error_code"] for each in description["x-close-codes"]} - {""} == {name for name in REASONS if name != "CONNECTION_LIMIT"}
    assert set(description["components"]["schemas"]["ErrorFrame"]["properties"]["error_code"]["enum"]) == set(errors())
    assert len({each.code for each in closes()}) > 15


def test_the_examples_and_the_frames_of_the_documents_are_as_it_says(description: Any) -> None:
    schemas = frames.closed(description["components"]["schemas"])
    for name, message in description["components"]["messages"].items():
        validator = frames.validator(message["payload"], schemas)
        for example in message["examples"]:
            assert [error.message for error in validator.iter_errors(example["payload"])] == [], name
    [protocol] = [document for document in documents(CHECKOUT) if document.name == "docs/protocol.md"]
    said = [frame for block in protocol.blocks if block.kind == "jsonc" for frame in shown(block.text)]
    assert len(said) > 20
    for frame in said:
        assert "" in {frames.complaint(address, frame, "send") for address in ("/api/v1/ws", "/ws/chat")}


@pytest.mark.parametrize(
    ("address", "frame", "reason"),
    [
        ("/ws/chat", {"type": "dance"}, "has no frame"),
        ("/api/ws/notifications/?since=1", {"type": "waiting", "data": {"count": 1}}, "has no frame"),
        ("/ws/chat", {"type": "waiting", "data": {"count": -1}}, "data.count"),
        ("/ws/chat", {"type": "waiting", "data": {"count": 1, "more": 2}}, "more"),
        ("/ws/chat", {"type": "waiting", "data": {}}, "count"),
        ("/ws/chat", {"type": "error", "error_code": "OOPS", "message": "", "timestamp": "2026-01-01T00:00:00Z"}, "OOPS"),
        ("/ws/chat", {"type": "token_expiring", "data": {"expires_at": "tomorrow"}}, "tomorrow"),
        ("/api/ws/tasks/import-7", [], "has no frame"),
    ],
)
def test_a_frame_that_is_not_in_it_is_found(address: str, frame: Any, reason: str) -> None:
    assert reason in frames.complaint(address, json.dumps(frame), "send")


def test_a_test_fails_whose_socket_is_told_something_else(server: Site, mia: User, token: Callable[[User], str], monkeypatch: pytest.MonkeyPatch) -> None:
    described = frames._described()
    without = {**described["notification", "send"], "notification": described["notification", "send"]["pong"]}
    monkeypatch.setattr(frames, "_described", lambda: {**described, ("notification", "send"): without})
    with connect(server.ws_url + "/api/ws/notifications", token=token(mia)) as socket:
        socket.until("connected")
        notify(users=[mia], type="system", title="Hello", message="there")
        socket.until("notification")
    [wrong] = frames.taken()
    assert "PongFrame" in wrong
    assert "test_a_test_fails" in wrong


def test_the_page_says_all_of_it_and_loads_nothing_from_elsewhere(api: Callable[..., APIClient], description: Any) -> None:
    response = api().get("/api/sockets/")
    page = response.content.decode()
    for message in description["components"]["messages"]:
        assert message.endswith("Event") or f'id="{message}"' in page
    for each in (*description["channels"].values(), *({"address": code} for code in errors())):
        assert each["address"] in page
    assert "<script" not in page
    assert "`" not in page
    assert re.findall(r"(?:src|href)=\"(?!#|/|data:)[^\"]*", page) == []
    assert "default-src 'none'" in response["Content-Security-Policy"]
    targets = set(re.findall(r'href="#(\w+)"', page))
    assert targets <= set(re.findall(r'id="(\w+)"', page))
