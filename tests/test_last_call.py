"""What a worker that goes still answers."""

import os
import signal
import socket
from pathlib import Path

import psutil

from tests.servers.waiting import until
from tests.servers.workers import serving
from tests.test_serve import BARE


def test_a_request_that_is_on_its_way_when_the_worker_goes_is_answered(tmp_path: Path) -> None:
    env = {**BARE, "VAR_DIR": str(tmp_path / "var")}
    with serving(workers=1, log=tmp_path / "log", env=env) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        [worker] = server.workers()

        def connections(status: str) -> set[int]:
            return {each.raddr.port if each.raddr else 0 for each in psutil.Process(worker).net_connections("tcp") if each.status == status}

        mine = client.getsockname()[1]
        until(lambda: mine in connections("ESTABLISHED"), what="the worker has taken the connection")
        os.kill(worker, signal.SIGTERM)
        until(lambda: not connections("LISTEN"), what="it takes no more")
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        client.settimeout(10)
        answer = b"".join(iter(lambda: client.recv(4096), b""))  # to its end: the connection is closed after this one
        assert answer.startswith(b"HTTP/1.1 200")
        assert str(worker).encode() in answer
