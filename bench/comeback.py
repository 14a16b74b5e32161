"""Real sockets of two real workers, one of which is killed: what that takes beside what the simulation says.

python -m bench.comeback [--sockets 1000] [--write bench/figures.json]
"""

from __future__ import annotations

import argparse
import errno
import heapq
import json
import os
import random
import select
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psutil

from bench import machine
from bench.capacity import FILE, Load, figures
from bench.contestants import CONTESTANTS, Contestant, Place
from bench.costs import OPTIONS
from bench.crowd import BROWSER, Crowd, Peer, Wrong, _advance
from bench.grounds import Grounds, prepared
from bench.machine import spent
from bench.measures import FIRST_SOCKETS, crowd_of
from bench.servers import Server
from bench.storm import host_lost

WORKERS = 2
PATIENCE = 180.0


def compare(grounds: Grounds, count: int, row: Contestant) -> dict[str, float]:
    """Memory and files of so many sockets, and when all of a killed worker's are back: predicted, and what came."""
    known = figures()
    known["handshake_cpu_ms"] = json.loads(FILE.read_text())["costs"]["handshake_cpu_ms"]  # as it was measured, on a machine as busy as now
    users = grounds.users[FIRST_SOCKETS : FIRST_SOCKETS + count]
    with ExitStack() as stack:
        server, place = stack.enter_context(grounds.serving(row, workers=WORKERS, **OPTIONS, WS_HEARTBEAT_INTERVAL="600"))
        stack.enter_context(crowd_of(grounds, row, place, grounds.users[:FIRST_SOCKETS], more=BROWSER))
        memory, files = server.settled_memory(), _files(server)
        crowd = stack.enter_context(crowd_of(grounds, row, place, users, more=BROWSER))
        grown, opened = (server.settled_memory() - memory) / 2**20, _files(server) - files
        lost, attempts, took, share = _killed(grounds, row, place, server, crowd, known)
    load = Load(sockets=lost * WORKERS, notifications=0)
    foreseen = host_lost(load, lost=1, workers=WORKERS, tickets=False, share=share, known=known)
    return {
        "sockets": count,
        "memory_mib_predicted": count * known["socket_kib"] / 1024,
        "memory_mib": grown,
        "files_predicted": count * known["socket_files"],
        "files": opened,
        "lost": lost,
        "share": share,
        "all_back_s_predicted": foreseen.all,
        "all_back_s": took[-1],
        "half_back_s_predicted": foreseen.half,
        "half_back_s": took[len(took) // 2],
        "attempts_predicted": foreseen.attempts,
        "attempts": attempts / lost,
    }


def _files(server: Server) -> int:
    return sum(process.num_fds() for process in server.family())


def _killed(grounds: Grounds, row: Contestant, place: Place, server: Server, crowd: Crowd, known: Mapping[str, float]) -> tuple[int, int, list[float], float]:
    """Kill the worker that was begun first; how many sockets that closes, their attempts, when each was open again, and what of a core the other had."""
    workers = sorted((each for each in server.family() if any("spawn_main" in word for word in each.cmdline())), key=psutil.Process.create_time)
    crowd.still(0)
    begun, used = time.perf_counter(), spent(workers[1])
    os.kill(workers[0].pid, signal.SIGKILL)
    gone, deadline = _closed(crowd), begun + PATIENCE
    crowd.dismiss(gone)
    requests = grounds.requests(row, place, [grounds.users[FIRST_SOCKETS + peer.number] for peer in gone], BROWSER)
    attempts, took = _come_back(requests, row, place.port, crowd, known, begun, deadline)
    return len(gone), attempts, took, min(1.0, (spent(workers[1]) - used) / (time.perf_counter() - begun))


def _closed(crowd: Crowd) -> list[Peer]:
    gone: dict[int, Peer] = {}
    quiet = time.perf_counter() + 0.3
    while time.perf_counter() < quiet or not gone:
        for peer in [each for each in crowd.peers if each.number not in gone]:
            try:
                if not peer.sock.recv(65536, 0x40):  # MSG_DONTWAIT
                    gone[peer.number] = peer
            except BlockingIOError:
                pass
            except ConnectionError:
                gone[peer.number] = peer
        time.sleep(0.02)
    return list(gone.values())


def _come_back(
    requests: Sequence[bytes], row: Contestant, port: int, crowd: Crowd, known: Mapping[str, float], begun: float, deadline: float
) -> tuple[int, list[float]]:
    """As backoff.js has it: each waits, tries, and waits longer when it was not let in."""
    chance, first, longest = random.Random(3), known["backoff_first_ms"] / 1000, known["backoff_longest_ms"] / 1000
    tries, attempts, took = [1] * len(requests), 0, list[float]()
    due = [(begun + chance.random() * first, client) for client in range(len(requests))]
    heapq.heapify(due)
    under_way: dict[int, Peer] = {}
    epoll = select.epoll()

    def again(client: int) -> None:
        heapq.heappush(due, (time.perf_counter() + chance.random() * min(longest, first * 2 ** tries[client]), client))
        tries[client] += 1

    with closing(epoll):
        while len(took) < len(requests):
            if time.perf_counter() > deadline:
                raise Wrong(f"{len(requests) - len(took)} of {len(requests)} sockets are not back after {PATIENCE:g} s")
            while due and due[0][0] <= time.perf_counter():
                client = heapq.heappop(due)[1]
                peer, attempts = Peer(client, requests[client]), attempts + 1
                if peer.sock.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
                    again(client)
                    continue
                under_way[peer.sock.fileno()] = peer
                epoll.register(peer.sock.fileno(), select.EPOLLOUT)
            for fd, _ in epoll.poll(0.01):
                peer = under_way[fd]
                try:
                    if not peer.sent:
                        peer.sock.send(peer.request)
                        peer.sent = True
                        epoll.modify(fd, select.EPOLLIN)
                        continue
                    if not _advance(peer, row.steps):
                        continue
                    took.append(time.perf_counter() - begun)
                except (OSError, Wrong):
                    again(peer.number)
                epoll.unregister(fd)
                del under_way[fd]
                if peer.step == len(row.steps):
                    crowd.admit(peer)
                else:
                    peer.sock.close()
    return attempts, took


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.comeback", description="The simulation beside what really happens, at a small size.")
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--write", type=Path, help="the file of figures in which the comparison is kept")
    given = parser.parse_args()
    machine.prepare()
    with prepared(given.sockets + FIRST_SOCKETS, postgres=False) as grounds:
        found = compare(grounds, given.sockets, CONTESTANTS["ours"])
    for name, value in found.items():
        print(f"{name:24} {value:10.2f}")
    if given.write:
        said: dict[str, Any] = json.loads(given.write.read_text())
        said["reality"] = {name: float(f"{value:.3g}") for name, value in found.items()}
        given.write.write_text(json.dumps(said, indent=2) + "\n")


if __name__ == "__main__":
    main()
