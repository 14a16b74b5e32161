"""A Node client (the `ws` package), which sees HTTP refusals with their headers and body."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from tests.servers.workers import Site

NODE = Path(__file__).resolve().parents[1] / "node"


@pytest.fixture(scope="session")
def shake() -> Callable[..., dict[str, Any]]:
    """`shake(url, protocols=[…], headers={…})`: what a handshake came to."""
    node = shutil.which("node")
    assert node, "These tests need Node 18 or newer: Debian: apt install nodejs npm"
    assert (NODE / "node_modules/ws").is_dir(), f"These tests need the `ws` package: run `npm ci` in {NODE}"

    def shake(url: str, **how: Any) -> dict[str, Any]:
        ended = subprocess.run([node, "handshake.mjs", json.dumps({"url": url, **how})], cwd=NODE, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        outcome: dict[str, Any] = json.loads(ended.stdout)
        return outcome

    return shake


@pytest.fixture(params=["server", "daphne"])
def site(request: pytest.FixtureRequest) -> Site:
    running: Site = request.getfixturevalue(request.param)
    return running


@pytest.mark.parametrize("path", ["/ws/chat", "/api/ws/notifications"])
@pytest.mark.parametrize("code", ["TOKEN_EXPIRED", "MISSING_TOKEN"])
def test_a_node_client_is_refused_with_401_both_headers_and_a_body(
    shake: Callable[..., dict[str, Any]], site: Site, path: str, code: str, ann: User, expired: Callable[[User], str]
) -> None:
    outcome = shake(site.ws_url + path + (f"?token={expired(ann)}" if code == "TOKEN_EXPIRED" else ""))
    assert outcome["status"] == 401
    assert outcome["headers"]["x-websocket-error-code"] == code
    assert outcome["headers"]["x-websocket-error-message"].isascii()
    assert outcome["headers"]["content-type"].startswith("application/json")
    body = json.loads(outcome["body"])
    assert body["error_code"] == code
    assert body["message"]


def test_a_node_client_that_knows_us_is_accepted_told_and_closed(
    shake: Callable[..., dict[str, Any]], site: Site, ann: User, expired: Callable[[User], str]
) -> None:
    outcome = shake(site.ws_url + "/ws/chat", protocols=["switchboard.v1", f"bearer.{expired(ann)}"])
    assert (outcome["status"], outcome["protocol"], outcome["code"]) == (101, "switchboard.v1", 4001)
    assert [frame["error_code"] for frame in outcome["frames"]] == ["TOKEN_EXPIRED"]
