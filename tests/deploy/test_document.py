"""docs/deploy.md, from its first command to the section about Docker, in one shell."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.deploy.machine import PREAMBLE, Machine
from tests.markdown import Block, Document
from tests.servers.private_postgres import PrivatePostgres
from tests.servers.redis import PrivateRedis
from tests.servers.redis_hosts import TcpRedis
from tests.servers.workers import CHECKOUT
from tests.test_docs_run import differences

DOCUMENT = Document(CHECKOUT, "docs/deploy.md")
MARK = "--- block "


def blocks() -> list[Block]:
    docker = next(number for number, line in enumerate(DOCUMENT.path.read_text().splitlines(), 1) if line == "## With Docker")
    return [block for block in DOCUMENT.blocks if block.kind == "sh" and block.line < docker]


@pytest.mark.timeout(600)
def test_an_operator_who_follows_the_document_has_an_installation_that_answers(tmp_path: Path) -> None:
    with PrivatePostgres() as postgres, TemporaryDirectory() as folder, PrivateRedis(Path(folder)) as redis:
        machine = Machine(tmp_path, postgres=postgres, redis=redis.url)
        script = PREAMBLE + "".join(f"echo; echo '{MARK}{block.line}'\n{machine.command(block.text)}" for block in blocks())
        ended = subprocess.run(["bash", "-c", script], cwd=CHECKOUT, env=machine.env, capture_output=True, text=True, timeout=560)
    log = machine.root / "serve.log"
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:] + (log.read_text()[-3000:] if log.exists() else "")
    said = {int(line): text for line, text in re.findall(rf"{MARK}(\d+)\n(.*?)(?=\n{MARK}|\Z)", ended.stdout, re.DOTALL)}
    for block in blocks():
        if block.shown:
            answer = said[block.line].strip().splitlines()[-1]
            assert not list(differences(json.loads(block.shown), json.loads(answer))), (block.line, answer)
    assert '"unread_count":0' in next(text for line, text in said.items() if "api/v1/notifications" in text or '"results"' in text)
    assert "Replacing the workers one by one." in log.read_text()
    assert (machine.root / "etc/redis/redis.conf").read_text().count("include ") == 1
    assert (machine.root / "etc/nginx/nginx.conf.before").read_text() == "# Debian's"


def test_redis_understands_what_is_asked_of_it(tmp_path: Path) -> None:
    with TcpRedis(tmp_path, f"include {CHECKOUT / 'deploy/redis/switchboard.conf'}") as started, started.client() as client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("save")["save"] == ""
        assert "pubsub 268435456 67108864 60" in client.config_get("client-output-buffer-limit")["client-output-buffer-limit"]
