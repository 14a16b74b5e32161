"""The host and the bell of docs/integrate-rest.md: taken out of it as they stand, and run in Node against real workers."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from accounts import service_keys
from accounts.models import Customer, User
from tests.markdown import Document
from tests.servers.fleet import Servers
from tests.servers.waiting import until
from tests.servers.workers import BOUND, CHECKOUT, Site

FILES: Final = {
    block.text.partition("\n")[0].removeprefix("// "): block.text for block in Document(CHECKOUT, "docs/integrate-rest.md").blocks if block.kind == "javascript"
}
SECRET: Final = secrets.token_hex(20)
# A server, a host and a page begin, one after the other, and a machine may be busy.
pytestmark = pytest.mark.timeout(300)
MODULES: Final = CHECKOUT / "tests/node/node_modules"

# What a browser has of its own, and the document's page does with it.
PAGE: Final = """
import WebSocket from "ws";
import { listen } from "./bell.mjs";

globalThis.WebSocket = WebSocket;
const [host, switchboard, who] = process.argv.slice(2);
const plain = globalThis.fetch;
globalThis.fetch = (address, { credentials, headers, ...options } = {}) =>
  plain(address, { ...options, headers: { ...headers, ...(credentials && { Cookie: `who=${who}` }) } });

const order = () => plain(`${host}/orders`, { method: "POST", headers: { Cookie: `who=${who}` } });
const shown = [];
const { connect } = await listen({ host, switchboard, show: ({ title }) => shown.push(title) });

async function opened() {
  const socket = await connect();
  await new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
  return socket;
}
async function until(count) {
  while (shown.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

const first = await opened();
await order();
await until(1);
first.close();
await order(); // while nobody listens
const second = await opened();
await until(2);
await order();
await until(3);
console.log(JSON.stringify(shown));
second.close();
"""


class Keys:
    """Where Switchboard looks for the host's keys, before it is known at which port the host listens."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/jwks.json"
        self.host = ""


@contextmanager
def keys_forwarded() -> Iterator[Keys]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = httpx.get(f"{keys.host}{self.path}", timeout=20, trust_env=False)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        keys = Keys(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield keys
        server.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("host")
    for name, text in {**FILES, "page.mjs": PAGE}.items():
        (made / name).write_text(text)
    (made / "node_modules").symlink_to(MODULES)
    return made


@pytest.fixture(scope="module")
def switchboard_and_host(servers: Servers, folder: Path) -> Iterator[tuple[Site, str]]:
    assert shutil.which("node"), "The documents' JavaScript needs Node. Debian: apt install nodejs."
    with keys_forwarded() as keys, servers.serve(workers=2, env={"JWT_JWK_URL": keys.url, "IDENTITY_SECRET": SECRET}) as site:
        key = service_keys.make(name="the host", scopes=("notifications", "users"))[1]
        env = {"PATH": os.environ["PATH"], "SWITCHBOARD": site.url, "SERVICE_KEY": key, "IDENTITY_SECRET": SECRET, "PORT": "0"}
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen([*BOUND, "node", "host.mjs"], cwd=folder, env=env, stdout=output, stderr=output)
        try:
            until(lambda: process.poll() is not None or "answers at" in log.read_text(), what="the host answers", seconds=60)
            keys.host = re.findall(r"http://\S+", log.read_text())[0]
            yield site, keys.host
        finally:
            process.kill()
            process.wait()


def test_all_programs_are_run_here() -> None:
    assert sorted(FILES) == ["bell.mjs", "host.mjs"]


def test_a_page_of_the_host_hears_what_the_host_tells_and_what_it_has_missed(switchboard_and_host: tuple[Site, str], folder: Path) -> None:
    site, host = switchboard_and_host
    ended = subprocess.run(["node", "page.mjs", host, site.url, "lee"], cwd=folder, capture_output=True, text=True, timeout=90)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == ["Order received"] * 3
    assert User.objects.filter(username="host-lee", role="member").count() == 1


def test_nobody_gets_another_ones_token_and_a_customer_is_vouched_for(switchboard_and_host: tuple[Site, str]) -> None:
    site, host = switchboard_and_host
    assert httpx.get(f"{host}/switchboard/token", timeout=20).status_code == 401
    mine, other = (httpx.get(f"{host}/switchboard/token", cookies={"who": who}, timeout=20).json()["token"] for who in ("mine", "other"))
    seen = [
        httpx.get(f"{site.url}/api/v1/ws/status", headers={"Authorization": f"Bearer {each}"}, timeout=20).json()["user_id"] for each in (mine, other, mine)
    ]
    assert seen[0] == seen[2] != seen[1]
    identity = httpx.get(f"{host}/switchboard/identity", cookies={"who": "lee"}, timeout=20).json()
    customer = {"name": "Lee", "channel": "WEB", "identity": identity}
    assert httpx.post(f"{site.url}/api/v1/customers", json=customer, timeout=20).status_code == 201
    assert Customer.objects.get(external_id="lee").name == "Lee"
    customer["identity"] = {**identity, "externalId": "kim"}
    assert httpx.post(f"{site.url}/api/v1/customers", json=customer, timeout=20).status_code == 403
