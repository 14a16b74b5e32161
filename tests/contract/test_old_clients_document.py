"""How docs/old-clients.md says that older clients are refused is how they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from realtime.refusals import Refusal, refuse
from realtime.sockets import SOCKETS
from tests.markdown import Document, Table
from tests.servers.workers import CHECKOUT

DOCUMENT: Final = Document(CHECKOUT, "docs/old-clients.md")
OLD: Final = {re.sub(r"<\w+:(\w+)>", r"<\1>", f"/{path}"): socket.old_clients for path, socket in SOCKETS.items()}


def refusals() -> Table:
    [table] = [table for table in DOCUMENT.tables if table.head[0] == "refused for"]
    return table


def said() -> Iterator[tuple[str, str, str]]:
    """Each code, each address, and how the document says it is refused there."""
    table = refusals()
    for row in table.rows:
        for addresses, ending in zip(table.head[1:], row[1:], strict=True):
            yield from ((row[0].strip("`"), address, ending) for address in re.findall("`([^`]+)`", addresses) if ending)


async def ending(address: str, code: str) -> str:
    """How a client that does not know us is refused."""
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {"path": address, "subprotocols": [], "extensions": {"websocket.http.response": {}}}
    await refuse(scope, send, Refusal(code), OLD[address])
    first, last = sent[0], sent[-1]
    return f"HTTP {first['status']}" if first["type"] == "websocket.http.response.start" else str(last["code"])


def test_the_table_has_every_socket() -> None:
    assert {address for _, address, _ in said()} == set(OLD)
    assert len(refusals().rows) == 7


@pytest.mark.parametrize(("code", "address", "shown"), list(said()))
async def test_an_older_client_is_refused_as_the_document_says(code: str, address: str, shown: str) -> None:
    assert await ending(address, code) == shown
