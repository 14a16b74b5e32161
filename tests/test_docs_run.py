"""Every block of the documents is tried: commands and snippets against a real server, as its reader would.

A curl that is answered with an error fails its block. The `json` block that follows a `sh` block is
its answer: the same members and types, and the same texts where they hold no three dots.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy

from accounts import refresh, tokens
from accounts.models import Agent, User
from notifications.models import Notification
from realtime.demo import PASSWORD, PEOPLE
from tests.markdown import Block, documents
from tests.servers.backups import BACKUP, RESTORE
from tests.servers.fleet import Servers
from tests.servers.workers import CHECKOUT, Site

BLOCKS: Final = [(document.name, block) for document in documents(CHECKOUT) for block in document.blocks]

ELSEWHERE: Final[Mapping[str, tuple[str, str]]] = {
    "make lock": ("tests/test_locked_requirements.py", "^lock: "),
    "python -m config.options_page > docs/options.md": ("tests/test_options.py", "options_page.page()"),
    "python -m config.wire_page > realtime/static/realtime/wire.js": ("tests/test_wire_page.py", "wire_page.page()"),
    "python manage.py serve --host 127.0.0.1 --port 8000 --workers 4": ("tests/test_serve.py", "serving("),
    **dict.fromkeys([*BACKUP.values(), *RESTORE.values()], ("tests/servers/backups.py", "run(RESTORE[connection.vendor]")),
    "python manage.py import_jsonl old.jsonl": ("tests/realtime/imports/old.py", 'call_command("import_jsonl"'),
    "python manage.py import_jsonl old.jsonl --dry-run": ("tests/realtime/imports/test_import.py", '"--dry-run"'),
    "python manage.py restored": ("tests/realtime/test_restore.py", "shop.restored()"),
    "python manage.py restored --revoke": ("tests/realtime/test_restore.py", 'shop.restored("--revoke")'),
}
"""Lines that are not run here, where they are run instead, and the words there that do it."""

PYTHON_ELSEWHERE: Final[Mapping[str, str]] = {"docs/tasks.md": "tests/realtime/tasks/test_document.py"}
"""Documents whose Python blocks are not run here, and the tests that run them: whole programs."""

WHOLE_ELSEWHERE: Final[Mapping[str, str]] = {"README.md": "tests/test_make_run.py", "docs/integrate-django.md": "tests/browser/test_integrate_django.py"}
"""Documents of which nothing is run here, and the tests that take them out as they stand and use all of it."""

COMMANDS_ELSEWHERE: Final[Mapping[str, str]] = {"docs/deploy.md": "tests/deploy/test_document.py"}
"""The same for commands: those of a machine's root, from the first to the last."""

LOOKED_AT: Final[Mapping[str, tuple[str, ...]]] = {
    "jsonc": ("docs/protocol.md",),  # frames: tests/test_docs_frames.py
    # What tests/realtime/test_sse.py compares with what comes, what tests/realtime/imports reads, and a policy of
    # tests/browser/test_widget_shops.py.
    "text": ("docs/sse.md", "docs/widget.md", "docs/import.md"),
    # Run in a browser or in Node: test_event_source.py, test_client_document.py, test_widget_shops.py, test_state_document.py, test_integrate_rest.py.
    "javascript": ("docs/integrate-rest.md", "docs/sse.md", "docs/client.md", "docs/widget.md", "docs/state.md"),
    "html": ("docs/widget.md", "docs/elements.md"),  # likewise: test_widget_shops.py, test_bell.py, test_task_bar.py
    "css": ("docs/elements.md",),  # likewise
}
"""Kinds of blocks that nobody runs, and the documents that may have them."""

CURL: Final = "silent\nshow-error\nfail-with-body\nmax-time = 20\nnoproxy = *\n"
CURL_FAILED: Final = 22
ADDRESS: Final = "http://localhost:8000"  # where `make run` answers
SHARED: Final = {"IDENTITY_SECRET": secrets.token_hex(20), "JWT_SIGNING_KEY": secrets.token_hex(40)}


@pytest.fixture(scope="module")
def site(servers: Servers) -> Iterator[Site]:
    """A server with a host site. All readers come from one address."""
    with servers.serve(env={**SHARED, "RATE_LOGIN": "0/m", "RATE_CUSTOMERS": "0/m"}) as running:
        yield running


@dataclass
class Reader:
    """Somebody who tries what a document says."""

    site: Site
    mia: User
    env: Mapping[str, str]

    def read(self, name: str, block: Block) -> None:
        """Try one block. Raises AssertionError."""
        where = f"{name}:{block.line}"
        runners = {"sh": self._sh, "python": self._python, "js": self._js}
        assert block.shown is None or block.kind == "sh", f"{where}: only commands have answers"
        if name in WHOLE_ELSEWHERE or name in {"python": PYTHON_ELSEWHERE, "sh": COMMANDS_ELSEWHERE}.get(block.kind, {}):
            return
        if block.kind in runners:
            runners[block.kind](where, block)
        else:
            assert name in LOOKED_AT.get(block.kind, ()), f"{where}: nobody knows what to do with a block of kind {block.kind!r} here"

    def _sh(self, where: str, block: Block) -> None:
        script = "".join(line for line in block.text.splitlines(keepends=True) if line.strip() not in ELSEWHERE)
        script = script.replace(ADDRESS, self.site.url).replace('"user_id": 1,', f'"user_id": {self.mia.pk},')
        ended = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=CHECKOUT, env=self.env, capture_output=True, text=True, timeout=60)
        shown = json.loads(block.shown) if block.shown else None
        # An answer that is a problem document is the answer to a call that has to fail.
        expected = CURL_FAILED if isinstance(shown, dict) and "code" in shown else 0
        assert ended.returncode == expected, f"{where} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        if block.shown:
            found = list(differences(shown, json.loads(ended.stdout)))
            assert not found, f"{where}: {'; '.join(found)}"

    def _python(self, where: str, block: Block) -> None:
        told = Notification.objects.filter(user=self.mia)
        before = told.count()
        names: dict[str, Any] = {"user": self.mia, "author": self.mia, "_": gettext_lazy}
        exec(compile(block.text, where, "exec"), names)  # noqa: S102 - it is our own document
        made = {name: each for name, each in names.items() if inspect.isfunction(each) and each.__code__.co_filename == where}
        for name, function in made.items():
            self._try(where, name, function)
        assert made or told.count() == before + 1, f"{where} tells Mia nothing"

    def _js(self, where: str, block: Block) -> None:
        assert shutil.which("node"), "The documents' JavaScript needs Node. Debian: apt install nodejs."
        made = re.findall(r"^export function (\w+)", block.text, re.MULTILINE)
        assert made, f"{where} exports nothing that could be tried"

        def calling(name: str) -> Callable[[str], Any]:
            script = f"{block.text}\nprocess.stdout.write(JSON.stringify({name}(process.argv[1])));"

            def call(argument: str) -> Any:
                ended = subprocess.run(["node", "--input-type=module", "-e", script, "--", argument], env=self.env, capture_output=True, text=True, timeout=60)
                assert ended.returncode == 0, f"{where}: {ended.stderr}"
                return json.loads(ended.stdout)

            return call

        for name in made:
            self._try(where, name, calling(name))

    def _try(self, where: str, name: str, function: Callable[..., Any]) -> None:
        tried = {"identity": self._try_identity, "token_for": self._try_token_for}
        assert name in tried, f"{where} makes {name}, which nobody tries"
        tried[name](function)

    def _try_identity(self, identity: Callable[[str], dict[str, str]]) -> None:
        me = identity(f" Kundin Ä {secrets.token_hex(4)} ")
        phone, desk, liar = self._come(me, "APP"), self._come(me, "WEB"), self._come({**me, "externalId": "somebody else"}, "WEB")
        assert (phone.status_code, desk.status_code, liar.status_code) == (201, 201, 403)
        assert phone.json()["userId"] == desk.json()["userId"]

    def _come(self, identity: Mapping[str, str], channel: str) -> httpx.Response:
        return httpx.post(f"{self.site.url}/api/v1/customers", json={"name": "Ann", "channel": channel, "identity": identity}, timeout=20)

    def _try_token_for(self, token_for: Callable[[int], str]) -> None:
        answer = httpx.get(f"{self.site.url}/api/v1/notifications", headers={"Authorization": f"Bearer {token_for(self.mia.pk)}"}, timeout=20)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def reader(site: Site, ann: User, service_key: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Somebody who has run `make run`, as far as Mia and the first agent are concerned, and has what the documents say one has."""
    assert shutil.which("curl"), "The documents' commands need curl. Debian: apt install curl."
    (tmp_path / ".curlrc").write_text(CURL)
    for name, value in SHARED.items():
        monkeypatch.setenv(name, value)
    mia, agent = demos_mia(), demos_agent()
    env = {
        **site.env,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CURL_HOME": str(tmp_path),
        "TOKEN": tokens.issue(mia)[0],
        "REFRESH": refresh.issue(mia),
        "CUSTOMER_ID": str(ann.customer.public_id),
        "SERVICE_KEY": service_key("notifications", "tasks", "users"),
    }
    yield Reader(site, mia, env)
    User.objects.filter(pk__in=[mia.pk, agent.pk]).delete()


def demos_mia() -> User:
    """Mia as `createdemo` makes her, with nothing that an earlier reader did to her."""
    User.objects.filter(username="mia").delete()
    return User.objects.create(username="mia", display_name="Mia", password=demos_password())


def demos_agent() -> User:
    """The first agent, likewise."""
    User.objects.filter(username="agent001").delete()
    user = User.objects.create(username="agent001", password=demos_password(), **PEOPLE["agent001"])
    Agent.objects.create(user=user)
    return user


@cache
def demos_password() -> str:
    return make_password(PASSWORD)


def differences(shown: Any, real: Any, where: str = "the answer") -> Iterator[str]:
    """What is not as it is shown. Three dots in a text stand for anything; of a number only the type counts."""
    if isinstance(shown, dict) and isinstance(real, dict):
        yield from (f"{where} has {name}" for name in real.keys() - shown.keys())
        yield from (f"{where} lacks {name}" for name in shown.keys() - real.keys())
        for name in shown.keys() & real.keys():
            yield from differences(shown[name], real[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        for number, pair in enumerate(zip(shown, real, strict=True)):
            yield from differences(*pair, f"{where}.{number}")
    elif isinstance(shown, str) and isinstance(real, str):
        if not re.fullmatch(".+".join(map(re.escape, shown.split("…"))), real, re.DOTALL):
            yield f"{where} is {real!r}, not {shown!r}"
    elif not (is_number(shown) and is_number(real)) and (type(shown) is not type(real) or shown != real):
        yield f"{where} is {real!r}, not {shown!r}"


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@pytest.mark.parametrize(("name", "block"), BLOCKS, ids=[f"{name}:{block.line}" for name, block in BLOCKS])
def test_a_block_of_the_documents_does_what_it_says(name: str, block: Block, reader: Reader) -> None:
    reader.read(name, block)


def test_what_is_not_run_here_is_run_elsewhere() -> None:
    lines = {line.strip() for _, block in BLOCKS if block.kind == "sh" for line in block.text.splitlines()}
    assert set(ELSEWHERE) <= lines
    assert [file for file, words in ELSEWHERE.values() if words not in (CHECKOUT / file).read_text()] == []
    elsewhere = [*PYTHON_ELSEWHERE.items(), *COMMANDS_ELSEWHERE.items(), *WHOLE_ELSEWHERE.items()]
    assert [document for document, file in elsewhere if document not in (CHECKOUT / file).read_text()] == []


def test_there_are_blocks_of_every_kind() -> None:
    """A reader of Markdown that finds nothing would try nothing."""
    assert {block.kind for _, block in BLOCKS} == {"sh", "python", "js", "html", "javascript", "css", "jsonc", "text"}
    assert sum(block.shown is not None for _, block in BLOCKS) >= 8


CUSTOMER = """curl -X POST http://localhost:8000/api/v1/customers -H "Content-Type: application/json" -d '{"name": "Ann", "channel": "WEB"}'\n"""


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (Block(1, "sh", "curl http://localhost:8000/api/v1/notifications\n"), "ended with 22"),
        (Block(1, "sh", "python manage.py issue_token nobody-at-all\n"), "no user"),
        (Block(1, "sh", "false | cat\n"), "ended with 1"),
        (Block(1, "sh", 'echo "$NOT_SET"\n'), "NOT_SET"),
        (Block(1, "sh", CUSTOMER, '{"id": "…"}'), "the answer has token"),
        (Block(1, "sh", CUSTOMER, '{"code": "FORBIDDEN"}'), "ended with 0"),
        (Block(1, "python", "from notifications.services import notify\n"), "tells Mia nothing"),
        (Block(1, "python", "def surprise():\n    pass\n"), "nobody tries"),
        (Block(1, "python", 'def identity(external_id):\n    return {"externalId": external_id, "hash": "0" * 64}\n'), "403"),
        (Block(1, "js", "export function surprise() {}\n"), "nobody tries"),
        (Block(1, "js", "const nothing = 1;\n"), "exports nothing"),
        (Block(1, "js", "export function identity( {\n"), "SyntaxError"),
        (Block(1, "json", "{}\n"), "kind 'json'"),
        (Block(1, "yaml", "a: b\n"), "kind 'yaml'"),
        (Block(1, "", "a picture\n"), "kind ''"),
        (Block(1, "text", "a picture\n"), "kind 'text'"),
        (Block(1, "jsonc", "{}\n", "{}"), "only commands have answers"),
    ],
)
def test_a_block_that_does_not_do_what_it_says_is_found(block: Block, complaint: str, reader: Reader) -> None:
    with pytest.raises(AssertionError, match=re.escape(complaint)):
        reader.read("docs/bad.md", block)


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        ({"a": 1}, {}),
        ({}, {"a": 1}),
        ([1], []),
        ("a…", "b"),
        ("…", ""),
        ("a", "ab"),
        (1, "1"),
        (1, True),
        (True, False),
        (None, 0),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}),
    ],
)
def test_an_answer_that_is_another_is_found(shown: Any, real: Any) -> None:
    assert len(list(differences(shown, real))) == 1
    assert list(differences(real, real)) == []
