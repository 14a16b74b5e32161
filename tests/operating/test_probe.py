"""`manage.py probe`: a round trip against a real installation, and words for each thing that may be wrong with one."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.servers.production import Production

pytestmark = pytest.mark.timeout(400)  # an installation takes its time to begin, on a busy machine minutes
STEPS = ["live", "ready", "login", "ticket and socket", "ping", "notify", "resume", "stream", "tidy up"]
ELSEWHERE = {"DATABASE_URL": "postgres://127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1"}
"""What a machine has that is not one of the installation's."""


def told(stdout: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(stdout)
    assert all(step["ms"] >= 0 and step["said"] for step in answer["steps"])
    return answer


def ask(installed: Production, program: str) -> str:
    """What a line of Python prints in the installation."""
    ended = installed.manage("shell", "--verbosity", "0", "--command", program)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.fixture(scope="module")
def people(installed: Production) -> dict[str, str]:
    """Mia's token, and a service key, as the operator would have them."""
    made = installed.manage("createdemo", "--force")
    assert made.returncode == 0, made.stderr
    token = installed.manage("issue_token", "mia").stdout.strip()
    key = ask(installed, "from accounts.service_keys import make; print(make(name='probe', scopes=['notifications'])[1])")
    return {"TOKEN": token, "SERVICE_KEY": key}


def left_behind(installed: Production) -> str:
    return ask(
        installed,
        "from accounts.models import *; from notifications.models import *;"
        "print(Notification.objects.filter(type='probe').count(), ServiceKey.objects.filter(name='switchboard-probe').count(), Revocation.objects.count(),"
        "[each.has_usable_password() for each in User.objects.filter(username='switchboard-probe')])",
    )


def test_all_of_it_is_tried_with_a_user_of_its_own_through_the_proxy_and_nothing_stays(installed: Production) -> None:
    before = ask(installed, "from accounts.models import Revocation; print(Revocation.objects.count())")
    for _ in range(2):
        ended = installed.manage("probe", installed.url, "--json")
        assert ended.returncode == 0, ended.stderr + ended.stdout
        answer = told(ended.stdout)
        assert answer["ok"] is True
        assert [step["name"] for step in answer["steps"] if step["ok"]] == STEPS
    assert left_behind(installed) == f"0 0 {before} [False]"


def test_with_credentials_from_outside_no_database_is_needed(installed: Production, people: dict[str, str]) -> None:
    ended = installed.manage("probe", installed.url, **ELSEWHERE, **people)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    lines = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * len(STEPS)
    assert "arrived after" in lines[STEPS.index("notify")]
    assert not any(secret in ended.stdout + ended.stderr for secret in people.values())


def test_somebody_who_may_not_send_tries_the_rest_and_a_password_is_not_on_the_command_line(installed: Production, people: dict[str, str]) -> None:
    ended = installed.manage("probe", installed.url, "--username", "mia", "--json", PASSWORD="password123", **ELSEWHERE)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    steps = {step["name"]: step for step in told(ended.stdout)["steps"]}
    assert [name for name, step in steps.items() if step["ok"] is None] == ["notify"]
    assert "SERVICE_KEY" in steps["notify"]["said"]
    assert "tidy up" not in steps


@pytest.mark.parametrize(
    ("given", "failing", "words"),
    [
        ({"TOKEN": "nonsense"}, "login", "TOKEN_EXPIRED"),
        ({"SERVICE_KEY": "sk_nonsense"}, "notify", "TOKEN_EXPIRED"),
    ],
)
def test_a_credential_that_is_wrong_is_named_and_not_shown(
    installed: Production, people: dict[str, str], given: dict[str, str], failing: str, words: str
) -> None:
    ended = installed.manage("probe", installed.site.url.replace("127.0.0.1", "localhost"), "--json", **{**ELSEWHERE, **people, **given})
    assert ended.returncode == 1
    answer = told(ended.stdout)
    assert answer["ok"] is False
    assert [step["name"] for step in answer["steps"] if step["ok"] is False] == [failing]
    assert words in ended.stderr
    assert "nonsense" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


class Other(BaseHTTPRequestHandler):
    """A site that is none of ours: it sends everybody elsewhere, or says something, or waits."""

    def do_GET(self) -> None:
        if self.server.waits:  # type: ignore[attr-defined]
            self.server.stopped.wait(300)  # type: ignore[attr-defined]
            return
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Location", "https://shop.example/")
        self.end_headers()
        self.wfile.write(b"<h1>Hello</h1>")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def other() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        server.status, server.waits, server.stopped = 200, False, threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.stopped.set()  # type: ignore[attr-defined]
        server.shutdown()


@pytest.fixture
def complaint(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What the command says in the end, in this process, to somebody with a token."""
    monkeypatch.setenv("TOKEN", "x")

    def run(*arguments: str) -> str:
        with pytest.raises(CommandError) as failed:
            call_command("probe", *arguments, stdout=io.StringIO())
        return str(failed.value)

    return run


def test_what_is_no_switchboard_is_said_to_be_none_and_nobody_waits_for_long(complaint: Callable[..., str], other: Any) -> None:
    address = f"http://127.0.0.1:{other.server_port}"
    assert "is this Switchboard?" in complaint(address)
    other.status = 301
    assert "sends us on to https://shop.example/" in complaint(address)
    other.waits = True
    assert "is not answered: timed out" in complaint(address, "--timeout", "0.5")


def test_a_name_that_is_not_served_and_a_certificate_that_nobody_trusts_are_named(installed: Production, complaint: Callable[..., str]) -> None:
    assert "ALLOWED_HOSTS" in complaint(installed.site.url)
    assert "certificate verify failed" in complaint(installed.url)
    for bad in ("shop.example", "ftp://shop.example", "https://me:pw@shop.example"):
        assert "should look like https://shop.example" in complaint(bad)


def test_without_a_database_it_asks_for_a_token(installed: Production, tmp_path: Path) -> None:
    said = installed.manage("probe", installed.url, **{**ELSEWHERE, "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}).stderr
    assert "database does not help" in said
    assert "Set TOKEN" in said
