"""A Redis as a site may run it: reached over TCP, with a password, behind TLS, watched by a Sentinel."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from config.embedded import _LAUNCH, _binary
from tests.servers.background import join
from tests.servers.waiting import until

HOST = "127.0.0.1"


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class TcpRedis:
    """A Redis on a TCP port, always the same, inside a `with` block. `options` are lines of its configuration."""

    def __init__(self, folder: Path, *options: str, password: str = "", arguments: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.password = password
        self.url = f"redis://{':' + password + '@' if password else ''}{HOST}:{self.port}"
        self._folder = folder / f"redis-{self.port}"
        self._folder.mkdir()
        self._lines = [f"port {self.port}", f"bind {HOST}", f'logfile "{self._folder}/log"', f'dir "{self._folder}"', *options]
        if password:
            self._lines.append(f"requirepass {password}")
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty; it answers when this returns."""
        file = self._folder / "conf"
        file.write_text("\n".join(self._lines))
        command = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), _binary(), str(file), *self._arguments]
        self._process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        until(self._answers, what="an answer of Redis")

    def kill(self) -> None:
        """End it at once, as a crash would. Nothing happens if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        """A connection to it, to be closed by a `with` block."""
        return redis.Redis(host=HOST, port=self.port, password=self.password or None, decode_responses=True)

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()


class Replica(TcpRedis):
    """A copy of another Redis, whole when its `with` block begins."""

    def __init__(self, folder: Path, master: TcpRedis) -> None:
        lines = [f"replicaof {HOST} {master.port}", "repl-diskless-sync yes", "repl-diskless-sync-delay 0"]
        if master.password:
            lines.append(f"masterauth {master.password}")
        super().__init__(folder, *lines, password=master.password)

    def __enter__(self) -> Self:
        super().__enter__()
        with self.client() as client:
            until(lambda: client.info("replication")["master_link_status"] == "up", what="a whole copy")
        return self


class Sentinel(TcpRedis):
    """Watches a master, knows its replicas, and makes one of them the master when it dies."""

    def __init__(self, folder: Path, master: TcpRedis, *, name: str, password: str = "") -> None:
        lines = [f"sentinel monitor {name} {HOST} {master.port} 1", f"sentinel down-after-milliseconds {name} 500", f"sentinel failover-timeout {name} 2000"]
        if master.password:
            lines.append(f"sentinel auth-pass {name} {master.password}")
        super().__init__(folder, *lines, password=password, arguments=["--sentinel"])
        self._name = name

    def master(self) -> int:
        """The port of the master, as it sees it."""
        with self.client() as client:
            return int(client.sentinel_get_master_addr_by_name(self._name)[1])

    def __enter__(self) -> Self:
        super().__enter__()
        with self.client() as client:
            until(lambda: client.sentinel_slaves(self._name), what="a Sentinel that knows the replica")
        return self


@asynccontextmanager
async def behind_tls(certificate: Path, key: Path, upstream: Path) -> AsyncIterator[int]:
    """A TCP port that speaks TLS and hands on to a unix socket, in this event loop: ask it from a thread, or with await."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    joined: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        joined.add(asyncio.create_task(join((reader, writer), await asyncio.open_unix_connection(upstream))))

    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in joined:
            task.cancel()
        await asyncio.gather(*joined, return_exceptions=True)
