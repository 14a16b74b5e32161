"""What browsers load of ours, as one release: compressed, and under a folder whose name changes with any of it.

The version stands in the folder, not in the files' names: what a module imports from `./` comes from the same release, with
nothing rewritten, and no page ever mixes two. The names without a version stay good: there a module hands out the one
of the release, so that a page that uses both has it once.

Releases lie in VAR_DIR/static, whole or not at all, and stay there for a while: pages that were loaded before an upgrade, and
workers that are not replaced yet, go on with theirs.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from whitenoise.compress import Compressor

logger = logging.getLogger(__name__)

OURS: Final = "realtime/"
VERSION: Final = r"[0-9a-f]{16}"
KEPT: Final = 30 * 86400.0
"""Seconds for which a release stays after a worker has begun with it for the last time."""

_SOURCE: Final = Path(__file__).parent / "static"
_LAYOUT: Final = b"1"  # changes with what `publish` makes of the same files
_MODULE: Final = re.compile(rb"^(import|export)\b", re.MULTILINE)
_DEFAULT: Final = re.compile(rb"^export default\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """`versioned` is what stands below the version, `named` what stands below the names without one."""

    folder: Path

    @property
    def version(self) -> str:
        return self.folder.name

    @property
    def versioned(self) -> Path:
        return self.folder / "versioned"

    @property
    def named(self) -> Path:
        return self.folder / "named"


@cache
def current() -> Release | None:
    """The release of this process. None: there is none, and files are served as they lie there. So it is in DEBUG, where they change."""
    if settings.DEBUG:
        return None
    try:
        return publish(_SOURCE, folder())
    except OSError as error:
        logger.warning("Modules and styles are served uncompressed: %s", error)
        return None


def folder() -> Path:
    """Where releases lie."""
    return Path(settings.SWITCHBOARD.var_dir) / "static"


def publish(source: Path, into: Path) -> Release:
    """The release of the files in `source`, made if it is not there; ones that nobody has begun with for KEPT go. Raises OSError."""
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in sorted(source.rglob("*")) if path.is_file()}
    digest = hashlib.sha256(_LAYOUT)
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    release = Release(into / digest.hexdigest()[:16])
    if not release.folder.is_dir():
        _make(release, files)
    os.utime(release.folder)
    _forget(into)
    return release


def _make(release: Release, files: dict[str, bytes]) -> None:
    release.folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Release(Path(tempfile.mkdtemp(dir=release.folder.parent)))
    try:
        for name, content in files.items():
            is_module = name.endswith(".js") and _MODULE.search(content)
            _write(unfinished.versioned / name, content)
            _write(unfinished.named / name, _handing_out(name, content, release.version) if is_module else content)
        unfinished.folder.chmod(0o755)
        try:
            unfinished.folder.rename(release.folder)
        except OSError:
            if not release.folder.is_dir():  # another worker may have been first
                raise
    finally:
        shutil.rmtree(unfinished.folder, ignore_errors=True)


def _handing_out(name: str, content: bytes, version: str) -> bytes:
    """A module that is the release's, under the name without a version."""
    address = "../" * name.count("/") + f"{version}/{name}"
    default = f'export {{ default }} from "{address}";\n' if _DEFAULT.search(content) else ""
    return f'export * from "{address}";\n{default}'.encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if (compressor := Compressor(quiet=True)).should_compress(path.name):
        compressor.compress(str(path))


def _forget(releases: Path) -> None:
    for each in releases.iterdir():
        try:
            if each.is_dir() and each.stat().st_mtime < time.time() - KEPT:
                shutil.rmtree(each, ignore_errors=True)
        except FileNotFoundError:
            pass  # another worker was faster
