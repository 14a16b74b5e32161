"""What goes over the wire: declared, encoded once, spliced, decoded, and refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from notifications.wire import OPEN_ITEM, OPEN_SEQ, Command, Durable, Event, Refused, Shape, decode, encode, splice


class Waved(Event, kw_only=True, tag="waved"):
    by: str
    at: datetime


class LetterData(Shape, kw_only=True):
    id: msgspec.Raw = OPEN_ITEM
    text: str
    as_of: msgspec.Raw = OPEN_SEQ


class LetterSent(Durable, kw_only=True, tag="letter"):
    topic: ClassVar[str] = "test"
    data: LetterData


class Address(Shape, kw_only=True):
    street: Annotated[str, msgspec.Meta(min_length=2, max_length=5)]


class Wave(Command, kw_only=True, tag="wave"):
    to: Annotated[int, msgspec.Meta(ge=1, le=9)]
    how: Annotated[str, msgspec.Meta(max_length=3)] = "hi"
    address: Address | None = None


class Ping(Command, kw_only=True, tag="ping"):
    pass


ACCEPTED = {"wave": Wave, "ping": Ping}


def refused(frame: str | None) -> Refused:
    with pytest.raises(Refused) as caught:
        decode(frame, ACCEPTED)
    return caught.value


# Events


def test_an_event_is_one_object_whose_type_stands_first_and_whose_times_end_in_z() -> None:
    assert encode(Waved(by="mia", at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))) == '{"type":"waved","by":"mia","at":"2026-01-02T03:04:05Z"}'


def test_a_member_that_is_not_declared_cannot_be_sent() -> None:
    with pytest.raises(TypeError, match="colour"):
        Waved(by="mia", at=datetime.now(UTC), colour="red")  # type: ignore[call-arg]


def test_a_durable_body_is_encoded_once_and_filled_for_each_recipient() -> None:
    body = encode(LetterSent(data=LetterData(text="Hello")))
    frames = [json.loads(splice(body, seq=seq, item=item)) for seq, item in ((7, 70), (2**53 - 1, 1))]
    assert frames[0] == {"type": "letter", "seq": 7, "data": {"id": 70, "text": "Hello", "as_of": 7}}
    assert frames[1] == {"type": "letter", "seq": 2**53 - 1, "data": {"id": 1, "text": "Hello", "as_of": 2**53 - 1}}


@given(text=st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["\x01", "\x02", '\x01"\x02', "\\u0001", "\\x02", '"seq":\x01']))
def test_no_text_of_a_user_can_look_like_a_slot(text: str) -> None:
    frame = json.loads(splice(encode(LetterSent(data=LetterData(text=text))), seq=5, item=6))
    assert frame == {"type": "letter", "seq": 5, "data": {"id": 6, "text": text, "as_of": 5}}


# Commands


def test_a_command_is_read_by_its_type() -> None:
    assert decode('{"type":"wave","to":3}', ACCEPTED) == Wave(to=3)
    assert decode('{"to":3,"address":{"street":"Elm"},"type":"wave","how":"yo"}', ACCEPTED) == Wave(to=3, how="yo", address=Address(street="Elm"))
    assert decode('{"type":"ping"}', ACCEPTED) == Ping()


@pytest.mark.parametrize(
    "frame", [None, "", "hello", "{", '{"type":"ping"', '{"type":"ping"}}', "NaN", "[" * 100_000, '{"type":"wave","to":' + "[" * 5000, '{"a":"\ud800"}']
)
def test_what_is_not_json_is_refused(frame: str | None) -> None:
    assert refused(frame).code == "INVALID_JSON"


@pytest.mark.parametrize("frame", ["[]", "7", '"ping"', "null", "true", "{}", '{"type":null}', '{"type":5}', '{"type":["ping"]}', '{"type":{}}'])
def test_what_is_no_object_with_a_type_is_refused(frame: str) -> None:
    problem = refused(frame)
    assert problem.code == "INVALID_MESSAGE"
    assert "type" in problem.text


@pytest.mark.parametrize("kind", ["", "Ping", "ping ", "notification", "x" * 10_000])
def test_an_unknown_type_is_refused_with_those_that_are_known(kind: str) -> None:
    problem = refused(json.dumps({"type": kind}))
    assert problem.code == "UNKNOWN_MESSAGE_TYPE"
    assert "ping, wave" in problem.text
    assert len(problem.text) < 200


@pytest.mark.parametrize(
    ("members", "field", "reason"),
    [
        ({}, "to", "is missing"),
        ({"to": None}, "to", "must be of type int"),
        ({"to": "3"}, "to", "must be of type int"),
        ({"to": True}, "to", "must be of type int"),
        ({"to": 1.5}, "to", "must be of type int"),
        ({"to": 0}, "to", "must be at least 1"),
        ({"to": 10}, "to", "must be at most 9"),
        ({"to": 10**40}, "to", "must be at most 9"),
        ({"to": 3, "how": "long"}, "how", "is longer than 3"),
        ({"to": 3, "how": 3}, "how", "must be of type str"),
        ({"to": 3, "colour": "red"}, "colour", "is not known here"),
        ({"to": 3, "address": {}}, "address.street", "is missing"),
        ({"to": 3, "address": {"street": "E"}}, "address.street", "is shorter than 2"),
        ({"to": 3, "address": {"street": "Elm", "no": 1}}, "address.no", "is not known here"),
        ({"to": 3, "address": [1]}, "address", "must be of type object | null"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_wrong(members: dict[str, Any], field: str, reason: str) -> None:
    problem = refused(json.dumps({"type": "wave", **members}))
    assert problem.code == "INVALID_MESSAGE"
    assert problem.text == f"The field “{field}” {reason}."


def test_a_refusal_names_the_message_it_was_for_if_that_can_be_said() -> None:
    assert refused('{"type":"wave","client_message_id":"m-1"}').client_message_id == "m-1"
    assert refused('{"type":"wave","clientMessageId":"m-2"}').client_message_id == "m-2"
    assert refused('{"type":"wave","client_message_id":5}').client_message_id is None
    assert refused(json.dumps({"type": "wave", "client_message_id": "x" * 101})).client_message_id is None


def test_a_name_of_any_length_makes_no_long_answer() -> None:
    assert len(refused(json.dumps({"type": "wave", "to": 3, "x" * 50_000: 1})).text) < 200


def test_a_refusal_is_in_the_active_language() -> None:
    with translation.override("zh-hans"):
        chinese = refused('{"type":"wave"}').text
    assert "to" in chinese
    assert chinese != refused('{"type":"wave"}').text
