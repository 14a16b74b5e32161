"""How this worker itself is: its memory and files, its event loop, and its ways to Redis and the database."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import sys
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

import django
from django.conf import settings
from django.db import connections

from accounts.counting import Gauge, Histogram, Labels, WorkersCounter
from accounts.redis import breaker
from realtime import layer

LOOK: Final = 0.1
"""Seconds between two looks at the event loop."""
REMEMBERED: Final = 15.0
"""Seconds for which the longest halt of the event loop is shown: as long as Prometheus usually leaves between two questions."""

Read = Iterable[tuple[Labels, float]]

LOOP_LAG: Final = Histogram(
    "switchboard_event_loop_lag_seconds",
    "How much later than asked a worker's event loop did something, looked at ten times a second. Everything live waits for as long.",
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)

_began: Final = time.time()
_lags: Final[deque[tuple[float, float]]] = deque(maxlen=int(REMEMBERED / LOOK))
_redis: list[float] = []


async def watch_loop() -> None:
    """Look at the running event loop, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LOOK
        await asyncio.sleep(LOOK)
        lag = max(0.0, loop.time() - due)
        LOOP_LAG.observe(lag)
        _lags.append((due, lag))


def look() -> None:
    """Look at what only the event loop's thread may."""
    _redis[:] = [float(breaker.closed and layer.here().is_well)]


def _longest_lag() -> Read:
    since = time.monotonic() - REMEMBERED  # the loop's own clock
    yield (), max((lag for due, lag in list(_lags) if due >= since), default=0.0)


def _memory() -> Read:
    try:
        with open("/proc/self/statm", "rb") as file:
            yield (), int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no Linux: the most it ever had, in bytes on macOS
        yield (), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _files() -> Read:
    try:
        # Since Linux 6.2 the size says how many there are; before, it is 0.
        yield (), os.stat("/proc/self/fd").st_size or len(os.listdir("/proc/self/fd"))
    except OSError:  # no Linux
        return


def _most_files() -> Read:
    yield (), resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _pool(name: str) -> Read:
    """From the pool of PostgreSQL's connections, if it has been used; SQLite has none."""
    database = connections["default"]
    pool = getattr(database, "_connection_pools", {}).get(database.alias)
    if pool is not None:
        stats = pool.get_stats()
        yield (), stats.get(name, 0)


def _pool_used() -> Read:
    for (labels, size), (_, idle) in zip(_pool("pool_size"), _pool("pool_available"), strict=True):
        yield labels, size - idle


def _build() -> Read:
    yield (settings.VERSION, platform.python_version(), django.get_version()), 1


Gauge("switchboard_worker_memory_bytes", "Resident memory of a worker.", read=_memory, per_worker=True)
Gauge("switchboard_worker_open_files", "File descriptors that a worker has open; each socket is one.", read=_files, per_worker=True)
Gauge("switchboard_worker_open_files_limit", "File descriptors that a worker may have open.", read=_most_files, per_worker=True)
WorkersCounter("switchboard_worker_cpu_seconds_total", "Processor time that a worker has used.", read=lambda: [((), time.process_time())], per_worker=True)
Gauge("switchboard_worker_start_time_seconds", "When a worker began, in Unix time.", read=lambda: [((), _began)], per_worker=True)
Gauge("switchboard_worker_longest_lag_seconds", "The longest halt of a worker's event loop in the last 15 seconds.", read=_longest_lag, per_worker=True)
Gauge("switchboard_redis_up", "Whether a worker hears Redis: 1, or 0.", read=lambda: [((), up) for up in _redis], per_worker=True)
Gauge("switchboard_database_pool_used", "Connections to PostgreSQL that a worker is using.", read=_pool_used, per_worker=True)
Gauge("switchboard_database_pool_size", "Connections to PostgreSQL that a worker holds.", read=lambda: _pool("pool_size"), per_worker=True)
Gauge("switchboard_database_pool_limit", "Connections to PostgreSQL that a worker may hold.", read=lambda: _pool("pool_max"), per_worker=True)
Gauge(
    "switchboard_database_pool_waiting",
    "How many wait for one of them.",
    read=lambda: _pool("requests_waiting"),
    per_worker=True,
)
Gauge("switchboard_build_info", "Which version workers run; the value is their number.", "version", "python", "django", read=_build)
