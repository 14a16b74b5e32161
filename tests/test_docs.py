"""What the documents name is there: links, addresses, codes, options and commands.

Each check is a plain function over a document that returns complaints, so that a bad document can
prove that it is able to fail. The frames are looked at in `test_docs_frames.py`, and
`test_docs_run.py` tries whether the blocks do what they say.
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from django.contrib.staticfiles import finders
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.urls import Resolver404, resolve

from accounts.problems import KINDS
from config.options import Options
from notifications.recipients import Audience
from realtime.refusals import REASONS
from tests.markdown import Code, Document, documents
from tests.servers.workers import CHECKOUT

MISSING: Final = "What is not there yet"
"""Under this heading an address or a command must *not* exist, so that the list shrinks as we build."""

OUR_APPS: Final = {"accounts", "notifications", "realtime"}
METHODS: Final = {"GET", "POST", "PUT", "PATCH", "DELETE"}
DOCUMENTS: Final = documents(CHECKOUT)

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)


def dead_links(document: Document) -> list[str]:
    """Links to files or headings that are not there. Other sites cannot be looked at, so a link there is one too."""
    found = []
    for line, target in document.links:
        name, _, anchor = target.partition("#")
        file = (document.path.parent / name).resolve() if name else document.path
        if not file.is_file():
            found.append(f"{document.name}:{line} leads to {target}, which is not there")
        elif anchor and anchor not in Document(file.parent, file.name).anchors:
            found.append(f"{document.name}:{line} leads to {target}, which has no such heading")
    return found


# Names in capitals


def socket_codes() -> set[str]:
    """The codes that a frame is refused with; they are written where they are used."""
    sources = [CHECKOUT / "notifications/wire.py", CHECKOUT / "realtime/inlet.py", CHECKOUT / "realtime/tasks/events.py"]
    return {code for source in sources for code in re.findall(r'(?:Refused\(|_complain\(\w+, |error_code: .* = )"([A-Z_]+)"', source.read_text())}


def known_names() -> set[str]:
    variables = set(re.findall(r"^([A-Z]+) \?=", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    options = {option.name.upper() for option in fields(Options)}
    probe = set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"', (CHECKOUT / "realtime/management/commands/probe.py").read_text()))
    return {"SSL_CERT_FILE", *probe, *options, *variables, *REASONS, *KINDS, *socket_codes(), *Audience.names, *METHODS}


def unknown_names(document: Document) -> list[str]:
    """Codes, options and the like that do not exist, and close codes that are another reason's."""
    known, found = known_names(), []
    for line, text, _ in document.codes:
        named = re.match(r"(?:(\d{4}) )?([A-Z][A-Z_]{2,})(?:=\S*)?(?: |$)", text)
        if named is None:
            continue
        close, name = named.groups()
        if name not in known:
            found.append(f"{document.name}:{line} names {name}, which is no option, code or audience")
        elif close and (name not in REASONS or REASONS[name].close != int(close)):
            found.append(f"{document.name}:{line} says {text}, and {name} closes otherwise")
    return found


def wrong_code_tables(document: Document) -> list[str]:
    """Rows of tables of codes whose numbers are not those of the code; a table of problems has them all."""
    found = []
    for table in document.tables:
        if table.head[0] != "code":
            continue
        rows = [(row[0].strip("`"), dict(zip(table.head[1:], row[1:], strict=True))) for row in table.rows]
        if "status" in table.head:
            expected = {code: {"status": str(kind.status)} for code, kind in KINDS.items()}
            found += [f"{document.name}:{table.line} lacks {code}" for code in expected.keys() - {code for code, _ in rows}]
        else:
            expected = {code: {"HTTP": str(reason.http), "close": str(reason.close)} for code, reason in REASONS.items()}
        for code, said in rows:
            numbers = {name: value for name, value in said.items() if name in ("status", "HTTP", "close")}
            if numbers != expected.get(code):
                found.append(f"{document.name}:{table.line} says {code} is {numbers}, it is {expected.get(code)}")
    return found


# Addresses and commands


def routes() -> list[str]:
    """What `manage.py routes` prints, the address that catches all others left out."""
    out = io.StringIO()
    call_command("routes", stdout=out)
    return [line.split()[1] for line in out.getvalue().splitlines() if "<path:" not in line]


def exists(method: str | None, address: str, known: list[str]) -> bool:
    """Whether there is such an address and, if a method is named, whether it has that. `/api/` is where others begin."""
    path = re.sub(r"<\w+>", "1", address.partition("?")[0].replace("<uuid>", str(UUID(int=1))))
    if path.startswith("/static/"):
        return finders.find(re.sub("^/static/(1/)?", "", path)) is not None
    kinds = {"int": r"\d+", "uuid": "[0-9a-f-]{36}", "str": "[^/]+"}
    patterns = (re.sub(r"<(\w+):\w+>", lambda found: kinds[found[1]], route) for route in known)
    listed = any(re.fullmatch(pattern.rstrip("/") + "/?", path) for pattern in patterns)
    if not listed:
        return path == "/admin/" or (method is None and path.endswith("/") and any(route.startswith(path) for route in known))
    try:
        view = getattr(resolve(path).func, "view_class", None)
    except Resolver404:
        return False
    return method is None or view is None or hasattr(view, method.lower())


def wrong_addresses(document: Document) -> list[str]:
    """Addresses that nothing answers at, and those that are said to be missing and are not."""
    known, found = routes(), []
    for line, text, heading in document.codes:
        address = re.fullmatch(rf"(?:({'|'.join(METHODS)}) )?(/\S*)", text)
        if address and exists(address[1], address[2], known) == (heading == MISSING):
            found.append(f"{document.name}:{line} {'is wrong to miss' if heading == MISSING else 'names'} {text}")
    return found


def management_commands(document: Document) -> Iterator[Code]:
    """Every `manage.py …` of a document: in its prose, in its blocks and in tables about them."""
    for code in document.codes:
        if found := re.match(r"(?:python )?manage\.py (\w.*)", code.text):
            yield code._replace(text=found[1])
    for block in document.blocks:
        for found in re.finditer(r"""manage\.py (\w(?:"[^"]*"|'[^']*'|[^)\n"'])*)""", block.text if block.kind == "sh" else ""):
            yield Code(block.line, found[1], "")
    for table in document.tables:
        if "manage.py" in table.head[0]:
            yield from (Code(table.line, row[0].strip("`"), "") for row in table.rows)


def wrong_management_commands(document: Document) -> list[str]:
    """Commands that do not exist or do not take such arguments, and those that are said to be missing and are not."""
    found, apps = [], get_commands()
    for line, text, heading in management_commands(document):
        name, *arguments = shlex.split(text)
        if (name in apps) == (heading == MISSING):
            found.append(f"{document.name}:{line} {'is wrong to miss' if name in apps else 'names'} the command {name}")
        elif name in apps and arguments and "<" not in text:
            command = load_command_class(apps[name], name)
            command._called_from_command_line = False  # so that it raises where it would end the process
            try:
                command.create_parser("manage.py", name).parse_args(arguments)
            except CommandError as error:
                found.append(f"{document.name}:{line} says manage.py {text}: {error}")
    return found


CHECKS: Final = (dead_links, unknown_names, wrong_code_tables, wrong_addresses, wrong_management_commands)


@every_document
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_what_a_document_names_is_there(document: Document, check: Any) -> None:
    assert check(document) == []


def test_every_command_of_ours_is_in_the_operators_table() -> None:
    [operations] = [document for document in DOCUMENTS if document.name == "docs/operations.md"]
    named = {code.text.split()[0] for code in management_commands(operations) if code.heading != MISSING}
    assert {name for name, app in get_commands().items() if app in OUR_APPS} <= named


def test_there_is_enough_to_look_at() -> None:
    """A reader of Markdown that finds nothing would complain of nothing."""
    assert len(DOCUMENTS) >= 6
    assert sum(len(document.links) for document in DOCUMENTS) > 8
    assert sum(len(document.tables) for document in DOCUMENTS) > 15
    assert sum(code.text.startswith(("/", "POST /", "GET /")) for document in DOCUMENTS for code in document.codes) > 25
    assert sum(1 for document in DOCUMENTS for _ in management_commands(document)) > 15


@pytest.mark.parametrize(
    ("check", "text", "complaint"),
    [
        (dead_links, "See [more](nowhere.md).", "is not there"),
        (dead_links, "See [more](https://shop.example/).", "is not there"),
        (dead_links, "# Here\n[more](#there)", "no such heading"),
        (unknown_names, "Set `WS_HARTBEAT_INTERVAL`.", "WS_HARTBEAT_INTERVAL"),
        (unknown_names, "Set `IDENTITY_REQUIERD=1`.", "IDENTITY_REQUIERD"),
        (unknown_names, "It ends with `4410 PING_TIMEOUT`.", "closes otherwise"),
        (wrong_code_tables, "| code | HTTP | close | |\n|---|---|---|---|\n| `FORBIDDEN` | 403 | 4404 | no |", "FORBIDDEN"),
        (wrong_code_tables, "| code | HTTP | close |\n|---|---|---|\n| `UNHEARD_OF` | 403 | 4403 |", "UNHEARD_OF"),
        (wrong_code_tables, "| code | status |\n|---|---|\n" + "".join(f"| `{code}` | {kind.status} |\n" for code, kind in list(KINDS.items())[1:]), "lacks"),
        (wrong_addresses, "`GET /api/v1/nothing`", "/api/v1/nothing"),
        (wrong_addresses, "`DELETE /api/v1/users`", "DELETE /api/v1/users"),
        (wrong_addresses, "`/api/v1/notifications/<id>/more`", "/more"),
        (wrong_addresses, f"# {MISSING}\n`/health`", "wrong to miss /health"),
        (wrong_management_commands, "`manage.py serv`", "the command serv"),
        (wrong_management_commands, "`manage.py serve --wrokers 2`", "--wrokers"),
        (wrong_management_commands, "```sh\npython manage.py issue_token\n```\n`manage.py prune --hard`", "--hard"),
        (wrong_management_commands, f"# {MISSING}\n`manage.py prune`", "wrong to miss the command prune"),
    ],
)
def test_a_document_that_names_what_is_not_there_is_found(tmp_path: Path, check: Any, text: str, complaint: str) -> None:
    (tmp_path / "bad.md").write_text(text)
    found = check(Document(tmp_path, "bad.md"))
    assert len(found) == 1
    assert complaint in found[0]
