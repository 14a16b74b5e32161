"""What the fuzz draws: handshakes and frames, from what is right to what is nonsense."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from hypothesis import strategies as st

from notifications.wire import Command
from realtime.declarations import commands
from tests.contract.rough import BINARY, CLOSE, PING, PONG, TEXT, Sent, Visit
from tests.sockets import PROTOCOL

KIB_64, MIB = 65536, 1048576


@dataclass(frozen=True)
class Town:
    """Who and what there is. `tokens` by role, with an expired one and none."""

    tokens: Mapping[str, str]
    users: Sequence[int]
    sessions: Sequence[str]
    messages: Sequence[str]
    tasks: Sequence[str]
    tickets: Sequence[str]


numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 1, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 1e308, -0.0])
    | st.just(400).map(lambda power: 10**power)
)
TEXTS = ["", " ", "\x00", "\x01", "\x02", "\x7f", "\ud800", "\udc00x", "🔑", "__proto__", "type", "' OR 1=1 --", "${x}", "%s"]
long_texts = st.sampled_from([("a", 100), ("a", 101), ("a", 4000), ("é", 4001), ("1", 5000), ("a", 9000)]).map(lambda pair: pair[0] * pair[1])
texts = st.text(max_size=20) | st.sampled_from(TEXTS) | st.sampled_from(TEXTS) | long_texts
scalars = st.none() | st.booleans() | numbers | texts
OPENINGS = [b"[", b'{"type":', b'{"type":"watch","contexts":[']
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=6)
header_texts = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
HEADERS = [
    *("Origin", "Accept-Language", "Authorization", "Cookie", "Host", "Last-Event-ID", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID"),
    *("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "Upgrade"),
]
header_values = header_texts | st.sampled_from(
    ["http://[::1", "null", "https://evil.example", "zh-CN", "en;q=x", "*", "Bearer", "Bearer x.y.z", "permessage-deflate", "switchboard.v1", "8"]
)


_places = st.sampled_from(["", "", "&since=0", "&since=1", "&since=x:1", "&lang=zh-hans"])


def visits(town: Town) -> st.SearchStrategy[Visit]:
    """One socket's handshake, and what is sent after it. Most handshakes are good, or little would be heard of the rest."""
    sent = st.lists(_sent(town), max_size=20)
    good = st.builds(Visit, target=_good_targets(town), headers=_good_headers(), sent=sent)
    odd = st.builds(Visit, target=_targets(town), headers=_headers(town), sent=st.lists(_sent(town), max_size=3))
    return st.integers(0, 3).flatmap(lambda dice: odd if dice == 3 else good)


def _good_targets(town: Town) -> st.SearchStrategy[str]:
    member, agent, customer, staff = (town.tokens[role] for role in ("member", "agent", "customer", "staff"))
    anybody = st.sampled_from([member, agent, customer, staff])
    everywhere = st.builds("{}?token={}{}".format, st.sampled_from(["/api/v1/ws", "/ws/chat", "/ws/chat/", "/api/ws/notifications"]), anybody, _places)
    task = st.builds("/api/ws/tasks/{}?token={}{}".format, st.sampled_from(town.tasks), st.just(member), _places)
    own = st.builds("/api/v1/ws/tasks/{}?token={}{}".format, st.just(town.users[0]), st.sampled_from([member, staff]), _places)
    return st.one_of(everywhere, everywhere, everywhere, task, own)


def _good_headers() -> st.SearchStrategy[str]:
    return st.sampled_from(["", f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n", "Accept-Language: zh-CN\r\n"])


def _targets(town: Town) -> st.SearchStrategy[str]:
    odd = texts.map(lambda text: quote(text, safe="/", errors="replace"))
    task = st.sampled_from([*town.tasks, "nothing", "..", "%00"]) | odd
    user = st.sampled_from([*map(str, town.users), "0", "-1", "1e3", "9" * 16, "9" * 17, "%D9%A3"]) | odd
    paths = st.one_of(
        st.sampled_from(["/api/v1/ws", "/ws/chat", "/ws/chat", "/api/ws/notifications"]),
        st.sampled_from(["/api/v1/ws", "/ws/chat", "/ws/chat", "/api/ws/notifications/"]),
        task.map("/api/ws/tasks/{}".format),
        user.map("/api/v1/ws/tasks/{}/".format),
        st.sampled_from(["/", "//", "/ws", "/admin/", "/api/v1/ws//", "/api/%76%31/ws", "*"]) | odd.map("/{}".format),
    )
    cursors = st.sampled_from(["", "0", "1", "7", "-1", "1.0", "x:1", ":", "9" * 16, "9" * 17, "٣"]) | texts
    languages = st.sampled_from(["zh-hans", "en", "xx", ""]) | texts
    members = st.fixed_dictionaries({}, optional={"since": cursors, "lang": languages, "token": texts, "x": texts})
    odd_queries = st.sampled_from(["%", "%ff", "&" * 30, "=", "since=%d8%a3"])
    raw = odd_queries | st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30)
    encoded = members.map(lambda found: urlencode(found, errors="replace"))
    queries = encoded | encoded | raw
    tokens = st.sampled_from([*town.tokens.values()]).map("token={}".format)
    credentials = tokens | tokens | st.sampled_from(town.tickets).map("ticket={}".format)
    return st.builds(lambda path, query, credential: f"{path}?{credential}&{query}", paths, queries, credentials)


def _headers(town: Town) -> st.SearchStrategy[str]:
    offers = st.sampled_from(["", "", f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n"])
    bearers = st.sampled_from(["", "", "", *(f"Authorization: Bearer {token}\r\n" for token in town.tokens.values())])
    odd = st.lists(st.tuples(st.sampled_from(HEADERS), header_values).map(lambda pair: f"{pair[0]}: {pair[1]}\r\n"), max_size=2).map("".join)
    return st.builds("{}{}{}".format, offers, bearers, odd)


def _sent(town: Town) -> st.SearchStrategy[Sent]:
    plausible = _frames(town).map(_said)
    garbage = st.one_of(
        values.map(_said),
        st.text(max_size=60).map(lambda text: Sent(TEXT, text.encode(errors="surrogatepass"))),
        st.binary(max_size=60).map(lambda data: Sent(BINARY, data)),
        st.builds(lambda depth, opening: Sent(TEXT, opening * depth), st.sampled_from([10, 500, 3000]), st.sampled_from(OPENINGS)),
        plausible.flatmap(_broken),
    )
    odd = st.one_of(
        st.binary(max_size=40).map(lambda data: Sent(TEXT, data)),
        st.sampled_from([KIB_64 - 1, KIB_64, KIB_64 + 1]).map(_big),
        st.sampled_from([MIB, MIB + 1]).map(_big),
        st.builds(Sent, st.just(PING) | st.just(PONG), st.binary(max_size=130)),
        st.builds(Sent, st.just(CLOSE), st.binary(max_size=8) | st.sampled_from([b"", b"\x03\xe8", b"\x03\xed", b"\x0f\xa1bye", b"\xff\xff"])),
        st.builds(Sent, st.sampled_from([0, 1, 2]), st.binary(max_size=20), fin=st.booleans()),
        st.builds(Sent, st.integers(0, 15), st.binary(max_size=20), fin=st.booleans()),
    )
    # What ends a socket is seldom, or nothing would be heard of what comes after it.
    return st.integers(0, 19).flatmap(lambda dice: odd if dice == 0 else garbage if dice < 6 else plausible)


def _frames(town: Town) -> st.SearchStrategy[dict[str, Any]]:
    pools = _pools(town)

    def of(command: type[Command]) -> st.SearchStrategy[dict[str, Any]]:
        members = {field.encode_name: pools[field.encode_name] for field in msgspec.structs.fields(command)}
        kind = command.__struct_config__.tag
        near = {name: st.one_of(right, right, values) for name, right in members.items()}
        return st.fixed_dictionaries({"type": st.just(kind), **members}) | st.fixed_dictionaries({"type": st.just(kind)}, optional={**near, "x": values})

    return st.sampled_from(commands()).flatmap(of)


def _pools(town: Town) -> dict[str, st.SearchStrategy[Any]]:
    """What is right for a member, or nearly."""
    people = st.sampled_from([*town.users, 0, 2**53 - 1])
    sessions = st.sampled_from([*town.sessions, "", "x", "0" * 36, None])
    names = st.sampled_from(["", "m-1", "m-2", "a" * 100, "a" * 101, "\x00"]) | st.text(max_size=5)
    said = st.sampled_from(["Hello", " ", "\x00", "🔑", "\u202e"]) | long_texts | st.text(max_size=30)
    contexts = st.sampled_from(["post_1", "post_2", "a" * 100, *town.sessions])
    return {
        "timestamp": st.sampled_from([1760000000000, 1.5, None, "now"]) | values,
        "since": st.sampled_from([0, 1, 5, 2**53 - 1, "0", "x:1", "", "1:", "9" * 17]),
        "seq": st.integers(0, 60) | st.sampled_from([2**53 - 1, 2**53]),
        "token": st.sampled_from([*town.tokens.values()]) | texts,
        "to_user_id": people,
        "message": said,
        "text": said,
        "client_message_id": names,
        "clientMessageId": names,
        "sessionId": sessions,
        "upTo": st.sampled_from([*town.messages, "", "x", None]),
        "note": st.booleans(),
        "status": st.sampled_from(["online", "away", "busy", "offline"]),
        "user_ids": st.lists(people, max_size=5) | st.sampled_from([500, 501]).map(lambda count: list(range(1, count + 1))),
        "contexts": st.lists(contexts, max_size=4) | st.just(51).map(lambda count: ["c"] * count),
        "data": st.fixed_dictionaries({"is_typing": st.booleans()}, optional={"context": contexts, "to_user_id": people})
        | st.dictionaries(texts, values, max_size=3)
        | st.sampled_from([2040, 2041]).map(lambda size: {"a": "x" * size}),
    }


def _said(value: Any) -> Sent:
    return Sent(TEXT, json.dumps(value).encode())


def _broken(sent: Sent) -> st.SearchStrategy[Sent]:
    """With one piece cut out, or something put in."""
    places = st.integers(0, len(sent.payload))
    more = st.sampled_from([b"", b"{", b"}", b'"', b"\\", b"\x00", b"\\ud800", b"NaN", b"1e999", "é".encode(), b","])
    return st.builds(lambda place, cut, put: Sent(TEXT, sent.payload[:place] + put + sent.payload[place + cut :]), places, st.integers(0, 9), more)


def _big(size: int) -> Sent:
    head, tail = b'{"type":"ping","timestamp":"', b'"}'
    return Sent(TEXT, head + b"x" * (size - len(head) - len(tail)) + tail)
