"""The figures of all workers of one server, in files: each worker writes its own once a second, and whoever is asked adds them up.

Files, because they are there while Redis and the database are away, which is when figures are looked
at. Every `serve` has a folder of its own and so is one target for Prometheus; several machines are
several targets, as it wants them.

What a worker that is gone has counted is kept: the parent adds it to one more file. So no counter falls
as long as the server lives, and the folder does not grow. A killed worker takes along what it counted
since it last wrote, at most a second's.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from accounts import counting
from accounts.counting import Counter
from realtime import traffic, vitals
from realtime.worker import at_end, at_start

logger = logging.getLogger(__name__)

INTERVAL: Final = 1.0
"""Seconds between two times that a worker writes."""
PLACE: Final = "SWITCHBOARD_STATS"
"""The variable in which `serve` tells its workers their folder. It is no option."""

_GONE: Final = "gone.json"
_LOCK: Final = "lock"

ENDED: Final = Counter("switchboard_workers_ended_total", "Workers that have ended, for whatever reason.")


Lines = list[tuple[list[str], list[float]]]
"""A figure's labels and numbers, for each combination of labels."""


class Snapshot(msgspec.Struct):
    """What one worker has counted, by figure: what only grows, and what is so just now or is this worker's own."""

    at: float = 0.0  # Unix time
    grown: dict[str, Lines] = msgspec.field(default_factory=dict)
    present: dict[str, Lines] = msgspec.field(default_factory=dict)


_snapshot: Final = msgspec.json.Decoder(Snapshot)


class Folder:
    """Where the workers of one server write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, snapshot: Snapshot, *, name: str) -> None:
        """Put it in the place of the last one. Raises OSError."""
        fresh = self.path / f"{name}.new"
        fresh.write_bytes(msgspec.json.encode(snapshot))
        fresh.replace(self.path / name)

    def fold(self, living: Collection[int]) -> None:
        """Keep what workers that are not among these process ids have counted in one file. Called by the parent only."""
        try:
            gone = [each for each in self.path.glob("*.json") if each.name != _GONE and int(each.stem) not in living]
            if not gone:
                return
            with self._locked(fcntl.LOCK_EX):
                kept = _read(self.path / _GONE)
                for each in gone:
                    _add(kept, _read(each))
                _add(kept, Snapshot(grown={ENDED.name: [([], [len(gone)])]}))
                self.write(kept, name=_GONE)
                for each in gone:
                    each.unlink()
                    (self.path / f"{each.name}.new").unlink(missing_ok=True)
        except (OSError, ValueError) as error:  # a full disk, or somebody else's file: no reason to end the server
            logger.warning("The figures of workers that are gone cannot be kept: %s", error)

    def read(self) -> tuple[Snapshot, dict[int, Snapshot]]:
        """What those that are gone have counted, and each that lives, by process id."""
        with self._locked(fcntl.LOCK_SH):
            living = {int(each.stem): _read(each) for each in self.path.glob("*.json") if each.name != _GONE}
            return _read(self.path / _GONE), living

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self.path / _LOCK).open("ab") as file:
            fcntl.flock(file, how)
            yield


@contextmanager
def kept(var_dir: Path) -> Iterator[Folder]:
    """A folder for the workers that this process starts. It is removed afterwards."""
    folder = Folder(Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=_clean(var_dir / "stats"))))
    before = os.environ.get(PLACE)
    os.environ[PLACE] = str(folder.path)
    try:
        with (folder.path / "server").open("ab") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # as long as this process lives
            yield folder
    finally:
        os.environ.pop(PLACE)
        if before is not None:
            os.environ[PLACE] = before
        shutil.rmtree(folder.path, ignore_errors=True)


def own() -> Snapshot:
    """What this process has counted."""
    snapshot = Snapshot(at=time.time())
    for figure in counting.figures.copy().values():
        part = snapshot.present if figure.kind == "gauge" or figure.per_worker else snapshot.grown
        part[figure.name] = [(list(labels), list(numbers)) for labels, numbers in figure.read().items()]
    return snapshot


def everybody() -> tuple[Snapshot, dict[int, Snapshot]]:
    """What all workers of this server have counted: those that are gone together, and each that lives by its process id."""
    folder = _folder()
    if folder is None:  # `runserver`: nobody else counts, and nothing is written
        traffic.fold(INTERVAL)
        return Snapshot(), {os.getpid(): own()}
    try:
        note()  # or an earlier answer of this worker's might be ahead of what it has written
        return folder.read()
    except (OSError, ValueError) as error:
        logger.warning("The figures of the other workers cannot be read: %s", error)
        return Snapshot(), {os.getpid(): own()}


def note() -> None:
    """Write this worker's figures down. Raises OSError."""
    folder = _folder()
    if folder is not None:
        with _writing:
            folder.write(own(), name=f"{os.getpid()}.json")


_writing: Final = threading.Lock()
_running: set[asyncio.Task[None]] = set()


def _folder() -> Folder | None:
    place = os.environ.get(PLACE)
    return Folder(Path(place)) if place else None


async def _run() -> None:
    last, failed = time.monotonic(), False
    while True:
        await asyncio.sleep(INTERVAL)
        now = time.monotonic()
        traffic.fold(now - last)
        vitals.look()
        last = now
        try:
            await asyncio.to_thread(note)
            failed = False
        except OSError as error:
            if not failed:
                logger.warning("This worker's figures cannot be written: %s", error)
            failed = True


def _begin() -> None:
    for work in (_run(), vitals.watch_loop()):
        task = asyncio.get_running_loop().create_task(work)
        _running.add(task)
        task.add_done_callback(_running.discard)


def _end() -> None:
    traffic.fold(INTERVAL)
    try:
        note()
    except OSError:  # its parent has gone, and the folder with it
        pass


at_start.append(_begin)
at_end.append(_end)


def _read(path: Path) -> Snapshot:
    try:
        return _snapshot.decode(path.read_bytes())
    except FileNotFoundError:
        return Snapshot()
    except msgspec.DecodeError as error:
        logger.warning("The figures in %s are not understood: %s", path.name, error)
        return Snapshot()


def _add(total: Snapshot, one: Snapshot) -> None:
    for name, lines in one.grown.items():
        total.grown[name] = summed([*total.grown.get(name, []), *lines])


def summed(lines: Lines) -> Lines:
    """One line for each combination of labels. Buckets that another version of us has drawn elsewhere cannot be added, and are left out."""
    sums: dict[tuple[str, ...], list[float]] = {}
    for labels, numbers in lines:
        before = sums.get(tuple(labels), [0.0] * len(numbers))
        sums[tuple(labels)] = [a + b for a, b in zip(before, numbers, strict=True)] if len(before) == len(numbers) else before
    return [(list(labels), numbers) for labels, numbers in sums.items()]


def _clean(folder: Path) -> str | None:
    """Where to make a folder, with what killed servers have left there removed; None: nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in folder.iterdir():
            if not _is_held(each / "server"):
                shutil.rmtree(each, ignore_errors=True)
    except OSError:
        return None
    return str(folder) if os.access(folder, os.W_OK) else None


def _is_held(file: Path) -> bool:
    try:
        with file.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:  # it is just being made
        return time.time() - file.parent.stat().st_mtime < 60
    except OSError:
        return True
    return False
