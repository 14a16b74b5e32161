"""Modules and styles over the wire: small, kept for ever, and once in a page by whatever name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.servers.workers import Site

STATIC = Path(__file__).resolve().parents[2] / "realtime/static"
MODULES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))
BEGINS = re.compile(r"""<script type="module" src="{% static '([^']+)' %}">""")
STYLESHEET = re.compile(r'<link rel="stylesheet" href="(/static/([0-9a-f]{16})/realtime/[^"]+)"')


@pytest.fixture(scope="module")
def client(server: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as made:
        yield made


@pytest.fixture(scope="module")
def version(client: httpx.Client) -> str:
    """Of the release that pages are made of."""
    found = STYLESHEET.search(client.get("/").text)
    assert found
    return found[2]


def test_a_page_names_its_files_by_their_release_and_they_are_kept_for_ever(client: httpx.Client, version: str) -> None:
    for name in ("realtime/dom.js", "realtime/tokens.css"):
        answer = client.get(f"/static/{version}/{name}")
        assert (answer.status_code, answer.headers["Content-Encoding"], answer.headers["Vary"]) == (200, "gzip", "Accept-Encoding")
        assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.text == (STATIC / name).read_text()
        assert int(answer.headers["Content-Length"]) < len(answer.content) / 1.5


def test_a_name_without_a_version_is_asked_for_again_and_answered_briefly(client: httpx.Client, version: str) -> None:
    answer = client.get("/static/realtime/dom.js")
    assert answer.text == f'export * from "../{version}/realtime/dom.js";\n'
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/static/realtime/dom.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_modules_of_a_release_load_in_a_page_and_are_the_same_under_both_names(server: Site, page: Page, version: str) -> None:
    page.goto(f"{server.url}/health")
    # What a page begins with wants that page, and the loader wants its own tag; the rest only says what there is.
    begin = {name for template in STATIC.parent.rglob("templates/**/*.html") for name in BEGINS.findall(template.read_text())}
    assert len(begin) > 2
    libraries = [name for name in MODULES if b"document.currentScript" not in (STATIC / name).read_bytes() and name not in begin]
    for name in libraries:
        same = page.evaluate(
            """async ([one, other]) => {
                const [versioned, named] = await Promise.all([import(one), import(other)]);
                const names = Object.keys(versioned); // none, where there are only types
                return names.join() === Object.keys(named).join() && names.every((name) => versioned[name] === named[name]);
            }""",
            [f"{server.url}/static/{version}/{name}", f"{server.url}/static/{name}"],
        )
        assert same, name


def test_a_page_of_another_site_imports_by_the_name_that_stays(server: Site, page: Page, elsewhere: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(elsewhere)
    kinds = page.evaluate("async (address) => Object.keys(await import(address)).sort()", f"{server.url}/static/realtime/state.js")
    assert kinds == ["notifications", "support", "tasks"]
    loaded = [url for url in asked if url.startswith(server.url)]
    assert [url for url in loaded if "/static/realtime/" in url] == [f"{server.url}/static/realtime/state.js"], "only what it named itself"
    assert len(loaded) == len(set(loaded)) > 3


def test_the_demo_loads_nothing_under_two_names(server: Site, page: Page, version: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url)
    expect(page.locator("body")).to_be_visible()
    page.wait_for_load_state("networkidle")
    ours = [url for url in asked if "/static/" in url]
    assert ours
    assert {url for url in ours if f"/static/{version}/realtime/" not in url} == set()
