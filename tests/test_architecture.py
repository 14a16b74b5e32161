"""The picture of docs/architecture.md can be read by everybody, and what that page and docs/feature.md name is in the code."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from tests.markdown import Document
from tests.servers.workers import CHECKOUT

DOCUMENT: Final = Document(CHECKOUT, "docs/architecture.md")
FEATURE: Final = Document(CHECKOUT, "docs/feature.md")
SVG: Final = "{http://www.w3.org/2000/svg}"
FILE: Final = re.compile(r"[a-z]\w*/[\w/]*(?:\.(?:py|js|lua))?")
NAME: Final = re.compile(r"(?:accounts|notifications|realtime|config)(?:\.\w+)+")


def wrong_pictures(text: str) -> list[str]:
    """What keeps somebody from reading a picture: no words for those who do not see it, one theme only, things from elsewhere."""
    root = ElementTree.fromstring(text)  # noqa: S314 - our own file
    named = {part.get("id") for part in (root.find(f"{SVG}title"), root.find(f"{SVG}desc")) if part is not None and (part.text or "").strip()}
    found = []
    if root.get("role") != "img" or not named or set((root.get("aria-labelledby") or "").split()) != named or len(named) != 2:
        found.append("it has no title and description that it is labelled by")
    if not root.get("viewBox"):
        found.append("it has no viewBox, so it does not scale")
    if "prefers-color-scheme: dark" not in text:
        found.append("it knows no dark")
    if re.search(r"<script|<image|href=|url\((?!#)|@import", text):
        found.append("it loads or runs something")
    return found


def missing(document: Document) -> list[str]:
    """Files, folders and names of modules that a document mentions and that are not there."""
    codes = [code.text for code in document.codes]
    files = [text for text in codes if FILE.fullmatch(text) and not (CHECKOUT / text).exists()]
    return [*files, *(text for text in codes if NAME.fullmatch(text) and not known(text))]


def known(name: str) -> bool:
    """Whether this is a module, or something in one."""
    module, _, last = name.rpartition(".")
    try:
        return hasattr(import_module(module), last) or import_module(name) is not None
    except ImportError:
        return False


def test_the_picture_can_be_read_by_everybody() -> None:
    pictures = [target for _, target in DOCUMENT.links if target.endswith(".svg")]
    assert pictures == ["architecture.svg"]
    assert wrong_pictures((CHECKOUT / "docs" / pictures[0]).read_text()) == []


def test_what_the_page_and_the_picture_name_is_in_the_code() -> None:
    assert missing(DOCUMENT) == missing(FEATURE) == []
    assert len([code for code in DOCUMENT.codes if FILE.fullmatch(code.text)]) > 25
    said = "".join(ElementTree.fromstring((CHECKOUT / "docs/architecture.svg").read_text()).itertext())  # noqa: S314 - our own file
    modules = {source.stem for app in ("accounts", "notifications", "realtime") for source in (CHECKOUT / app).rglob("*.py")}
    assert {"layer", "consumer", "lane", "writer", "keeper", "roster", "board", "executor", "inbox"} <= modules & set(re.findall(r"\w+", said))


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', 3),
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" role="img" aria-labelledby="a"><title id="a">x</title></svg>', 2),
        ('<svg xmlns="http://www.w3.org/2000/svg"><image href="https://shop.example/a.png"/></svg>', 4),
    ],
)
def test_a_picture_that_somebody_cannot_read_is_found(text: str, complaints: int) -> None:
    assert len(wrong_pictures(text)) == complaints


def test_a_name_that_is_not_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text("`realtime/lanes.py`, `realtime/nothing/`, `notifications.inbox.sendd`, `realtime.lanes` and `notifications.inbox.send`")
    assert len(missing(Document(tmp_path, "bad.md"))) == 4
