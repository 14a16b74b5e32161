"""Whatever a client sends, it is answered clearly, and nobody else notices."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from notifications.services import notify
from tests.servers.fleet import Servers, complaints
from tests.servers.workers import Site
from tests.sockets import Frame, Socket, connect

BELL = "/api/ws/notifications"
ROUNDS, FRAMES = 200, 10  # with four broken forms of each: 10,000 frames
FIELDS = {"ping": {"timestamp"}, "resume": {"since"}, "ack": {"seq"}, "auth": {"token"}}
# What a client may be told of a frame that it got wrong. TOKEN_EXPIRED is `auth`'s only.
CODES = {"INVALID_JSON", "INVALID_MESSAGE", "UNKNOWN_MESSAGE_TYPE", "TOKEN_EXPIRED"}

numbers = st.integers() | st.floats() | st.sampled_from([2**53, 2**63, 2**64, -1, 10**400])
texts = st.text(max_size=30) | st.sampled_from(["", "ping", "resume", "\x00", "\x01", "\x02", "\ud800", "1" * 5000, "🔑", "__proto__", "type"])
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8)
kinds = st.sampled_from([*FIELDS, "message", "chat", "heartbeat", "PING", ""]) | values
cursors = values | st.sampled_from(["c0ffee:1", "-1", "1.0", ":"])
commands = st.fixed_dictionaries({"type": kinds}, optional={"timestamp": values, "since": cursors, "seq": values, "token": values, "x": values})
NEAR = [0, 3, -1, 2**53, 1.5, True, None, "", "0", "c0ffee:1", "soon", "x.y.z", "\x00", [], [0], {}]
near = st.sampled_from(NEAR)
aimed = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda kind: st.fixed_dictionaries({"type": st.just(kind)}, optional={**dict.fromkeys(sorted(FIELDS[kind]), near), "x": values})
)
openings = st.sampled_from(["[", '{"type":', '{"type":"ping","timestamp":['])
nested = st.builds(lambda depth, opening: opening * depth, st.sampled_from([10, 500, 2000]), openings)
good_json = (values | commands).map(json.dumps)
random_text = st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.text(alphabet=string.printable, max_size=60)
long_text = st.sampled_from(['{"type":"ping","timestamp":"' + "x" * 60_000 + '"}', "[" + "0," * 30_000 + "0]", '{"type":"' + "é" * 30_000 + '"}'])
frames = st.one_of(aimed.map(json.dumps), aimed.map(json.dumps), commands.map(json.dumps), good_json, random_text, nested, st.binary(max_size=40), long_text)


def with_broken_forms(frame: str | bytes) -> list[str | bytes]:
    """A frame, and the same cut short, said twice, with one character changed, and with one more."""
    if isinstance(frame, bytes):
        return [frame, *(form.encode() for form in broken_forms(frame.decode("latin-1")))]
    return [frame, *broken_forms(frame)]


def broken_forms(frame: str) -> list[str]:
    chance = random.Random(frame)
    place = chance.randrange(len(frame) + 1)
    character = chance.choice('{}[]",:\\\x00 0e-ntf🔑')
    changed, more = (frame[:place] + character + frame[place + skipped :] for skipped in (1, 0))
    return [frame[:place], (frame + frame)[:1000], changed, more]


def answered(sent: str | bytes, answers: list[Frame]) -> str:
    """Check that these are answers that a client can do something with; what kind they are."""
    if not answers:
        assert json.loads(sent)["type"] == "ack"
        return "nothing"
    first = answers[0]
    if first["type"] in ("pong", "connected"):
        assert json.loads(sent)["type"] == {"pong": "ping", "connected": "resume"}[first["type"]]
        return str(first["type"])
    assert [frame["type"] for frame in answers] == ["error"]
    code, message = first["error_code"], first["message"]
    assert code in CODES, first
    assert message.strip()
    assert len(message) < 500
    if code == "INVALID_MESSAGE":
        named = re.search(r"“([^”]*)”", message)
        assert named, message
        if isinstance(understood := read(sent), dict):
            known = FIELDS.get(str(understood.get("type")), set()) | {"type"} | {key[:100] for key in understood}
            assert any(named[1] == field or named[1].startswith((field + ".", field + "[")) for field in known), (named[1], known)
    elif code == "INVALID_JSON":
        assert not strict_json(sent), sent
    elif code == "TOKEN_EXPIRED":
        assert json.loads(sent)["type"] == "auth"
    return str(code)


def read(sent: str | bytes) -> Any:
    """What Python makes of it; None if that is nothing."""
    try:
        return json.loads(sent)
    except (ValueError, RecursionError):
        return None


def strict_json(sent: str | bytes) -> bool:
    """Whether it is JSON by the letter, of a depth and with numbers and texts that a machine can hold."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    if isinstance(sent, bytes):
        return False
    try:
        read = json.loads(sent, parse_constant=refuse)
        json.dumps(read, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return not re.search(r"\d{300}", sent)


def send_all(socket: Socket, sent: list[str | bytes], begin: int) -> list[list[Frame]]:
    """Send frames, a ping behind each, and sort what comes back by the frame that it answers."""
    for number, frame in enumerate(sent, start=begin):
        socket.send(frame)
        socket.send({"type": "ping", "timestamp": f"barrier {number}"})
    answers: list[list[Frame]] = [[] for _ in sent]
    for number, here in enumerate(answers, start=begin):
        while (frame := socket.until(lambda frame: True)).get("client_timestamp") != f"barrier {number}":
            if frame["type"] != "heartbeat":
                here.append(frame)
    return answers


@pytest.fixture(scope="module")
def patient(servers: Servers) -> Iterator[Site]:
    """A server that lets everybody talk as fast as they can."""
    with servers.serve(env={"WS_FRAME_RATE": "0"}) as running:
        yield running


def test_ten_thousand_random_and_malformed_frames_are_answered_clearly_and_harm_nobody(
    patient: Site, mia: User, bob: User, token: Callable[[User], str]
) -> None:
    workers, sent_so_far, kinds_of_answers = patient.workers(), 0, set()
    with connect(patient.ws_url + BELL, token=token(mia)) as socket, connect(patient.ws_url + BELL, token=token(bob)) as neighbour:
        socket.until("connected")
        neighbour.until("connected")

        # What Hypothesis draws depends on all modules that are loaded, so every kind of answer is not left to it.
        plain = [json.dumps({"type": kind, field: value}) for kind in FIELDS for field in FIELDS[kind] for value in NEAR]
        for sent, answers in zip(plain, send_all(socket, plain, 0), strict=True):
            kinds_of_answers.add(answered(sent, answers))

        @settings(
            max_examples=ROUNDS,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(frames, min_size=FRAMES, max_size=FRAMES))
        def storm(drawn: list[str | bytes]) -> None:
            nonlocal sent_so_far
            batch = [form for frame in drawn for form in with_broken_forms(frame)]
            for sent, answers in zip(batch, send_all(socket, batch, sent_so_far), strict=True):
                kinds_of_answers.add(answered(sent, answers))
            sent_so_far += len(batch)
            socket.forget()

        storm()
        assert sent_so_far >= 10_000
        assert kinds_of_answers >= {*CODES, "pong", "nothing"}

        notify(users=[mia, bob], type="system", title="still here", message="both")
        for survivor in (socket, neighbour):
            assert survivor.until("notification")["data"]["title"] == "still here"
    assert patient.workers() == workers
    assert complaints(patient.log) == []


@pytest.mark.parametrize(
    ("frame", "code", "named"),
    [
        ("", "INVALID_JSON", None),
        ("{", "INVALID_JSON", None),
        ('{"type":"ping"} x', "INVALID_JSON", None),
        (b'{"type":"ping"}', "INVALID_JSON", None),
        ("null", "INVALID_MESSAGE", "type"),
        ("[]", "INVALID_MESSAGE", "type"),
        ("{}", "INVALID_MESSAGE", "type"),
        ('{"type":7}', "INVALID_MESSAGE", "type"),
        ('{"type":"dance"}', "UNKNOWN_MESSAGE_TYPE", "type"),
        ('{"type":"ack"}', "INVALID_MESSAGE", "seq"),
        ('{"type":"ack","seq":"one"}', "INVALID_MESSAGE", "seq"),
        ('{"type":"ack","seq":-1}', "INVALID_MESSAGE", "seq"),
        ('{"type":"ack","seq":9007199254740992}', "INVALID_MESSAGE", "seq"),
        ('{"type":"ack","seq":1,"user_id":7}', "INVALID_MESSAGE", "user_id"),
        ('{"type":"ping","timestamp":{"a":1}}', "INVALID_MESSAGE", "timestamp"),
        ('{"type":"resume","since":[1]}', "INVALID_MESSAGE", "since"),
        ('{"type":"resume","since":"soon"}', "INVALID_MESSAGE", "since"),
        ('{"type":"resume","since":null}', "INVALID_MESSAGE", "since"),
        ('{"type":"auth","token":null}', "INVALID_MESSAGE", "token"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_an_answer_names_what_is_wrong_in_the_clients_language(
    server: Site, mia: User, token: Callable[[User], str], frame: str | bytes, code: str, named: str | None, language: str
) -> None:
    with connect(server.ws_url + BELL, token=token(mia), headers={"Accept-Language": language}) as socket:
        socket.send(frame)
        error = socket.until("error")
        assert error["error_code"] == code
        assert named is None or f"“{named}”" in error["message"]
        assert (re.search(r"[\u4e00-\u9fff]", error["message"]) is not None) == (language == "zh-CN"), error["message"]
        assert socket.sync() == []


def test_an_answer_repeats_the_name_that_the_client_gave_its_message(server: Site, mia: User, token: Callable[[User], str]) -> None:
    with connect(server.ws_url + BELL, token=token(mia)) as socket:
        socket.send({"type": "ack", "client_message_id": "my own name"})
        assert socket.until("error")["data"] == {"client_message_id": "my own name"}


def padded(size: int) -> str:
    frame = json.dumps({"type": "ping", "timestamp": ""})
    return frame[:-2] + "x" * (size - len(frame)) + frame[-2:]


@pytest.mark.parametrize(
    ("frame", "text", "code", "error"),
    [
        (padded(64 * 1024 + 1), True, 4413, "MESSAGE_TOO_BIG"),
        ("é" * (32 * 1024 + 1), True, 4413, "MESSAGE_TOO_BIG"),
        (b"\x00" * (64 * 1024 + 1), False, 4413, "MESSAGE_TOO_BIG"),
        (padded(1024 * 1024 + 1), True, 1009, None),
        (b'{"type":"ping","timestamp":"\xff"}', True, 1007, None),
        (b"\xed\xa0\x80", True, 1007, None),
    ],
    ids=["64 KiB and one", "64 KiB in characters", "64 KiB binary", "1 MiB and one", "not UTF-8", "a lone surrogate"],
)
def test_a_frame_that_cannot_be_taken_closes_the_socket_and_no_other(
    server: Site, mia: User, token: Callable[[User], str], frame: str | bytes, text: bool, code: int, error: str | None
) -> None:
    with connect(server.ws_url + BELL, token=token(mia)) as neighbour, connect(server.ws_url + BELL, token=token(mia)) as socket:
        socket.until("connected")
        neighbour.until("connected")
        socket.send(frame, text=text)
        assert socket.ended() == code
        told = [frame for frame in socket.frames if frame["type"] == "error"]
        assert [frame["error_code"] for frame in told] == ([error] if error else [])
        if error:
            assert (told[0]["close_code"], told[0]["reconnect"]) == (code, False)
        assert neighbour.sync() == []
    assert complaints(server.log) == []


def test_a_frame_of_exactly_64_kib_is_taken(server: Site, mia: User, token: Callable[[User], str]) -> None:
    with connect(server.ws_url + BELL, token=token(mia)) as socket:
        frame: dict[str, Any] = json.loads(padded(64 * 1024))
        socket.send(json.dumps(frame))
        assert socket.until("error")["error_code"] == "INVALID_MESSAGE"  # its timestamp is too long, and that is all
        assert socket.sync() == []
