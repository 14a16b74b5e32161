"""The machine: which core does what, whose processor time it was, and what is installed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
OTHER_CORE = CORES[-1]  # the same one where there is only one, and the figures are then worth little


QUIET = 5.0  # per cent of all cores; more than a machine does that only waits


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started inside the block runs on that core, and so do its children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def prepare() -> None:
    """Put this process, which is the generator, on its core, and let it open many sockets."""
    os.sched_setaffinity(0, {OTHER_CORE})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@dataclass(frozen=True)
class Use:
    """Who used how much processor time while something was measured; all in seconds.

    `others` is what none of ours had: other programs, and interrupts that the kernel counts for nobody. `database` is
    the processes of one where they are known; else they are among the others.
    """

    wall: float
    server: float
    generator: float
    redis: float
    database: float
    others: float


class Meter:
    """Started when made; `stop` tells what was used since."""

    def __init__(self, server: Sequence[int], redis: int, database: Sequence[int] = ()) -> None:
        self._server = [psutil.Process(pid) for pid in server]
        self._redis = psutil.Process(redis)
        self._database = [psutil.Process(pid) for pid in database]
        self._before = self._read()

    def stop(self) -> Use:
        wall, server, generator, redis, database, busy = (now - before for now, before in zip(self._read(), self._before, strict=True))
        others = max(0.0, busy - server - generator - redis - database)
        return Use(wall=wall, server=server, generator=generator, redis=redis, database=database, others=others)

    def _read(self) -> tuple[float, float, float, float, float, float]:
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - machine.iowait - machine.guest - machine.guest_nice
        return time.perf_counter(), sum(map(spent, self._server)), time.process_time(), spent(self._redis), sum(map(spent, self._database)), busy


def calm(until: float) -> None:
    """Wait until nobody else works here, or until that moment of `time.monotonic`."""
    while time.monotonic() < until and psutil.cpu_percent(2.0) > QUIET:
        pass


def spent(process: psutil.Process) -> float:
    """Processor seconds of a process so far; nothing of one that has gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def describe() -> str:
    """The machine in one line."""
    names = (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    model = next(names, platform.machine())
    memory = psutil.virtual_memory().total / 2**30
    return f"{len(CORES)} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}"


def versions(redis: str) -> dict[str, str]:
    """What was measured, by name. `redis` is that of the server that runs."""
    found = {"Python": platform.python_version(), "Redis": redis}
    for name in ("uvicorn", "uvloop", "websockets", "Django", "channels", "channels_redis", "daphne", "fastapi", "redis", "hiredis", "psycopg", "asyncpg"):
        try:
            found[name if name != "redis" else "redis-py"] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    if shutil.which("node"):
        found["Node"] = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip().lstrip("v")
        for package in ("socket.io", "@socket.io/redis-adapter"):
            manifest = HERE / "node_modules" / package / "package.json"
            if manifest.exists():
                found[package] = json.loads(manifest.read_text())["version"]
    return found
