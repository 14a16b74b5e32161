"""How many sockets this process may hold: WS_MAX_SOCKETS, and no more than the system lets it have files open.

A process that is out of file descriptors fails at whatever it does next, be it to ask the database or
to log. So the last ones are kept for that, and the sockets that would take them are refused.
"""

from __future__ import annotations

import os
import resource
from typing import Final

_KEPT: Final = 256
"""File descriptors that sockets leave to the database, Redis, requests by HTTP and files; a quarter where there are few."""
_ENOUGH: Final = 1 << 20  # files: more than any worker has use for, where the system sets no limit


class Places:
    """The places for sockets in this process: `limit` of them (0: as many as there are file descriptors)."""

    def __init__(self, limit: int) -> None:
        self.taken = 0
        self._limit = limit
        self._last_file = open_files() - _kept(open_files())

    def take(self) -> bool:
        """Take a place for a socket whose handshake has come. False: there is none."""
        if (self._limit and self.taken >= self._limit) or not self._files_left():
            return False
        self.taken += 1
        return True

    def give_back(self) -> None:
        """A socket that had a place is gone."""
        self.taken -= 1

    def _files_left(self) -> bool:
        """The system hands out the lowest free number, so the next one tells how many are taken."""
        try:
            lowest = os.open(os.devnull, os.O_RDONLY)
        except OSError:
            return False
        os.close(lowest)
        return lowest < self._last_file


def open_files() -> int:
    """How many files this process may have open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


def raise_open_files() -> None:
    """Let this process, and those that it starts, have as many files open as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else hard
    if soft not in (resource.RLIM_INFINITY, wanted):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # macOS names no limit and has one
            pass


def shortage(limit: int) -> str:
    """What to tell the operator whose processes may not have as many files open as `limit` sockets need; empty if they may."""
    files = open_files()
    room = files - _kept(files)
    if limit <= room:
        return ""
    return f"A worker may have {files} files open, so it takes about {room} sockets and not WS_MAX_SOCKETS={limit}: raise the limit on open files (ulimit -n)."


def _kept(files: int) -> int:
    return min(_KEPT, files // 4)
