"""Static files over HTTP: Django's, and those of a release of ours."""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

from realtime import releases
from realtime.releases import OURS, VERSION, Release

_VERSIONED: Final = re.compile(f"({VERSION})/")


class Storage(StaticFilesStorage):
    """Says where a file is: one of ours below its release."""

    def url(self, name: str | None) -> str:
        release = releases.current() if name is not None and name.startswith(OURS) else None
        return super().url(f"{release.version}/{name}" if release is not None else name)


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves them. What stands below a version never changes; everything else is to be asked for again."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if (release := releases.current()) is not None:
            self._add(release)
            self.add_files(release.named, prefix=self.static_prefix)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in self.files and (version := self._version(request.path_info)):
            self._learn(version)
        response: HttpResponse = super().__call__(request)
        return response

    def immutable_file_test(self, path: str, url: str) -> bool:
        return bool(self._version(url))

    def add_cache_headers(self, headers: Any, path: str, url: str) -> None:
        super().add_cache_headers(headers, path, url)
        if releases.current() is not None and url.startswith(self.static_prefix + OURS):
            headers["Cache-Control"] = "no-cache"  # of two names without a version, one must not hand out an older release than the other

    def _version(self, url: str) -> str:
        found = _VERSIONED.match(url.removeprefix(self.static_prefix))
        return found[1] if found else ""

    def _learn(self, version: str) -> None:
        """A page may come from a worker that is of another release than this one."""
        release = Release(releases.folder() / version)
        if release.versioned.is_dir():
            self._add(release)

    def _add(self, release: Release) -> None:
        self.add_files(release.versioned, prefix=f"{self.static_prefix}{release.version}/")
