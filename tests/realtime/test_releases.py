"""A release of what browsers load: whole, named by its content, and there for as long as a page may ask for it."""

from __future__ import annotations

import gzip
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.templatetags.static import static
from django.test import RequestFactory

from realtime import releases
from realtime.releases import KEPT, publish
from realtime.static_files import StaticFiles

MODULE = "realtime/desk/list.js"
STYLE = "realtime/desk/list.css"
LOADER = "realtime/loader.js"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Some files, as they stand in the checkout."""
    for name, text in {
        MODULE: 'import { row } from "./row.js";\nexport default class List {}\nexport const rows = [row];\n',
        "realtime/desk/row.js": "export const row = 1;\n",
        STYLE: "li { color: red }\n" * 100,
        LOADER: "(function () { document.currentScript.dataset.export = 1 })();\n",
    }.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "source"


def test_below_its_version_everything_is_as_it_was_written_and_compressed_where_that_helps(source: Path, tmp_path: Path) -> None:
    release = publish(source, tmp_path / "out")
    for name in (MODULE, STYLE, LOADER):
        assert (release.versioned / name).read_bytes() == (source / name).read_bytes()
    assert gzip.decompress((release.versioned / f"{STYLE}.gz").read_bytes()) == (source / STYLE).read_bytes()


def test_without_a_version_a_module_hands_out_the_releases_and_what_is_none_stays_itself(source: Path, tmp_path: Path) -> None:
    release = publish(source, tmp_path / "out")
    address = f"../../{release.version}/{MODULE}"
    assert (release.named / MODULE).read_text() == f'export * from "{address}";\nexport {{ default }} from "{address}";\n'
    assert "default" not in (release.named / "realtime/desk/row.js").read_text()
    assert (release.named / LOADER).read_bytes() == (source / LOADER).read_bytes()
    assert (release.named / STYLE).read_bytes() == (source / STYLE).read_bytes()


def test_the_same_files_are_the_same_release_and_any_change_is_another_beside_it(source: Path, tmp_path: Path) -> None:
    first = publish(source, tmp_path / "out")
    made = (first.versioned / STYLE).stat().st_mtime_ns
    assert publish(source, tmp_path / "out") == first
    assert (first.versioned / STYLE).stat().st_mtime_ns == made, "it was not made again"
    (source / "realtime/desk/row.js").write_text("export const row = 2;\n")
    second = publish(source, tmp_path / "out")
    (source / "realtime/desk/row.js").rename(source / "realtime/desk/line.js")
    third = publish(source, tmp_path / "out")
    assert len({first.version, second.version, third.version}) == 3
    assert (first.versioned / MODULE).is_file()


def test_workers_that_begin_at_once_make_one_whole_release(source: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as workers:
        made = set(workers.map(lambda _: publish(source, tmp_path / "out"), range(8)))
    [release] = made
    assert [each.name for each in (tmp_path / "out").iterdir()] == [release.version]
    assert len([path for path in release.folder.rglob("*") if path.is_file() and path.suffix != ".gz"]) == 8


def test_a_release_goes_once_nobody_has_begun_with_it_for_long(source: Path, tmp_path: Path) -> None:
    first = publish(source, tmp_path / "out")
    (source / STYLE).write_text("li { color: blue }\n")
    second = publish(source, tmp_path / "out")
    for release, age in ((first, KEPT + 60), (second, KEPT + 60)):
        at = release.folder.stat().st_mtime - age
        os.utime(release.folder, (at, at))
    assert publish(source, tmp_path / "out") == second
    assert (first.folder.exists(), second.folder.exists()) == (False, True)


@pytest.fixture
def here(source: Path, tmp_path: Path, settings: Any, options: Any) -> Any:
    """`here()`: what answers in a worker that begins now."""
    options(var_dir=str(tmp_path / "var"))

    def here() -> StaticFiles:
        releases.current.cache_clear()
        return StaticFiles(lambda _request: HttpResponse(status=404))

    yield here
    releases.current.cache_clear()


def test_a_worker_serves_the_release_of_another_one_too(here: Any, source: Path) -> None:
    old = here()
    ask = RequestFactory().get
    newer = publish(source, releases.folder())
    assert old(ask(f"/static/{newer.version}/{MODULE}")).status_code == 200
    assert old(ask(f"/static/{newer.version}/realtime/nothing.js")).status_code == 404
    for other in ("0" * 16, "..", "named"):
        assert old(ask(f"/static/{other}/{MODULE}")).status_code == 404
    assert old(ask("/static/realtime/desk/list.js")).status_code == 404, "without a version it has its own"


def test_where_nothing_can_be_kept_files_are_served_as_they_lie_there(here: Any, tmp_path: Path) -> None:
    (tmp_path / "var").write_text("no folder")
    worker = here()
    assert static("realtime/dom.js") == "/static/realtime/dom.js"
    answer = worker(RequestFactory().get("/static/realtime/dom.js"))
    assert answer.status_code == 200
    assert b"export function h" in b"".join(answer.streaming_content)


def test_in_debug_files_are_served_as_they_lie_there_because_they_change(here: Any, settings: Any) -> None:
    settings.DEBUG = True
    worker = here()
    assert static("realtime/dom.js") == "/static/realtime/dom.js"
    answer = worker(RequestFactory().get("/static/realtime/dom.js"))
    assert (answer.status_code, answer["Cache-Control"]) == (200, "max-age=0, public")
