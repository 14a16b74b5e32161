"""Many peers that do not read, beside many that do: the first are ended, and the others do not notice."""

import asyncio
import json
import statistics
import time

import psutil
import pytest
from asgiref.sync import sync_to_async
from websockets.asyncio.client import connect

from accounts.groups import publish, user_group
from tests import cast
from tests.servers.raw import RawSocket

BELL = "/api/ws/notifications"
NEW = "Sec-WebSocket-Protocol: switchboard.v1\r\n"
TICK = 0.05
PER_TICK = 5
BIG = "x" * 10_000  # five every 50 ms are 1 MB a second
MIB = 2**20


async def tell(users, *, first, seconds, text=""):
    """Push PER_TICK frames to each of them every TICK, numbered from `first`."""
    for tick in range(round(seconds / TICK)):
        due = time.perf_counter() + TICK
        for seq in range(first + tick * PER_TICK, first + (tick + 1) * PER_TICK):
            frame = json.dumps({"type": "notification", "seq": seq, "data": {"at": time.perf_counter(), "text": text}})
            message = {"type": "push", "seq": seq, "topic": "notification", "frame": frame}
            await asyncio.to_thread(publish, [(user_group(user.pk), message) for user in users])
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def listen(url, *, opened, count):
    """Take `count` pushes, each of which must be the next; how long each was under way, in milliseconds."""
    delays = []
    async with connect(url, subprotocols=["switchboard.v1"], compression=None, proxy=None, max_queue=None) as peer:
        await peer.recv()
        opened.release()
        while len(delays) < count:
            frame = json.loads(await peer.recv())
            if frame["type"] == "notification":
                delays.append((time.perf_counter() - frame["data"]["at"]) * 1000)
                assert frame["seq"] == len(delays)
    return delays


async def gone(worker, ports, *, while_running):
    """When each connection from these ports was gone, in seconds from now, and the most memory the worker had."""
    began, ends, peak = time.perf_counter(), {}, 0
    while len(ends) < len(ports) or not while_running.done():
        now = time.perf_counter() - began
        assert now < 60, f"{len(ports) - len(ends)} readers that stall are still connected"
        there = {each.raddr.port for each in worker.net_connections() if each.raddr}
        ends |= {port: now for port in ports if port not in there and port not in ends}
        peak = max(peak, worker.memory_full_info().uss)
        await asyncio.sleep(0.1)
    return sorted(ends.values()), peak


def stall(port, token):
    """A peer that does not read after its greeting."""
    peer = RawSocket(port, f"{BELL}?token={token}", headers=NEW, receive_buffer=4096)
    peer.shake_hands()
    peer.receive()
    return peer


@pytest.mark.timeout(300)
async def test_those_who_read_do_not_notice_those_who_do_not(servers, db, token, request):
    crowd, seconds = (50, 10) if request.config.getoption("--long-soak") else (8, 4)
    healthy, stalling = [[await sync_to_async(cast.member)(name) for _ in range(crowd)] for name in ("healthy", "stalling")]
    each = round(seconds / TICK) * PER_TICK
    with servers.serve(env={"WS_HEARTBEAT_INTERVAL": "60"}) as site:
        worker, opened = psutil.Process(site.workers()[0]), asyncio.Semaphore(0)
        listening = asyncio.gather(*(listen(f"{site.ws_url}{BELL}?token={token(user)}", opened=opened, count=2 * each) for user in healthy))
        for _ in healthy:
            await opened.acquire()
        await tell(healthy, first=1, seconds=seconds)

        peers = [await asyncio.to_thread(stall, site.port, token(user)) for user in stalling]
        before = worker.memory_full_info().uss
        telling = asyncio.gather(tell(healthy, first=each + 1, seconds=seconds), tell(stalling, first=1, seconds=seconds, text=BIG))
        ends, peak = await gone(worker, {peer.sock.getsockname()[1] for peer in peers}, while_running=telling)
        await telling
        delays = await listening
        after = worker.memory_full_info().uss
        for peer in peers:
            peer.sock.close()

    alone, beside = (statistics.quantiles([delay for mine in delays for delay in mine[half]], n=100)[98] for half in (slice(each), slice(each, None)))
    print(
        f"\n{crowd} readers that stall at 1 MB/s: gone after {ends[0]:.1f} to {ends[-1]:.1f} s, two of them for a polite close. "
        f"The worker's memory: {before / MIB:.0f} MiB before, {peak / MIB:.0f} at most, {after / MIB:.0f} after. "
        f"p99 of {crowd} healthy readers: {alone:.1f} ms alone, {beside:.1f} ms beside them."
    )
    # What may wait for one of them: 256 KiB, 64 in the transport, and the last frames of one turn.
    assert peak - before < crowd * MIB + 16 * MIB
