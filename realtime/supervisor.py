"""The supervisor: starts the worker processes, watches them, replaces them and puts them away."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection
from multiprocessing import resource_tracker
from typing import Any, Final

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from realtime.access_log import keep_queries_out_of_logs
from realtime.worker import WorkerServer

logger = logging.getLogger("uvicorn.error")

TICK: Final = 0.2
DRAIN_LIMIT: Final = 20.0
"""Seconds after which a worker that was told to go is killed."""
BACKLOG: Final = 4096
STALLED_MS: Final = 30_000
"""How long the kernel waits for a peer to acknowledge what was sent before it gives the connection up."""


class PortUnavailable(Exception):
    """We cannot listen there. The text says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that all workers share; port 0 takes any free one. Raises PortUnavailable."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise PortUnavailable(f"{host!r} is not an address of this machine: {error.strerror}.") from error
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        drop_the_unreachable(sock)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortUnavailable(_why_not(error, host, port)) from error
    return sock


def drop_the_unreachable(sock: socket.socket) -> None:
    """Have a listening socket's connections dropped whose peers acknowledge nothing for STALLED_MS, where the system can do that (Linux)."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # accepted sockets inherit it
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken: stop what listens there, or choose another port."
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for root: choose one from 1024 up."
    return f"Cannot listen on port {port} of {host}: {error.strerror}."


class Worker(Process):
    """One worker process. Its parent never waits for its answer."""

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.ready = False
        """It has begun to accept connections."""
        self._asked_at: float | None = None

    def silent_for(self) -> float:
        """Seconds since it was asked for a sign of life that has not come; 0.0 when all is well."""
        now = time.monotonic()
        try:
            while self.parent_conn.poll(0):
                self.ready = bool(self.parent_conn.recv())
                self._asked_at = None
            if self._asked_at is None:
                self.parent_conn.send(b"ping")
                self._asked_at = now
        except (OSError, EOFError):
            return 0.0  # it is just ending, which shows elsewhere
        return now - self._asked_at

    # In the worker process

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # until Uvicorn listens to it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        # Only the parent may hold the parent's end, so that its death can be seen from here.
        self.parent_conn.close()
        keep_queries_out_of_logs()
        self._server = WorkerServer(config=self.config)
        try:
            super().target(sockets)
        except Exception:
            if self._server.started:
                raise
            logger.exception("This worker cannot start.")
            sys.exit(STARTUP_FAILURE)

    def always_pong(self) -> None:
        try:
            super().always_pong()
        except (EOFError, OSError):
            os.kill(os.getpid(), signal.SIGTERM)


class Supervisor(Multiprocess):
    """Keeps `config.workers` workers serving `sock` until a signal ends it.

    SIGTERM and SIGINT drain; a second SIGINT does not wait. SIGHUP replaces the workers one by one.
    `when_ready` is called once, when all workers accept connections; `meanwhile` again and again, with the process ids of those that live.
    """

    processes: list[Worker]  # type: ignore[assignment]

    def __init__(
        self, *, config: Config, sock: socket.socket, when_ready: Callable[[], None] = lambda: None, meanwhile: Callable[[Collection[int]], None] | None = None
    ) -> None:
        super().__init__(config, [sock])
        self.failed = False
        """The workers could not start."""
        self._when_ready: Callable[[], None] | None = when_ready
        self._meanwhile = meanwhile
        self._outgoing: list[Worker] = []
        self._incoming: Worker | None = None
        self._incoming_since = 0.0
        self._leaving: dict[Worker, float] = {}
        self._waits = True
        self._had_terminal = _has_terminal()

    def run(self) -> None:
        """Serve until told to end; all workers are gone when it returns."""
        try:
            self.init_processes()
            while not self.should_exit.wait(TICK):
                self.handle_signals()
                self.keep_subprocess_alive()
                self._replace_next()
                self._bury()
                if self._when_ready is not None and all(worker.ready for worker in self.processes):
                    self._when_ready()
                    self._when_ready = None
                if self._meanwhile is not None:
                    self._meanwhile({worker.pid or 0 for worker in self._everybody()})
        finally:
            self._drain()

    def init_processes(self) -> None:
        self.processes = [self._hire() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        for index, worker in enumerate(self.processes):
            frozen = worker.silent_for() > self.config.timeout_worker_healthcheck
            if worker.process.is_alive() and not frozen:
                continue
            logger.error("Worker %s %s.", worker.pid, "does not answer and is killed" if frozen else "died")
            worker.kill()
            worker.join()
            if worker.exitcode == STARTUP_FAILURE:
                self.failed = True
                self.should_exit.set()
                return
            self.processes[index] = self._hire()

    def restart_all(self) -> None:
        self._outgoing = list(self.processes)

    def handle_int(self) -> None:
        if self.should_exit.is_set():
            self._waits = False
        super().handle_int()

    def handle_hup(self) -> None:
        if self._had_terminal and not _has_terminal():
            self.handle_term()  # its window was closed, nobody asked for new workers
        else:
            logger.info("Replacing the workers one by one.")
            self.restart_all()

    def handle_ttin(self) -> None:
        self.processes_num += 1
        self.processes.append(self._hire())

    def handle_ttou(self) -> None:
        if self.processes_num > 1:
            self.processes_num -= 1
            self._dismiss(self.processes.pop())

    def _hire(self) -> Worker:
        worker = Worker(self.config, self.sockets)
        # A Ctrl-C must not interrupt it amid its imports: it inherits the mask, and hears from us instead.
        resource_tracker.ensure_running()  # or it starts in between, and lifts the mask
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        worker.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return worker

    def _dismiss(self, worker: Worker) -> None:
        worker.terminate()
        self._leaving[worker] = time.monotonic() + DRAIN_LIMIT

    def _bury(self) -> None:
        for worker, deadline in list(self._leaving.items()):
            if worker.process.is_alive() and time.monotonic() < deadline:
                continue
            if worker.process.is_alive():
                logger.error("Worker %s has not gone in time and is killed.", worker.pid)
            worker.kill()
            worker.process.join()
            del self._leaving[worker]

    def _replace_next(self) -> None:
        """One step of a rolling restart: the next worker goes when its successor accepts and its predecessor has gone."""
        if self._incoming is None:
            if self._outgoing and not self._leaving:
                self._incoming, self._incoming_since = self._hire(), time.monotonic()
            return
        newcomer = self._incoming
        newcomer.silent_for()
        late = time.monotonic() - self._incoming_since > self.config.timeout_worker_healthcheck
        if late or not newcomer.process.is_alive():
            logger.error("Worker %s did not start: the others stay as they are.", newcomer.pid)
            newcomer.kill()
            newcomer.process.join()
            self._incoming, self._outgoing = None, []
        elif newcomer.ready:
            self._incoming = None
            old = self._outgoing.pop(0)
            if old in self.processes:
                self.processes[self.processes.index(old)] = newcomer
                self._dismiss(old)
            else:  # it died meanwhile and has a successor already
                self._dismiss(newcomer)

    def _everybody(self) -> set[Worker]:
        return {*self.processes, *self._leaving, *([self._incoming] if self._incoming else [])}

    def _drain(self) -> None:
        for worker in self._everybody() - self._leaving.keys():
            self._dismiss(worker)
        while self._leaving:
            # Not emptied before: the second one may have come already.
            if signal.SIGINT in self.signal_queue or not self._waits:
                self._leaving = dict.fromkeys(self._leaving, 0.0)
            self._bury()
            time.sleep(TICK / 4)


def worker_config(*, application: str, workers: int, heartbeat: float, drain_spread: float) -> Config:
    """How our workers run Uvicorn. `application` is a dotted path; durations are in seconds."""
    options: dict[str, Any] = {
        "loop": "uvloop",
        "http": "realtime.http_protocol:HttpProtocol",
        "ws": "realtime.server:SocketProtocol",
        "lifespan": "off",
        "log_config": None,
    }
    return Config(
        application[::-1].replace(".", ":", 1)[::-1],
        **options,
        workers=workers,
        backlog=BACKLOG,
        # The keeper closes silent peers, by what it has heard of them; Uvicorn only makes them speak.
        ws_ping_interval=heartbeat,
        ws_ping_timeout=None,
        ws_max_size=1024 * 1024,
        ws_per_message_deflate=False,
        # Whose word on the client's address is believed is an option of ours.
        proxy_headers=False,
        server_header=False,
        timeout_worker_healthcheck=90,
        timeout_graceful_shutdown=min(int(drain_spread) + 5, int(DRAIN_LIMIT) - 1),
    )


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
